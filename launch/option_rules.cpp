#include "launch/option_rules.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace ringtrain {
namespace {

/// By the name of its type, or by that of its range.
bool takes_whole_numbers(const CLI::Option& option) {
  const auto type = option.get_type_name();
  return type.starts_with("INT") || type.starts_with("UINT") || type.find(":INT in [") != std::string::npos ||
         type.find(":UINT in [") != std::string::npos;
}

std::string not_empty(std::string& text) {
  return text.empty() ? "expected a value, got an empty text; leave the option out where nothing is meant"
                      : "";
}

template <class Number>
bool is(const std::string& text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::string plain_number(std::string& text) {
  const auto digits = text.find_first_not_of('-');
  const bool padded = digits != std::string::npos && text[digits] == '0' && text.size() > digits + 1;
  if (!padded && (is<std::int64_t>(text) || is<std::uint64_t>(text))) return "";
  return fmt::format("expected a whole number, got '{}'", text.substr(0, 40));
}

}  // namespace

void add_option_rules(CLI::App& app) {
  for (auto* option : app.get_options([](const CLI::Option* one) { return !one->get_group().empty(); })) {
    if (option->get_expected_max() == 0) continue;  // a flag
    // `transform` is what puts a check before those that are there: ranges would speak first.
    if (takes_whole_numbers(*option)) option->transform(CLI::Validator(plain_number, ""));
    option->transform(CLI::Validator(not_empty, ""));
  }
  for (auto* command : app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
    add_option_rules(*command);
}

}  // namespace ringtrain
