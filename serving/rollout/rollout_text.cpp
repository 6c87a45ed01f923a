#include "serving/rollout/rollout_text.h"

#include <fmt/format.h>

#include <functional>

#include "common/prometheus_text.h"
#include "common/text.h"

namespace ringtrain {
namespace {

std::string side_line(const char* what, std::int64_t version, const SideCounts& side,
                      const Latencies& latencies) {
  const auto quantile = [&](double share) {
    return latencies.count() == 0 ? "-" : human_seconds(latencies.quantile(share));
  };
  return fmt::format("  {:<10} {:>8} {:>12} {:>9} {:>9} {:>10} {:>10}\n", what, version,
                     with_commas(static_cast<long long>(side.requests)), side.failed,
                     percent_text(side.failed_share()), quantile(0.5), quantile(0.99));
}

std::string compared_text(const RolloutProgress& progress) {
  std::string text;
  if (progress.compared > 0) {
    const auto rows = static_cast<double>(progress.compared);
    const auto count = with_commas(static_cast<long long>(progress.compared));
    text += progress.of_values
                ? fmt::format("  mean absolute difference {:.4g} over {} rows\n",
                              progress.difference_sum / rows, count)
                : fmt::format("  the same answer to {} of {} rows\n",
                              percent_text(static_cast<double>(progress.agreed) / rows), count);
  }
  if (progress.dropped > 0)
    text += fmt::format("  {} requests were dropped: the shadow was not ready for them\n",
                        with_commas(static_cast<long long>(progress.dropped)));
  if (const auto distance = progress.distance.value())
    text += fmt::format("  distance of scores {:.3f} (PSI)\n", *distance);
  if (progress.without_key > 0)
    text += fmt::format("  {} requests had no key: their ids chose the side\n",
                        with_commas(static_cast<long long>(progress.without_key)));
  if (progress.evidence.count() > 0)
    text += fmt::format(
        "  feedback: mean loss {:.4g}, of the live version {:.4g}; p value {:.2g} after {} "
        "comparisons\n",
        progress.evidence.mean_candidate(), progress.evidence.mean_live(), progress.evidence.p_value(),
        progress.evidence.count());
  return text;
}

using Models = std::vector<std::pair<std::string, Rollout>>;
/// Writes the samples of one rollout: `add(labels beyond the model's and version's, value)`.
using Add = std::function<void(const std::string& labels, double value)>;
using Samples = std::function<void(const Rollout&, const Add&)>;

void append_family(std::string& text, const Models& models, const char* name, const char* type,
                   const char* help, const Samples& samples) {
  std::string lines;
  for (const auto& [model, rollout] : models)
    samples(rollout, [&, &model = model, &rollout = rollout](const std::string& labels, double value) {
      lines += fmt::format("{}{{model=\"{}\",version=\"{}\",kind=\"{}\"{}}} {}\n", name,
                           prometheus_label(model), rollout.version, rollout.kind_name(), labels, value);
    });
  if (!lines.empty()) text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{3}", name, help, type, lines);
}

Samples of_sides(const std::function<double(const SideTotals&)>& value) {
  return [value](const Rollout& rollout, const Add& add) {
    add(",side=\"live\"", value(rollout.progress.live_total));
    add(",side=\"candidate\"", value(rollout.progress.candidate_total));
  };
}

void add_latencies(const Rollout& rollout, Latencies SideCounts::*times, const Add& add) {
  for (const auto& [side, counts] :
       {std::pair{"live", &rollout.progress.live}, {"candidate", &rollout.progress.candidate}})
    if ((counts->*times).count() > 0)
      for (const double share : {0.5, 0.99})
        add(fmt::format(",side=\"{}\",quantile=\"{}\"", side, share), (counts->*times).quantile(share));
}

}  // namespace

std::string rollout_text(const Rollout& rollout) {
  const auto& progress = rollout.progress;
  std::string text;
  if (rollout.is_canary()) {
    const auto& stage = rollout.plan.at(progress.stage);
    text = fmt::format("version {} is a canary at {}: stage {} of {}, {} of {}\n  plan {}{}\n",
                       rollout.version, percent_text(stage.share), progress.stage + 1, rollout.plan.size(),
                       human_seconds(progress.seconds), human_seconds(stage.seconds), plan_text(rollout.plan),
                       rollout.key.empty() ? "" : ", by " + rollout.key);
    if (progress.candidate.requests < static_cast<std::uint64_t>(rollout.rules.min_requests))
      text += fmt::format("  {} of the {} requests that the stage needs\n", progress.candidate.requests,
                          rollout.rules.min_requests);
  } else {
    text = fmt::format("version {} is a shadow, since {}\n", rollout.version, rollout.begun);
  }
  text += fmt::format("  {:<10} {:>8} {:>12} {:>9} {:>9} {:>10} {:>10}\n", "", "VERSION", "REQUESTS",
                      "FAILED", "", "50% IN", "99% IN");
  const auto times = rollout.is_canary() ? &SideCounts::latencies : &SideCounts::runs;
  text += side_line("live", rollout.live, progress.live, progress.live.*times);
  text +=
      side_line(rollout.kind_name().c_str(), rollout.version, progress.candidate, progress.candidate.*times);
  return text + compared_text(progress);
}

std::string decision_text(const nlohmann::ordered_json& decision) {
  const auto text = [&](const char* name) { return decision.value(name, std::string()); };
  const auto reason = text("reason");
  return fmt::format("{}: the {} of version {} {}{}", text("time"), text("kind"),
                     decision.value("version", std::int64_t{0}), "was " + text("event"),
                     reason.empty() ? "" : ": " + reason);
}

std::string rollout_metrics(const Models& models) {
  std::string text;
  const auto family = [&](const char* name, const char* type, const char* help, const Samples& samples) {
    append_family(text, models, name, type, help, samples);
  };
  family("ringtrain_rollout_requests_total", "counter", "Requests that a side of a rollout answered",
         of_sides([](const SideTotals& total) { return static_cast<double>(total.requests); }));
  family("ringtrain_rollout_failed_total", "counter", "Requests that a side of a rollout could not answer",
         of_sides([](const SideTotals& total) { return static_cast<double>(total.failed); }));
  family("ringtrain_rollout_dropped_total", "counter", "Requests that a shadow was not given",
         [](const Rollout& rollout, const Add& add) {
           if (!rollout.is_canary()) add("", static_cast<double>(rollout.progress.dropped));
         });
  family("ringtrain_rollout_share", "gauge", "Share of the requests that a canary answers",
         [](const Rollout& rollout, const Add& add) {
           if (rollout.is_canary()) add("", rollout.share());
         });
  family("ringtrain_rollout_agreement", "gauge", "Share of rows with the same answer of both versions",
         [](const Rollout& rollout, const Add& add) {
           const auto& progress = rollout.progress;
           if (progress.compared > 0 && !progress.of_values)
             add("", static_cast<double>(progress.agreed) / static_cast<double>(progress.compared));
         });
  family("ringtrain_rollout_mean_difference", "gauge", "Mean absolute difference of both versions' values",
         [](const Rollout& rollout, const Add& add) {
           const auto& progress = rollout.progress;
           if (progress.compared > 0 && progress.of_values)
             add("", progress.difference_sum / static_cast<double>(progress.compared));
         });
  family("ringtrain_rollout_score_distance", "gauge", "Population stability index of both versions' scores",
         [](const Rollout& rollout, const Add& add) {
           if (const auto distance = rollout.progress.distance.value()) add("", *distance);
         });
  family("ringtrain_rollout_seconds", "gauge", "Seconds from rows to answers, of a canary's stage",
         [](const Rollout& rollout, const Add& add) {
           if (rollout.is_canary()) add_latencies(rollout, &SideCounts::latencies, add);
         });
  family("ringtrain_rollout_run_seconds", "gauge", "Seconds of the run that answered, of a canary's stage",
         [](const Rollout& rollout, const Add& add) { add_latencies(rollout, &SideCounts::runs, add); });
  return text;
}

}  // namespace ringtrain
