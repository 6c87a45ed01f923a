#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/config.h"

/// Writes a described configuration: as YAML with its values, and as a reference page.
namespace ringtrain::config {

/// All fields with their values, in the order of the description. Reading it back gives the same values;
/// numbers are written with the fewest digits that do so. Of a variant only the chosen kind's fields are
/// written.
std::string to_yaml(const std::function<void(Visitor&)>& describe);

/// `text` as a YAML scalar that reads back as just this text, in any tool: in quotes, on one line, unless it
/// is a plain word.
std::string to_scalar(const std::string& text);

/// The reference in Markdown: a table for each section and for each kind of a variant, with type, default,
/// rule and meaning of each field. The defaults are the values that the described structs have now: pass
/// fresh ones. `under`: only the field or section with this path ("trainer.optimizer") and what is below it.
/// Throws ConfigError when there is none.
std::string to_markdown(const std::function<void(Visitor&)>& describe, std::string_view title,
                        std::string_view under = {});

}  // namespace ringtrain::config
