#include "data/profile/column_drift.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "data/schema/excerpt.h"

namespace ringtrain::drift {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kLeastValues = 20;
constexpr double kAlarm = 0.001;

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string values_text(std::int64_t count) {
  return fmt::format("{} value{}", with_commas(count), count == 1 ? "" : "s");
}

std::string remark_of(const BesideColumn& column) {
  std::vector<std::string> parts;
  const auto& then = column.then();
  const auto& now = column.now();
  if (column.unseen() > 0)
    parts.push_back(fmt::format("{} unseen in training, {} first", values_text(column.unseen()),
                                excerpt(column.first_unseen())));
  if (column.outside() > 0)
    parts.push_back(fmt::format("{} outside [{:.6g}, {:.6g}], now [{:.6g}, {:.6g}]",
                                values_text(column.outside()), then.low, then.high, now.low, now.high));
  if (then.missing > 0 || now.missing > 0)
    parts.push_back(fmt::format("missing {:.1f}% then, {:.1f}% now", 100 * then.missing_share(),
                                100 * now.missing_share()));
  return join(parts, "; ");
}

}  // namespace

Finding::Level Measure::level() const {
  if (value <= chance || value <= limit.warning) return Finding::Level::good;
  return value > limit.bad ? Finding::Level::bad : Finding::Level::warning;
}

ColumnDrift drift_of(const BesideColumn& column, const std::string& kind, const Limits& limits,
                     std::size_t columns) {
  const auto& then = column.then();
  const auto& now = column.now();
  ColumnDrift result{.name = then.name, .kind = kind, .counts = &column};
  const double alarm = kAlarm / static_cast<double>(std::max<std::size_t>(columns, 1));
  const auto rows_then = then.present + then.missing, rows_now = now.present + now.missing;
  const auto add_share = [&](const char* name, double value, double expected, const Limit& limit) {
    result.measures.push_back(
        {name, value,
         chance_of_shares(expected, static_cast<double>(rows_then), static_cast<double>(rows_now), alarm),
         limit});
  };
  if (std::min(rows_then, rows_now) < kLeastValues) {
    result.why_not = fmt::format("{} rows then and {} now; {} are needed", with_commas(rows_then),
                                 with_commas(rows_now), kLeastValues);
    return result;
  }
  const double all_missing = share(then.missing + now.missing, rows_then + rows_now);
  add_share("missing", std::abs(then.missing_share() - now.missing_share()), all_missing, limits.missing);
  if (std::min(then.counted(), now.present) >= kLeastValues) {
    const auto before = BesideColumn::counts_of(then), after = BesideColumn::counts_of(now);
    const auto chance = chance_limits(before.size(), static_cast<double>(then.counted()),
                                      static_cast<double>(now.present), alarm);
    if (then.of_words) {
      result.measures.push_back({"JS", jensen_shannon(before, after), chance.shannon, limits.shannon});
    } else {
      result.measures.push_back({"PSI", stability_index(before, after), chance.stability, limits.stability});
      result.measures.push_back({"KS", kolmogorov_smirnov(before, after), chance.smirnov, limits.smirnov});
    }
  }
  if (now.present > 0) {
    // New words come where many are rare; as often as not a new value is the largest or the smallest of all.
    const double expected = then.of_words ? share(then.rare, then.counted())
                                          : std::min(0.5, 2 / static_cast<double>(then.present + 1));
    if (then.of_words)
      add_share("unseen", share(column.unseen(), now.present), expected, limits.unseen);
    else
      add_share("outside", share(column.outside(), now.present), expected, limits.outside);
    result.measures.back().chance += expected;
  }
  result.remark = remark_of(column);
  return result;
}

Finding ColumnDrift::finding() const {
  const auto title = kind == "number" || kind == "word" ? name : fmt::format("{} ({})", name, kind);
  if (!why_not.empty()) return skipped(title, why_not);
  auto level = Finding::Level::good;
  std::vector<std::string> values;
  for (const auto& measure : measures) {
    level = std::max(level, measure.level());
    const bool is_share = measure.name != "PSI" && measure.name != "KS" && measure.name != "JS";
    if (is_share && measure.value == 0) continue;
    values.push_back(is_share && measure.name != "missing"
                         ? fmt::format("{} {:.1f}%", measure.name, 100 * measure.value)
                     : is_share ? fmt::format("missing by {:.1f} points", 100 * measure.value)
                                : fmt::format("{} {:.4f}", measure.name, measure.value));
  }
  auto text = join(values);
  if (!remark.empty()) text += (text.empty() ? "" : ": ") + remark;
  const char* const remedy =
      kind == "score" ? "the model answers otherwise than in training: look at the inputs that have changed"
      : kind == "target"
          ? "the truth has changed: the model's thresholds and probabilities may be wrong; train anew"
          : "look where these values come from; if they are right, train anew with such rows";
  return {level, title, text, level == Finding::Level::good ? "" : remedy};
}

ordered_json ColumnDrift::to_json(bool with_counts) const {
  ordered_json json{{"name", name}, {"kind", kind}};
  if (!why_not.empty()) {
    json["skipped"] = why_not;
    return json;
  }
  static constexpr const char* kLevels[] = {"good", "warning", "bad", "skipped"};
  auto level = Finding::Level::good;
  auto list = ordered_json::object();
  for (const auto& measure : measures) {
    level = std::max(level, measure.level());
    list[measure.name] = {{"value", measure.value},
                          {"chance", measure.chance},
                          {"warning", measure.limit.warning},
                          {"bad", measure.limit.bad},
                          {"level", kLevels[static_cast<std::size_t>(measure.level())]}};
  }
  json["level"] = kLevels[static_cast<std::size_t>(level)];
  json["measures"] = list;
  if (!remark.empty()) json["remark"] = remark;
  if (!with_counts) return json;
  const auto side = [](const Distribution& column) {
    ordered_json one{{"present", column.present}, {"missing", column.missing}};
    if (!column.of_words && column.present > 0) {
      one["low"] = column.low;
      one["high"] = column.high;
    }
    one[column.of_words ? "words" : "bins"] =
        column.of_words ? ordered_json(column.words) : ordered_json(column.bins);
    if (column.of_words) one["rest"] = column.rest;
    return one;
  };
  if (!counts->then().of_words) json["edges"] = counts->then().edges;
  json["then"] = side(counts->then());
  json["now"] = side(counts->now());
  if (counts->unseen() > 0) json["first_unseen"] = counts->first_unseen();
  return json;
}

}  // namespace ringtrain::drift
