#include "launch/acceptance/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "launch/acceptance/rank_checks.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "launch/mpirun/subprocess.h"

namespace ringtrain::acceptance {
namespace {

namespace fs = std::filesystem;

// 600 rows of two classes that a curve divides.
std::string rows() {
  std::string text = "a,b,c,d,kind\n";
  for (int i = 0; i < 600; ++i) {
    const double a = std::sin(0.7 * i), b = std::cos(1.3 * i), c = (i % 17) / 17.0, d = (i % 5) - 2;
    text += fmt::format("{:.6f},{:.6f},{:.6f},{:g},{}\n", a, b, c, d, a * b + c > 0.4 ? "yes" : "no");
  }
  return text;
}

constexpr const char* kConfig = R"(name: acceptance
seed: 5
data:
  train_file: {}
  target: kind
  split: {{train: 1, validation: 0, test: 0}}
model: {{type: mlp, hidden: [32, 16]}}
task: {{type: binary_classification}}
trainer:
  epochs: 100000
  max_steps: 60
  global_batch_size: 37
  log_every_steps: 1
  evaluate_every_steps: 1000
  clip_norm: 1.5
  optimizer: {{type: adamw, lr: 0.01}}
  checkpoint: {{every_steps: 20, keep: 99}}
export: {{enabled: false}}
)";

}  // namespace

Commands::Commands(const Options& options, fs::path folder) : options_(options), folder_(std::move(folder)) {
  ensure_writable_folder(folder_);
  write_file_synced(folder_ / "rows.csv", rows());
  write_file_synced(folder_ / "config.yaml", fmt::format(kConfig, (folder_ / "rows.csv").string()));
}

int Commands::run(const std::vector<std::string>& words, std::chrono::seconds limit) {
  std::vector<std::string> command{program()};
  // What it started goes when this process is killed.
  if (::access("/usr/bin/setpriv", X_OK) == 0)
    command = {"/usr/bin/setpriv", "--pdeathsig", "KILL", program()};
  command.insert(command.end(), words.begin(), words.end());
  const Ended ended = run_with_limit(command, limit);
  constexpr std::size_t most = 16 << 10;
  const std::string& text = ended.output;
  output_ += fmt::format("$ ringtrain {}\n{}", join(words, " "),
                         text.size() > most ? "...\n" + text.substr(text.size() - most) : text);
  if (ended.timed_out)
    throw Error(fmt::format("it had not ended after {} s and was killed: ringtrain {}", limit.count(),
                            join(words, " ")));
  return ended.code;
}

void Commands::must_run(const std::vector<std::string>& words, std::chrono::seconds limit) {
  const int code = run(words, limit);
  if (code != 0) throw Error(fmt::format("exit code {} of ringtrain {}", code, join(words, " ")));
}

std::string Commands::ask_ranks(const std::string& part, std::chrono::seconds limit) {
  std::vector<std::string> words{"doctor", "--part", part};
  words.insert(words.end(), options_.rank_words.begin(), options_.rank_words.end());
  if (options_.quick) words.emplace_back("--quick");
  if (options_.share_gpus) words.emplace_back("--share-gpus");
  const std::size_t before = output_.size();
  must_run(words, limit);
  std::istringstream lines(output_.substr(before));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(kAnswer)) return line.substr(std::string(kAnswer).size());
  throw Error("the ranks gave no answer");
}

std::vector<std::string> Commands::training(const std::string& name, bool one_rank,
                                            const std::vector<std::string>& settings) const {
  std::vector<std::string> words{"train", (folder_ / "config.yaml").string(), "--job-dir",
                                 job(name).string()};
  if (!one_rank) words.insert(words.end(), options_.rank_words.begin(), options_.rank_words.end());
  if (options_.share_gpus) words.insert(words.end(), {"--set", "trainer.share_gpus=true"});
  for (const auto& setting : settings) words.insert(words.end(), {"--set", setting});
  return words;
}

std::vector<double> Commands::losses(const std::string& name) const {
  std::vector<double> found;
  std::istringstream lines(read_file(job(name) / "log.jsonl"));
  for (std::string text; std::getline(lines, text);) {
    const auto line = nlohmann::json::parse(text);
    if (line["event"] == "step") found.push_back(line["loss"].get<double>());
  }
  return found;
}

std::map<std::string, std::string> Commands::last_checkpoint(const std::string& name) const {
  const fs::path all = job(name) / "checkpoints";
  std::string latest = read_file(all / "latest");
  latest = latest.substr(0, latest.find_last_not_of(" \n") + 1);
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(all / latest))
    if (entry.path().extension() == ".safetensors")
      files[latest + "/" + entry.path().filename().string()] = read_file(entry.path());
  return files;
}

NamedTensors Commands::last_weights(const std::string& name) const {
  for (const auto& [file, bytes] : last_checkpoint(name))
    if (file.ends_with("/model.safetensors")) return read_safetensors(bytes, file);
  throw Error(job(name).string() + " has no weights");
}

}  // namespace ringtrain::acceptance
