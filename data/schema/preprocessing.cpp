#include "data/schema/preprocessing.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

template <class Get>
at::Tensor constants(const std::vector<NumericColumn>& columns, const at::Tensor& like, Get get) {
  std::vector<double> values;
  for (const auto& column : columns) values.push_back(get(column));
  return at::tensor(values, at::kDouble).to(like.options());
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

}  // namespace

std::int64_t Preprocessing::width() const {
  auto width = static_cast<std::int64_t>(numeric.size());
  for (const auto& column : categorical) width += column.width();
  return width;
}

at::Tensor Preprocessing::apply(const at::Tensor& numeric_values, const at::Tensor& codes) const {
  at::Tensor x = numeric_values;
  bool fills = false;
  for (const auto& column : numeric) fills |= column.fill.has_value();
  if (fills) {
    const at::Tensor fill =
        constants(numeric, x, [](const NumericColumn& c) { return c.fill.value_or(NAN); });
    x = at::where(at::isnan(x), fill, x);
  }
  const at::Tensor shift = constants(numeric, x, [](const NumericColumn& c) { return c.shift; });
  const at::Tensor scale = constants(numeric, x, [](const NumericColumn& c) { return c.scale; });
  x = (x - shift) * scale;
  if (categorical.empty()) return x;
  std::vector<at::Tensor> parts{x};
  for (std::size_t c = 0; c < categorical.size(); ++c) {
    const at::Tensor places = at::arange(categorical[c].width(), codes.options());
    parts.push_back(at::eq(codes.narrow(1, static_cast<std::int64_t>(c), 1), places).to(x.scalar_type()));
  }
  return at::cat(parts, 1);
}

nlohmann::json Preprocessing::to_json() const {
  nlohmann::json json{{"numeric", nlohmann::json::array()},
                      {"categorical", nlohmann::json::array()},
                      {"target", target},
                      {"labels", labels}};
  for (const auto& c : numeric)
    json["numeric"].push_back({{"name", c.name},
                               {"shift", c.shift},
                               {"scale", c.scale},
                               {"fill", c.fill ? nlohmann::json(*c.fill) : nlohmann::json(nullptr)}});
  for (const auto& c : categorical)
    json["categorical"].push_back(
        {{"name", c.name}, {"vocabulary", c.vocabulary}, {"missing_is_category", c.missing_is_category}});
  if (!tokens && labels.empty()) {
    json["target_shift"] = target_shift;
    json["target_scale"] = target_scale;
  }
  if (tokens)
    json["tokens"] = {
        {"context", tokens->context}, {"vocabulary", tokens->vocabulary}, {"texts", tokens->texts}};
  return json;
}

Preprocessing Preprocessing::from_json(const nlohmann::json& json) {
  Preprocessing result;
  for (const auto& c : read<std::vector<nlohmann::json>>(json, "numeric")) {
    const auto fill = read<nlohmann::json>(c, "fill");
    result.numeric.push_back(
        {.name = read<std::string>(c, "name"),
         .shift = read<double>(c, "shift"),
         .scale = read<double>(c, "scale"),
         .fill = fill.is_null() ? std::nullopt : std::optional(read<double>(c, "fill"))});
  }
  for (const auto& c : read<std::vector<nlohmann::json>>(json, "categorical"))
    result.categorical.push_back({.name = read<std::string>(c, "name"),
                                  .vocabulary = read<std::vector<std::string>>(c, "vocabulary"),
                                  .missing_is_category = read<bool>(c, "missing_is_category")});
  result.target = read<std::string>(json, "target");
  result.labels = read<std::vector<std::string>>(json, "labels");
  // What was written before there was a scale has none.
  if (json.contains("target_shift")) result.target_shift = read<double>(json, "target_shift");
  if (json.contains("target_scale")) result.target_scale = read<double>(json, "target_scale");
  if (!std::isfinite(result.target_shift) || !std::isfinite(result.target_scale) || result.target_scale <= 0)
    throw DataError("preprocessing: target_shift and target_scale are no finite number and positive number");
  if (json.contains("tokens")) {
    const auto& t = json["tokens"];
    result.tokens = TokenInput{.context = read<std::int64_t>(t, "context"),
                               .vocabulary = read<std::int64_t>(t, "vocabulary"),
                               .texts = read<std::vector<std::string>>(t, "texts")};
  }
  return result;
}

}  // namespace ringtrain
