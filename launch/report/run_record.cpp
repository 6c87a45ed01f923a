#include "launch/report/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <utility>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "common/yaml_values.h"

namespace ringtrain::report {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

double number_or_nan(const ordered_json& value) { return value.is_number() ? value.get<double>() : NAN; }

double number_at(const ordered_json& line, const char* name, double otherwise = 0) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::string text_at(const ordered_json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What a line of log.jsonl says, put into a record.
class LogReader {
 public:
  explicit LogReader(RunRecord& record) : record_(record) {}

  void take(const ordered_json& line) {
    const auto event = text_at(line, "event");
    const auto step = static_cast<std::int64_t>(number_at(line, "step"));
    record_.last_step = std::max(record_.last_step, step);
    if (event == "step" || event == "start") record_.ended = false;
    if (event == "step")
      take_step(line, static_cast<double>(step));
    else if (event == "evaluation")
      take_evaluation(line, step);
    else if (event == "checkpoint")
      take_checkpoint(line, step);
    else if (event == "start")
      take_start(line, step);
    else
      add(line, step, event == "advice" ? "warning" : "note", text_at(line, "text"));
  }
  /// What followed on the last line of steps belongs to the whole, too.
  void finish() { record_.spent.whole += std::exchange(since_steps_, 0); }

 private:
  void add(const ordered_json& line, std::int64_t step, const std::string& kind, std::string text) {
    if (!text.empty()) record_.events.push_back({text_at(line, "time"), step, kind, std::move(text)});
  }
  void take_step(const ordered_json& line, double step) {
    for (const char* name :
         {"loss", "learning_rate", "samples_per_second", "loss_scale", "averaging_exposed_ms"})
      if (const auto found = line.find(name); found != line.end())
        record_.steps[name].emplace_back(step, number_or_nan(*found));
    auto& spent = record_.spent;
    spent.whole += number_at(line, "seconds");  // with what was between this line and the one before
    since_steps_ = 0;
    spent.loading += number_at(line, "loading_seconds");
    if (line.contains("seconds"))
      spent.waiting += 1e-3 * number_at(line, "averaging_exposed_ms") * number_at(line, "steps");
  }
  void take_evaluation(const ordered_json& line, std::int64_t step) {
    static const std::set<std::string> others{"event",          "step",    "part", "best",
                                              "positive_class", "seconds", "time", "head"};
    PartValues values{step, text_at(line, "part"), line.value("best", false)};
    for (const auto& [name, value] : line.items())
      if (!others.contains(name)) values.values.emplace_back(name, number_or_nan(value));
    if (values.part == "test") record_.ended = true;
    if (const auto head = line.find("head"); head != line.end()) record_.head = *head;
    if (values.part == "validation") {
      record_.spent.evaluating += number_at(line, "seconds");
      since_steps_ += number_at(line, "seconds");
    }
    record_.evaluations.push_back(std::move(values));
  }
  void take_checkpoint(const ordered_json& line, std::int64_t step) {
    record_.spent.checkpoints += number_at(line, "blocked_seconds");
    since_steps_ += number_at(line, "blocked_seconds");
    if (const auto error = text_at(line, "error"); !error.empty())
      add(line, step, "error", "a checkpoint could not be written: " + error);
  }
  void take_start(const ordered_json& line, std::int64_t step) {
    finish();
    const bool again = step > 0;
    add(line, step, again ? "restart" : "start",
        fmt::format("{} on {} rank{}",
                    again ? fmt::format("goes on after step {}", with_commas(step)) : "starts",
                    number_at(line, "ranks", 1), number_at(line, "ranks", 1) == 1 ? "" : "s"));
    record_.starts.push_back(line);
  }
  RunRecord& record_;
  double since_steps_ = 0;  ///< seconds of evaluations and checkpoints
};

/// Warnings and errors of a rank's own file: "2026-01-05T12:00:03.412Z WARN  [rank 05/08 node-02 cuda:1]
/// text".
void read_rank_log(const fs::path& file, RunRecord& record) {
  constexpr std::size_t most = 200;
  std::ifstream in(file);
  std::size_t count = 0;
  std::set<std::string> told;
  for (const auto& event : record.events) told.insert(event.text);
  for (std::string line; std::getline(in, line) && count < most;) {
    if (line.size() < 32 || line[10] != 'T') continue;
    const bool error = line.compare(25, 5, "ERROR") == 0, warning = line.compare(25, 4, "WARN") == 0;
    const auto text_at = line.find("] ");
    if ((!error && !warning) || text_at == std::string::npos) continue;
    const auto text = line.substr(text_at + 2);
    if (!told.insert(text).second) continue;
    record.events.push_back({line.substr(0, 24), -1, error ? "error" : "warning", text});
    ++count;
  }
}

void read_rank_logs(const fs::path& folder, RunRecord& record) {
  std::error_code none;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, none)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.size() > 64) files.resize(64);
  for (const auto& file : files) read_rank_log(file, record);
}

