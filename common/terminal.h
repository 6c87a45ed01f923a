#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringtrain {

/// Whether a person looks at the standard error. A launcher whose own is a terminal says so to its ranks,
/// with its width (RINGTRAIN_TERMINAL_COLUMNS): mpirun puts a pipe between them. TERM=dumb is none.
bool stderr_is_terminal();
/// Its width; 80 where that cannot be known.
std::size_t terminal_columns();

/// Characters of UTF-8 text (bytes of the form 10xxxxxx continue one).
std::size_t characters_of(std::string_view text);
/// Its first `columns` characters.
std::string_view cut(std::string_view text, std::size_t columns);
/// Its lines, broken between words where they have more than `columns` characters; what follows a break is
/// led by `indent` blanks. Blanks between words stay. A longer word stays whole.
std::string wrapped(std::string_view text, std::size_t columns, std::size_t indent = 0);

}  // namespace ringtrain
