#include "serving/rollout/rollout.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

json side_json(const SideCounts& side) {
  return {{"requests", side.requests},
          {"failed", side.failed},
          {"latencies", side.latencies.to_json()},
          {"runs", side.runs.to_json()}};
}

SideCounts side_of(const json& side) {
  return {side.at("requests").get<std::uint64_t>(), side.at("failed").get<std::uint64_t>(),
          Latencies::from_json(side.at("latencies")), Latencies::from_json(side.at("runs"))};
}

SideTotals total_of(const json& total) {
  return {total.at(0).get<std::uint64_t>(), total.at(1).get<std::uint64_t>()};
}

json progress_json(const RolloutProgress& progress) {
  return {{"stage", progress.stage},
          {"seconds", progress.seconds},
          {"live", side_json(progress.live)},
          {"candidate", side_json(progress.candidate)},
          {"live_total", {progress.live_total.requests, progress.live_total.failed}},
          {"candidate_total", {progress.candidate_total.requests, progress.candidate_total.failed}},
          {"without_key", progress.without_key},
          {"dropped", progress.dropped},
          {"compared", progress.compared},
          {"agreed", progress.agreed},
          {"of_values", progress.of_values},
          {"difference_sum", progress.difference_sum},
          {"distance", progress.distance.to_json()},
          {"evidence", progress.evidence.to_json()}};
}

RolloutProgress progress_of(const json& file) {
  RolloutProgress progress;
  progress.stage = file.at("stage").get<std::size_t>();
  progress.seconds = file.at("seconds").get<double>();
  progress.live = side_of(file.at("live"));
  progress.candidate = side_of(file.at("candidate"));
  progress.live_total = total_of(file.at("live_total"));
  progress.candidate_total = total_of(file.at("candidate_total"));
  progress.without_key = file.at("without_key").get<std::uint64_t>();
  progress.dropped = file.at("dropped").get<std::uint64_t>();
  progress.compared = file.at("compared").get<std::uint64_t>();
  progress.agreed = file.at("agreed").get<std::uint64_t>();
  progress.of_values = file.at("of_values").get<bool>();
  progress.difference_sum = file.at("difference_sum").get<double>();
  progress.distance = ScoreDistance::from_json(file.at("distance"));
  progress.evidence = WorseEvidence::from_json(file.at("evidence"));
  return progress;
}

RolloutRules rules_of(const json& file) {
  return {file.at("errors").get<double>(), file.at("p99").get<double>(), file.at("distance").get<double>(),
          file.at("alarms").get<double>(), file.at("min_requests").get<std::int64_t>()};
}

Rollout parse(const std::string& text) {
  const auto file = json::parse(text);
  Rollout rollout;
  const auto kind = file.at("kind").get<std::string>();
  if (kind != "shadow" && kind != "canary")
    throw ExportError(fmt::format("kind: expected shadow or canary, got '{}'", kind));
  rollout.kind = kind == "shadow" ? Rollout::Kind::shadow : Rollout::Kind::canary;
  rollout.id = file.at("id").get<std::string>();
  rollout.version = file.at("version").get<std::int64_t>();
  rollout.live = file.at("live").get<std::int64_t>();
  rollout.begun = file.at("begun").get<std::string>();
  if (rollout.is_canary()) {
    rollout.plan = parse_plan(file.at("plan").get<std::string>());
    rollout.key = file.value("key", "");
    rollout.rules = rules_of(file.at("rules"));
  }
  if (file.contains("progress")) rollout.progress = progress_of(file["progress"]);
  if (rollout.is_canary() && rollout.progress.stage >= rollout.plan.size())
    throw ExportError("progress.stage: the plan has no such stage");
  if (file.contains("ending"))
    rollout.ending = {file["ending"].at("event").get<std::string>(),
                      file["ending"].at("reason").get<std::string>()};
  return rollout;
}

