#include "data/schema/preprocessing.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "common/errors.h"
#include "data/schema/operations.h"
#include "data/schema/word_codes.h"

namespace ringtrain {
namespace {

/// A schema with coded columns is of version 3, so that an earlier ringtrain does not take them for one-hot
/// ones; others stay what they were.
constexpr std::int64_t kCodedVersion = 3;
constexpr std::int64_t kVersion = kCodedVersion;
constexpr std::array kParts{"none", "year", "month", "weekday", "hour", "days"};
constexpr std::array kEncodings{"one_hot", "embedding", "hash"};

DatePart part_of(const std::string& name) {
  const auto found = std::find(kParts.begin(), kParts.end(), name);
  if (found == kParts.end()) throw DataError(fmt::format("preprocessing: unknown part of a date '{}'", name));
  return static_cast<DatePart>(found - kParts.begin());
}

Encoding encoding_of(const std::string& name) {
  const auto found = std::find(kEncodings.begin(), kEncodings.end(), name);
  if (found == kEncodings.end()) throw DataError(fmt::format("preprocessing: unknown encoding '{}'", name));
  return static_cast<Encoding>(found - kEncodings.begin());
}

at::Tensor run(const Operation& operation, const std::vector<at::Tensor>& values, const at::Tensor& codes) {
  using Kind = Operation::Kind;
  const auto input = [&](std::size_t i) { return values.at(operation.inputs.at(i)); };
  switch (operation.kind) {
    case Kind::cast:
      return input(0).to(operation.type);
    case Kind::fill:
      return at::where(at::isnan(input(0)), constant_row(operation.a, operation.type), input(0));
    case Kind::scale:
      return (input(0) - constant_row(operation.a, operation.type)) *
             constant_row(operation.b, operation.type);
    case Kind::choose:
      return at::where(constant_row(operation.a, at::kBool), input(0), input(1));
    case Kind::look_up:
      return codes.narrow(1, static_cast<std::int64_t>(operation.column), 1);
    case Kind::one_hot:
      return at::eq(input(0), at::arange(operation.width, input(0).options())).to(operation.type);
    case Kind::join: {
      std::vector<at::Tensor> parts;
      for (std::size_t i = 0; i < operation.inputs.size(); ++i) parts.push_back(input(i));
      return parts.empty() ? at::empty({codes.size(0), 0}, operation.type) : at::cat(parts, 1);
    }
  }
  throw std::logic_error("an operation without a kind");
}

template <class T>
T read(const nlohmann::json& json, const char* key) {
  try {
    return json.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(
        fmt::format("preprocessing: field '{}' is missing or of a wrong type ({})", key, error.what()));
  }
}

/// One value as it is, several as a list.
template <class T>
nlohmann::json one_or_list(const std::vector<T>& values, const T& none) {
  if (values.size() > 1) return values;
  return values.empty() ? none : values.front();
}

template <class T>
std::vector<T> read_one_or_list(const nlohmann::json& json, const char* key) {
  if (json.contains(key) && json[key].is_array()) return read<std::vector<T>>(json, key);
  return {read<T>(json, key)};
}

/// What was written before there was a scale has none.
std::vector<TargetScale> read_scales(const nlohmann::json& json, std::size_t targets) {
  std::vector<double> shifts(targets, 0), scales(targets, 1);
  if (json.contains("target_shift")) shifts = read_one_or_list<double>(json, "target_shift");
  if (json.contains("target_scale")) scales = read_one_or_list<double>(json, "target_scale");
  if (shifts.size() != targets || scales.size() != targets)
    throw DataError(
        fmt::format("preprocessing: target_shift and target_scale do not have one number for each of the {} "
                    "targets",
                    targets));
  std::vector<TargetScale> result;
  for (std::size_t i = 0; i < targets; ++i) {
    if (!std::isfinite(shifts[i]) || !std::isfinite(scales[i]) || scales[i] <= 0)
      throw DataError(
          "preprocessing: target_shift and target_scale are no finite number and positive number");
    result.push_back({.shift = shifts[i], .scale = scales[i]});
  }
  return result;
}

}  // namespace

bool CategoricalColumn::knows(std::string_view word) const {
  return encoding == Encoding::hash || std::binary_search(vocabulary.begin(), vocabulary.end(), word);
}

std::vector<CodedColumn> Preprocessing::coded() const {
  std::vector<CodedColumn> columns;
  for (const auto& column : categorical)
    if (column.is_coded()) columns.push_back({column.name, count_codes(column)});
  return columns;
}

std::int64_t Preprocessing::width() const {
  auto width = static_cast<std::int64_t>(numeric.size());
  for (const auto& column : categorical) width += column.width();
  return width;
}

bool Preprocessing::has_wide() const {
  return std::any_of(numeric.begin(), numeric.end(), [](const NumericColumn& c) { return c.wide; });
}

bool Preprocessing::scales_target() const {
  return std::any_of(target_scales.begin(), target_scales.end(),
                     [](const TargetScale& one) { return one != TargetScale(); });
}

TargetScale Preprocessing::scale_of(std::size_t target) const {
  return target_scales.empty() ? TargetScale() : target_scales.at(target);
}

at::ScalarType Preprocessing::numeric_type() const { return has_wide() ? at::kDouble : at::kFloat; }

Fields Preprocessing::apply(const at::Tensor& numeric_values, const at::Tensor& codes,
                            at::ScalarType type) const {
  std::vector<at::Tensor> values{numeric_values};
  const auto [steps, features, categories] = operations(*this, type);
  for (const auto& operation : steps) values.push_back(run(operation, values, codes));
  if (!categories) return values.at(*features);
  std::vector<Fields::Field> inputs;
  if (features) inputs.emplace_back(kNumericInput, values.at(*features));
  inputs.emplace_back(kCategoriesInput, values.at(*categories));
  return Fields(std::move(inputs));
}

nlohmann::json Preprocessing::to_json() const {
  const bool coded = std::any_of(categorical.begin(), categorical.end(),
                                 [](const CategoricalColumn& column) { return column.is_coded(); });
  nlohmann::json json{{"schema_version", coded ? kCodedVersion : reading.version},
                      {"missing", reading.missing},
                      {"unseen", refuse_unseen ? "error" : "other"},
                      {"numeric", nlohmann::json::array()},
                      {"categorical", nlohmann::json::array()},
                      {"target", one_or_list(targets, std::string())},
                      {"labels", labels}};
  for (const auto& c : numeric) {
    json["numeric"].push_back({{"name", c.name},
                               {"shift", c.shift},
                               {"scale", c.scale},
                               {"fill", c.fill ? nlohmann::json(*c.fill) : nlohmann::json(nullptr)}});
    auto& last = json["numeric"].back();
    if (c.wide) last["wide"] = true;
    if (c.part != DatePart::none)
      last.update({{"part", kParts.at(static_cast<std::size_t>(c.part))}, {"source", c.source}});
  }
  for (const auto& c : categorical) {
    json["categorical"].push_back({{"name", c.name},
                                   {"vocabulary", c.vocabulary},
                                   {"missing_is_category", c.missing_is_category},
                                   {"missing_is_unseen", c.missing_is_unseen}});
    auto& last = json["categorical"].back();
    if (c.is_coded()) last["encoding"] = kEncodings.at(static_cast<std::size_t>(c.encoding));
    if (c.encoding == Encoding::hash) last["buckets"] = c.buckets;
    if (c.encoding == Encoding::embedding) last["min_count"] = c.min_count;
    if (!c.usual.empty()) last["usual"] = c.usual;
  }
  if (!ignored.empty()) json["ignored"] = ignored;
  if (!tokens && labels.empty()) {
    std::vector<double> shifts, scales;
    for (std::size_t i = 0; i < std::max<std::size_t>(targets.size(), 1); ++i) {
      shifts.push_back(scale_of(i).shift);
      scales.push_back(scale_of(i).scale);
    }
    json["target_shift"] = one_or_list(shifts, 0.0);
    json["target_scale"] = one_or_list(scales, 1.0);
  }
  if (tokens)
    json["tokens"] = {
        {"context", tokens->context}, {"vocabulary", tokens->vocabulary}, {"texts", tokens->texts}};
  if (signature) json["signature"] = signature->to_json();
  return json;
}

Preprocessing Preprocessing::from_json(const nlohmann::json& json) {
  Preprocessing result;
  result.reading = {.version = 1, .missing = ReadingRules::usual_missing()};
  if (json.contains("schema_version")) {
    const auto version = read<std::int64_t>(json, "schema_version");
    if (version > kVersion)
      throw DataError(
          fmt::format("its schema has version {}, but this ringtrain reads up to {}; use a newer "
                      "ringtrain",
                      version, kVersion));
    result.reading.version = static_cast<int>(std::min(version, kCodedVersion - 1));
    result.reading.missing = read<std::vector<std::string>>(json, "missing");
    result.refuse_unseen = read<std::string>(json, "unseen") == "error";
  }
  for (const auto& c : read<std::vector<nlohmann::json>>(json, "numeric")) {
    const auto fill = read<nlohmann::json>(c, "fill");
    result.numeric.push_back({.name = read<std::string>(c, "name"),
                              .shift = read<double>(c, "shift"),
                              .scale = read<double>(c, "scale"),
                              .fill = fill.is_null() ? std::nullopt : std::optional(read<double>(c, "fill")),
                              .wide = c.value("wide", false),
                              .part = part_of(c.value("part", "none")),
                              .source = c.value("source", "")});
  }
  for (const auto& c : read<std::vector<nlohmann::json>>(json, "categorical")) {
    result.categorical.push_back({.name = read<std::string>(c, "name"),
                                  .vocabulary = read<std::vector<std::string>>(c, "vocabulary"),
                                  .missing_is_category = read<bool>(c, "missing_is_category"),
                                  .missing_is_unseen = c.value("missing_is_unseen", false),
                                  .encoding = encoding_of(c.value("encoding", kEncodings[0]))});
    auto& last = result.categorical.back();
    if (c.contains("usual")) last.usual = read<std::string>(c, "usual");
    if (last.encoding == Encoding::embedding) last.min_count = read<std::int64_t>(c, "min_count");
    if (last.encoding != Encoding::hash) continue;
    last.buckets = read<std::int64_t>(c, "buckets");
    if (last.buckets < 1)
      throw DataError(
          fmt::format("preprocessing: column '{}' is hashed into {} buckets", last.name, last.buckets));
  }
  result.targets = read_one_or_list<std::string>(json, "target");
  if (result.targets == std::vector<std::string>{""}) result.targets.clear();  // of a language model
  if (json.contains("ignored")) result.ignored = read<std::vector<std::string>>(json, "ignored");
  result.labels = read<std::vector<std::string>>(json, "labels");
  result.target_scales = read_scales(json, std::max<std::size_t>(result.targets.size(), 1));
  if (!result.scales_target()) result.target_scales.clear();
  if (json.contains("tokens")) {
    const auto& t = json["tokens"];
    result.tokens = TokenInput{.context = read<std::int64_t>(t, "context"),
                               .vocabulary = read<std::int64_t>(t, "vocabulary"),
                               .texts = read<std::vector<std::string>>(t, "texts")};
  }
  if (json.contains("signature")) {
    result.signature = Signature::from_json(json["signature"]);
    if (result.tokens || !result.numeric.empty() || !result.categorical.empty())
      throw DataError("preprocessing: a signature stands beside columns or tokens");
  }
  return result;
}

}  // namespace ringtrain
