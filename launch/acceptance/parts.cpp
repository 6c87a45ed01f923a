#include "launch/acceptance/parts.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "launch/acceptance/lost_rank.h"

namespace ringtrain::acceptance {
namespace {

using nlohmann::json;
using std::chrono::seconds;

/// A part that asks for something bad of the machine, such as a slow link, has been measured: it is said.
std::string machine_part(Commands& commands, json& details) {
  std::vector<std::string> words{"doctor", "--json", "--job-dir", commands.job("doctor").string()};
  const auto& ranks = commands.options().rank_words;
  words.insert(words.end(), ranks.begin(), ranks.end());
  commands.run(words, seconds(180));
  const std::string output = commands.take_output();
  const auto begin = output.find("\n[");
  const auto end = output.rfind("\n]");
  if (begin == std::string::npos || end == std::string::npos) throw Error("no findings:\n" + output);
  details["findings"] = json::parse(output.substr(begin, end + 2 - begin));
  std::vector<std::string> bad;
  for (const auto& finding : details["findings"])
    if (finding["level"] == "bad") bad.push_back(finding["what"].get<std::string>());
  return fmt::format("{} findings{}", details["findings"].size(),
                     bad.empty() ? "" : ", BAD: " + join(bad) + " (see the report)");
}

std::string collectives_part(Commands& commands, json& details) {
  details = json::parse(commands.ask_ranks("collectives", seconds(300)));
  const auto& failures = details["failures"];
  if (!failures.empty())
    throw Error(
        fmt::format("{} results are wrong; the first: {}", failures.size(), failures[0].get<std::string>()));
  return fmt::format("{} results on each rank are right, {}", details["cases"].get<int>(),
                     details["backend"].get<std::string>());
}

std::string bandwidth_part(Commands& commands, json& details) {
  details = json::parse(commands.ask_ranks("bandwidth", seconds(180)));
  std::string table;
  double best = 0;
  for (const auto& row : details["rows"]) {
    best = std::max(best, row["bus_bytes_a_second"].get<double>());
    table +=
        fmt::format("\n      {:>10} {:>12.1f} us {:>12}/s", human_bytes(row["bytes"].get<double>()),
                    row["seconds"].get<double>() * 1e6, human_bytes(row["bus_bytes_a_second"].get<double>()));
  }
  return fmt::format("{}/s at best ({}); size, time, bus bandwidth:{}", human_bytes(best),
                     details["backend"].get<std::string>(), table);
}

/// Relative to the largest value; infinite where shapes differ or numbers are not finite.
double difference(const at::Tensor& a, const at::Tensor& b) {
  if (!a.sizes().equals(b.sizes())) return INFINITY;
  if (a.numel() == 0) return 0;
  const at::Tensor wide = a.to(at::kDouble), other = b.to(at::kDouble);
  const double result =
      (wide - other).abs().max().item<double>() / std::max(1e-30, other.abs().max().item<double>());
  return std::isfinite(result) ? result : INFINITY;
}

double difference(const NamedTensors& a, const NamedTensors& b) {
  double worst = a.size() == b.size() && !a.empty() ? 0 : INFINITY;
  for (const auto& [name, tensor] : a) {
    const auto other = b.find(name);
    worst = std::max(worst, other == b.end() ? INFINITY : difference(tensor, other->second));
  }
  return worst;
}

/// N ranks compute what one rank does on the joined batch.
std::string equivalence_part(Commands& commands, json& details) {
  const std::vector<std::string> exact{"trainer.precision=float64"};
  commands.must_run(commands.training("one", true, exact), seconds(120));
  const at::Tensor expected = at::tensor(commands.losses("one"), at::kDouble);
  if (expected.numel() != 60 || !(expected[59].item<double>() < 0.9 * expected[0].item<double>()))
    throw Error("one rank alone does not learn");
  const std::vector<std::pair<std::string, std::string>> ways{{"plain", ""},
                                                              {"sharded", "trainer.shard_optimizer=true"},
                                                              {"accumulated", "trainer.accumulate=3"},
                                                              {"overlapped", "comm.overlap=on"}};
  double worst = 0;
  for (const auto& [name, setting] : ways) {
    if (commands.options().quick && name == "accumulated") continue;
    auto settings = exact;
    if (!setting.empty()) settings.push_back(setting);
    commands.must_run(commands.training(name, false, settings), seconds(180));
    const double loss = difference(at::tensor(commands.losses(name), at::kDouble), expected);
    const double weights = difference(commands.last_weights(name), commands.last_weights("one"));
    details[name] = {{"losses", std::isfinite(loss) ? json(loss) : json("other steps")},
                     {"weights", std::isfinite(weights) ? json(weights) : json("other shapes")}};
    if (!(loss < 1e-9 && weights < 1e-8))
      throw Error(fmt::format("{} on {} ranks: losses differ by {:.1e}, weights by {:.1e} from one rank's",
                              name, commands.options().ranks, loss, weights));
    worst = std::max({worst, loss, weights});
  }
  return fmt::format("{} ranks compute what one does, to {:.1e} in float64", commands.options().ranks, worst);
}

/// From the middle of an epoch, with dropout: the bits of a run that went through.
std::string resume_part(Commands& commands, json& details) {
  const std::vector<std::string> settings{"model.dropout=0.3"};
  commands.must_run(commands.training("whole", false, settings), seconds(180));
  commands.must_run(commands.training("parts", false, settings), seconds(180));
  auto again = commands.training("parts", false, settings);
  again.insert(again.end(), {"--checkpoint", "step-20"});
  commands.must_run(again, seconds(180));
  const auto whole = commands.last_checkpoint("whole");
  for (const auto& [file, bytes] : whole) details["files"].push_back(file);
  if (whole.empty() || whole != commands.last_checkpoint("parts"))
    throw Error("a run that went on from step 20 has other bits at its end");
  if (commands.losses("whole") != commands.losses("parts")) throw Error("it has other losses");
  return fmt::format("a run resumed at step 20 of 60 has the same bits in {} files", whole.size());
}

/// A killed rank ends all; they start again and end with the bits of an undisturbed run.
std::string faults_part(Commands& commands, json& details) {
  const std::vector<std::string> settings{
      fmt::format("trainer.max_steps={}", commands.options().quick ? 1500 : 4000),
      "trainer.log_every_steps=100", "trainer.checkpoint.keep=2", "trainer.checkpoint.every_steps=100"};
  commands.must_run(commands.training("undisturbed", false, settings), seconds(240));
  auto words = commands.training("killed", false, settings);
  words.insert(words.end(), {"--max-restarts", "2"});
  LostRank lost(commands.job("killed"));  // waits beside the command, and kills
  commands.must_run(words, seconds(300));
  const int process = lost.killed();
  if (process == 0) throw Error("no rank was killed: none ran on this machine, or all ended before");
  details["killed_process"] = process;
  const std::string output = commands.take_output();
  details["output"] = output;
  if (output.find("SIGKILL") == std::string::npos || output.find("starting again") == std::string::npos)
    throw Error("the killed rank was not noticed, or the ranks were not started again:\n" + output);
  if (commands.last_checkpoint("killed") != commands.last_checkpoint("undisturbed"))
    throw Error("the run that lost a rank has other bits at its end");
  return "a killed rank ended all, they started again and ended with the same bits";
}

}  // namespace

std::vector<Part> parts() {
  return {{"machine", machine_part},         {"collectives", collectives_part}, {"bandwidth", bandwidth_part},
          {"equivalence", equivalence_part}, {"resume", resume_part},           {"faults", faults_part}};
}

}  // namespace ringtrain::acceptance
