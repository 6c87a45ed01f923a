#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringtrain {

/// The name in `known` that `word` was probably meant to be, or "" when none is near (edit distance above a
/// third).
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// " Did you mean 'x'?" or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

/// "a, b, c".
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

/// Whether `name` matches `pattern`, in which `*` stands for any characters: "V*".
bool matches(std::string_view pattern, std::string_view name);

/// "12,345".
std::string with_commas(long long number);

/// "85.3 ms", "12 s", "3 min 05 s", "2 h 10 min".
std::string human_seconds(double seconds);

/// "512 B", "25.0 MiB".
std::string human_bytes(double bytes);

}  // namespace ringtrain
