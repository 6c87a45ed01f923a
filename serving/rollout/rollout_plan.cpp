#include "serving/rollout/rollout_plan.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"

namespace ringtrain {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// A number and what stands behind it.
std::optional<std::pair<double, std::string_view>> number_and_unit(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  return std::pair{number, trimmed(text.substr(static_cast<std::size_t>(end - text.data())))};
}

std::optional<double> seconds_of(std::string_view text) {
  const auto parsed = number_and_unit(text);
  if (!parsed || !(parsed->first > 0)) return std::nullopt;
  for (const auto& [unit, factor] : {std::pair{"s", 1.0}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}})
    if (parsed->second == unit) return parsed->first * factor;
  return std::nullopt;
}

std::string duration_text(double seconds) {
  for (const auto& [unit, factor] : {std::pair{"d", 86400.0}, {"h", 3600.0}, {"m", 60.0}})
    if (std::fmod(seconds, factor) == 0) return fmt::format("{}{}", seconds / factor, unit);
  return fmt::format("{}s", seconds);
}

/// One stage, with what is wrong with it.
RolloutStage parse_stage(std::string_view text, bool is_last, std::vector<std::string>& problems) {
  const auto blank = text.find('%');
  RolloutStage stage;
  if (blank == std::string_view::npos) {
    problems.push_back(fmt::format("'{}': expected a share and a time, such as 5% 10m", text));
    return stage;
  }
  try {
    stage.share = parse_share(text.substr(0, blank + 1), "a share");
  } catch (const ConfigError& error) {
    problems.push_back(fmt::format("'{}': {}", text, error.what()));
  }
  const auto time = trimmed(text.substr(blank + 1));
  if (time.empty() && is_last) return stage;
  const auto seconds = seconds_of(time);
  if (!seconds)
    problems.push_back(fmt::format("'{}': expected a time behind the share, such as 30s, 10m, 2h or 1d{}",
                                   text, time.empty() ? "; only the last stage needs none" : ""));
  stage.seconds = seconds.value_or(0);
  return stage;
}

}  // namespace

double parse_share(std::string_view text, std::string_view field) {
  const auto parsed = number_and_unit(trimmed(text));
  const double share = !parsed ? 0 : parsed->second == "%" ? parsed->first / 100 : parsed->first;
  if (!parsed || (parsed->second != "%" && !parsed->second.empty()) || !(share > 0 && share <= 1))
    throw ConfigError(
        fmt::format("{}: expected more than 0% and at most 100%, got '{}'", field, std::string(text)));
  return share;
}

std::string percent_text(double share) { return fmt::format("{:.4g}%", 100 * share); }

std::vector<RolloutStage> parse_plan(std::string_view text) {
  std::vector<std::string> problems;
  std::vector<RolloutStage> plan;
  for (auto rest = text;;) {
    const auto comma = rest.find(',');
    const auto stage = trimmed(rest.substr(0, comma));
    plan.push_back(parse_stage(stage, comma == std::string_view::npos, problems));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (problems.empty()) {
    for (std::size_t i = 1; i < plan.size(); ++i)
      if (plan[i].share <= plan[i - 1].share)
        problems.push_back(fmt::format("{} comes after {}: shares must grow", percent_text(plan[i].share),
                                       percent_text(plan[i - 1].share)));
    if (plan.back().share != 1)
      problems.push_back(fmt::format("it ends at {}: end it with 100%, which makes the version live",
                                     percent_text(plan.back().share)));
  }
  if (!problems.empty()) throw ConfigError("--plan: " + join(problems, "\n  --plan: "));
  return plan;
}

std::string plan_text(const std::vector<RolloutStage>& plan) {
  std::vector<std::string> stages;
  for (const auto& stage : plan)
    stages.push_back(percent_text(stage.share) +
                     (stage.seconds > 0 ? " " + duration_text(stage.seconds) : ""));
  return join(stages);
}

double side_point(std::string_view salt, std::string_view key) {
  std::string text(salt);
  text += '\0';
  text += key;
  return static_cast<double>(hash_bytes(text) >> 11) * 0x1p-53;
}

}  // namespace ringtrain