std::string state_of(const RunRecord& record) {
  std::string stopped;
  for (const auto& event : record.events) {
    if (event.kind == "start" || event.kind == "restart") stopped.clear();
    if (event.text.starts_with("stopped by a signal")) stopped = event.text;
  }
  if (record.ended) return "ended";
  if (!stopped.empty()) return stopped.substr(0, stopped.find(';'));
  if (fs::exists(record.folder / "job.lock")) return "running, or killed: its log has no end";
  return "failed, or killed: its log has no end";
}

/// Where the time of an event is not known (logs of earlier versions), it keeps its place behind the one
/// before.
void sort_by_time(std::vector<RunEvent>& events) {
  std::vector<std::pair<std::string, RunEvent>> keyed;
  for (auto& event : events) {
    auto key = event.time.empty() && !keyed.empty() ? keyed.back().first : event.time;
    keyed.emplace_back(std::move(key), std::move(event));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  events.clear();
  for (auto& [key, event] : keyed) events.push_back(std::move(event));
}

}  // namespace

double SpentTime::computing() const {
  return std::max(0.0, whole - loading - waiting - evaluating - checkpoints);
}

RunRecord RunRecord::read(const fs::path& folder) {
  RunRecord record;
  record.folder = folder;
  const auto log = folder / "log.jsonl", config = folder / "config.yaml";
  if (!fs::is_directory(folder))
    throw ConfigError(
        fmt::format("{}: there is no such folder; give a run's job folder (jobs/NAME)", folder.string()));
  if (!fs::exists(config) && !fs::exists(log))
    throw ConfigError(fmt::format(
        "{} is no job folder: it has neither config.yaml nor log.jsonl; give the folder that `train` "
        "wrote (jobs/NAME, or --job-dir)",
        folder.string()));
  if (fs::exists(config)) record.settings = config::yaml_values(read_file(config), config.string());
  record.name = record.setting("name");
  if (record.name.empty()) record.name = folder.filename().string();
  LogReader reader(record);
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    const auto json = ordered_json::parse(line, nullptr, false);
    if (json.is_object())
      reader.take(json);
    else if (!line.empty())
      ++record.torn_lines;
  }
  reader.finish();
  read_rank_logs(folder / "logs", record);
  record.state = state_of(record);
  sort_by_time(record.events);
  return record;
}

std::string RunRecord::setting(const std::string& path) const {
  for (const auto& [name, value] : settings)
    if (name == path) return value;
  return "";
}

const PartValues* RunRecord::last_of(const std::string& part) const {
  for (auto one = evaluations.rbegin(); one != evaluations.rend(); ++one)
    if (one->part == part) return &*one;
  return nullptr;
}

const PartValues* RunRecord::chosen_validation() const {
  const auto* test = last_of("test");
  const PartValues* best = nullptr;
  for (const auto& one : evaluations) {
    if (one.part != "validation") continue;
    if (test && one.step == test->step) return &one;
    if (one.best || !best) best = &one;
  }
  return best;
}

std::vector<std::string> RunRecord::warnings() const {
  std::vector<std::string> texts;
  for (const auto& event : events)
    if (event.kind == "warning" || event.kind == "error") texts.push_back(event.text);
  return texts;
}

}  // namespace ringtrain::report
