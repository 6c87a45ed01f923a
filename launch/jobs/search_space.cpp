#include "launch/jobs/search_space.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"
#include "common/yaml_values.h"
#include "data/order/random.h"

namespace ringtrain {
namespace {

constexpr std::uint64_t kPointStream = 0x706f696e74;  // "point"
constexpr int kSobolBits = 30;                        // of ATen's engine

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool is_whole(double number) { return number == std::floor(number) && std::abs(number) < 9e15; }

/// "" or what is wrong with its list.
std::string read_values(const std::vector<std::string>& items, SearchDimension& dimension) {
  using Kind = SearchDimension::Kind;
  if (dimension.kind == Kind::choice) {
    dimension.choices = items;
    return items.empty() ? "expected a value at least" : "";
  }
  const auto low = items.size() == 2 ? number_in(items[0]) : std::nullopt;
  const auto high = items.size() == 2 ? number_in(items[1]) : std::nullopt;
  if (!low || !high) return fmt::format("expected two numbers, such as [1, 4]; got [{}]", join(items));
  dimension.low = *low;
  dimension.high = *high;
  if (dimension.kind == Kind::integer && !(is_whole(*low) && is_whole(*high)))
    return fmt::format("expected two whole numbers, got [{}]", join(items));
  if (dimension.kind == Kind::log_uniform && *low <= 0)
    return fmt::format("expected numbers above 0, got [{}]", join(items));
  return *low > *high ? fmt::format("the first number is larger than the second: [{}]", join(items)) : "";
}

}  // namespace

std::string SearchDimension::at(double place) const {
  const auto nth = [&](double count) { return std::min(std::floor(place * count), count - 1); };
  switch (kind) {
    case Kind::uniform:
      return fmt::format("{:.8g}", low + place * (high - low));
    case Kind::log_uniform:
      return fmt::format("{:.8g}", std::exp(std::log(low) + place * (std::log(high) - std::log(low))));
    case Kind::integer:
      return fmt::format("{:.0f}", low + nth(high - low + 1));
    case Kind::choice:
      break;
  }
  return choices[static_cast<std::size_t>(nth(static_cast<double>(choices.size())))];
}

SearchSpace SearchSpace::parse(const std::string& text, const std::string& name) {
  static const std::map<std::string, SearchDimension::Kind> kinds{
      {"choice", SearchDimension::Kind::choice},
      {"int", SearchDimension::Kind::integer},
      {"log_uniform", SearchDimension::Kind::log_uniform},
      {"uniform", SearchDimension::Kind::uniform}};
  std::vector<std::string> known;
  for (const auto& [kind, value] : kinds) known.push_back(kind);
  SearchSpace space;
  std::vector<std::string> problems;
  for (const auto& list : config::yaml_lists(text, name)) {
    const auto dot = list.path.rfind('.');
    const auto kind = dot == std::string::npos ? list.path : list.path.substr(dot + 1);
    SearchDimension dimension;
    dimension.key = dot == std::string::npos ? "" : list.path.substr(0, dot);
    std::string problem;
    if (const auto found = kinds.find(kind); found == kinds.end() || dimension.key.empty())
      problem = fmt::format("expected KEY: {{KIND: [...]}}, KIND one of {}; got '{}'.{}", join(known), kind,
                            did_you_mean(kind, known));
    else
      dimension.kind = found->second;
    if (problem.empty()) problem = read_values(list.items, dimension);
    if (problem.empty() && std::any_of(space.dimensions.begin(), space.dimensions.end(),
                                       [&](const SearchDimension& one) { return one.key == dimension.key; }))
      problem = "it stands there twice";
    if (!problem.empty()) problems.push_back(fmt::format("{}: {} ({})", list.path, problem, list.where));
    space.dimensions.push_back(std::move(dimension));
  }
  if (space.dimensions.empty() && problems.empty())
    problems.push_back(
        fmt::format("{}: nothing is varied; expected lines such as "
                    "trainer.optimizer.lr: {{log_uniform: [1e-4, 1e-1]}}",
                    name));
  if (!problems.empty()) throw ConfigError(join(problems, "\n"));
  return space;
}

std::vector<std::string> SearchSpace::at(const std::vector<double>& point) const {
  std::vector<std::string> overrides;
  for (std::size_t d = 0; d < dimensions.size(); ++d)
    overrides.push_back(fmt::format("{}={}", dimensions[d].key, dimensions[d].at(point[d])));
  return overrides;
}

std::vector<std::vector<double>> random_points(std::size_t dimensions, std::size_t trials,
                                               std::uint64_t seed) {
  std::vector<std::vector<double>> points;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    SplitMix64 random(seed_of({seed, kPointStream, trial}));
    auto& point = points.emplace_back();
    for (std::size_t d = 0; d < dimensions; ++d) point.push_back(random.uniform());
  }
  return points;
}

std::vector<std::vector<double>> sobol_points(std::size_t dimensions, std::size_t trials,
                                              std::uint64_t seed) {
  const auto width = static_cast<std::int64_t>(dimensions), count = static_cast<std::int64_t>(trials);
  at::Tensor state = at::zeros({width, kSobolBits}, at::kLong);
  state = at::_sobol_engine_initialize_state_(state, width);
  at::Tensor place = at::zeros({width}, at::kLong);
  SplitMix64 random(seed_of({seed, kPointStream}));
  if (seed != 0)
    for (std::int64_t d = 0; d < width; ++d)
      place.mutable_data_ptr<std::int64_t>()[d] =
          static_cast<std::int64_t>(random.below(std::uint64_t{1} << kSobolBits));
  const at::Tensor first = place.to(at::kDouble).div(std::ldexp(1.0, kSobolBits)).unsqueeze(0);
  at::Tensor all = first;
  if (count > 1)
    all =
        at::cat({first, std::get<0>(at::_sobol_engine_draw(place, count - 1, state, width, 0, at::kDouble))});
  const at::Tensor rows = all.contiguous();
  const auto* values = rows.const_data_ptr<double>();
  std::vector<std::vector<double>> points;
  for (std::int64_t trial = 0; trial < count; ++trial)
    points.emplace_back(values + trial * width, values + (trial + 1) * width);
  return points;
}

}  // namespace ringtrain
