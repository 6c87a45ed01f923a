#include "data/schema/value_check.h"

#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <cmath>

#include "common/text.h"
#include "data/schema/values.h"

namespace ringtrain {
namespace {

std::string not_utf8(const std::string& text) {
  const bool valid = arrow::util::ValidateUTF8(reinterpret_cast<const std::uint8_t*>(text.data()),
                                               static_cast<std::int64_t>(text.size()));
  return valid ? "" : "the text is not UTF-8. Convert the file: iconv -f latin1 -t utf-8";
}

}  // namespace

ValueCheck::ValueCheck(const DataConfig& config, TargetKind kind, at::ScalarType dtype)
    : config_(config), kind_(kind), dtype_(dtype) {
  arrow::util::InitializeUTF8();
}

std::string ValueCheck::number(const std::string& text) const {
  if (is_missing(text)) return missing_number();
  const auto value = parse_number(text);
  if (!value)
    return fmt::format(
        "expected a number, got {}. Mend the file, or list the column under data.features.categorical or "
        "data.features.ignore",
        excerpt(text));
  if (std::isnan(*value)) return missing_number();
  return infinite(text, *value);
}

std::string ValueCheck::word(const std::string& text) const {
  if (is_missing(text) && config_.missing.categorical == "error")
    return "the value is missing. Fill it in, or set data.missing.categorical: category";
  return not_utf8(text);
}

std::string ValueCheck::target(const std::string& text) const {
  if (is_missing(text)) return "the target is missing. Fill it in, or remove the row";
  if (kind_ == TargetKind::classes) return not_utf8(text);
  const auto value = parse_number(text);
  if (!value)
    return fmt::format(
        "expected a number as target of a regression, got {}. Mend the file, or choose a classification",
        excerpt(text));
  if (std::isnan(*value)) return "the target is missing. Fill it in, or remove the row";
  return infinite(text, *value);
}

std::string ValueCheck::missing_number() const {
  return config_.missing.numeric == "error"
             ? "the value is missing. Fill it in, or set data.missing.numeric: mean"
             : "";
}

std::string ValueCheck::infinite(const std::string& text, double value) const {
  if (dtype_ == at::kFloat) value = static_cast<float>(value);
  if (!std::isinf(value)) return "";
  return fmt::format(
      "expected a finite number{}, got {}. Mend the file, or list the column under data.features.ignore",
      dtype_ == at::kFloat ? " that float32 can hold" : "", excerpt(text));
}

}  // namespace ringtrain