ordered_json side_summary(const Rollout& rollout, const SideCounts& side, std::int64_t version) {
  ordered_json summary{{"version", version}, {"requests", side.requests}, {"failed", side.failed}};
  const auto add = [&](const std::string& what, const Latencies& latencies) {
    if (latencies.count() == 0) return;
    summary[what + "p50_ms"] = 1e3 * latencies.quantile(0.5);
    summary[what + "p99_ms"] = 1e3 * latencies.quantile(0.99);
  };
  if (rollout.is_canary()) add("", side.latencies);  // a shadow waits without a client
  add("run_", side.runs);
  return summary;
}

void add_comparison(const Rollout& rollout, ordered_json& summary) {
  const auto& progress = rollout.progress;
  if (const auto distance = progress.distance.value()) summary["distance"] = *distance;
  if (!rollout.is_canary()) {
    summary["dropped"] = progress.dropped;
    summary["compared"] = progress.compared;
    const auto rows = static_cast<double>(progress.compared);
    if (progress.compared > 0)
      progress.of_values ? summary["mean_difference"] = progress.difference_sum / rows
                         : summary["agreement"] = static_cast<double>(progress.agreed) / rows;
  }
  if (progress.evidence.count() > 0)
    summary["feedback"] = {{"comparisons", progress.evidence.count()},
                           {"mean_loss_live", progress.evidence.mean_live()},
                           {"mean_loss_candidate", progress.evidence.mean_candidate()},
                           {"p_value", progress.evidence.p_value()}};
}

}  // namespace

fs::path Rollout::file_of(const fs::path& model) { return model / "rollout.json"; }

std::optional<Rollout> Rollout::read(const fs::path& model) {
  const auto file = file_of(model);
  std::error_code unknown;
  if (!fs::exists(file, unknown) && !unknown) return std::nullopt;
  std::string problem;
  try {
    return parse(read_file(file));
  } catch (const json::exception& error) {
    problem = error.what();
  } catch (const Error& error) {
    problem = error.what();
  }
  throw ExportError(
      fmt::format("{}: {}; no version is tried; remove the file to begin anew", file.string(), problem));
}

void Rollout::write(const fs::path& model) const {
  json file{{"id", id},     {"kind", kind_name()}, {"version", version},
            {"live", live}, {"begun", begun},      {"progress", progress_json(progress)}};
  if (is_canary()) {
    file["plan"] = plan_text(plan);
    if (!key.empty()) file["key"] = key;
    file["rules"] = {{"errors", rules.errors},
                     {"p99", rules.p99},
                     {"distance", rules.distance},
                     {"alarms", rules.alarms},
                     {"min_requests", rules.min_requests}};
  }
  if (ending) file["ending"] = {{"event", ending->event}, {"reason", ending->reason}};
  write_file_atomically(file_of(model), file.dump() + "\n");
}

ordered_json summary_of(const Rollout& rollout) {
  const auto& progress = rollout.progress;
  ordered_json summary{{"kind", rollout.kind_name()},
                       {"version", rollout.version},
                       {"live", rollout.live},
                       {"begun", rollout.begun}};
  if (rollout.is_canary()) {
    summary["plan"] = plan_text(rollout.plan);
    if (!rollout.key.empty()) summary["key"] = rollout.key;
    summary["stage"] = progress.stage + 1;
    summary["stages"] = rollout.plan.size();
    summary["share"] = rollout.share();
    summary["live_requests"] = progress.live_total.requests;
    summary["candidate_requests"] = progress.candidate_total.requests;
    if (progress.without_key > 0) summary["without_key"] = progress.without_key;
  }
  summary["seconds"] = progress.seconds;
  summary["sides"] = {{"live", side_summary(rollout, progress.live, rollout.live)},
                      {"candidate", side_summary(rollout, progress.candidate, rollout.version)}};
  add_comparison(rollout, summary);
  return summary;
}

}  // namespace ringtrain
