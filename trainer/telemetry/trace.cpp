#include "trainer/telemetry/trace.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "comm/agreement.h"
#include "common/files.h"

namespace ringtrain {
namespace {

double microseconds(Trace::Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

Trace::Trace(Communicator& control, std::int64_t steps) : steps_(steps) {
  if (!records()) return;
  control.barrier();
  origin_ = Clock::now();
}

void Trace::add(const char* name, Clock::time_point begin, Clock::time_point end) {
  if (!records()) return;
  events_.push_back({name, microseconds(begin - origin_), microseconds(end - begin), step_ + 1});
}

void Trace::add_beside(const std::string& name, Clock::time_point begin, Clock::time_point end) {
  if (!records()) return;
  events_.push_back({name, microseconds(begin - origin_), microseconds(end - begin), step_ + 1, true});
}

bool Trace::end_step(Communicator& control, const std::filesystem::path& file) {
  if (!records() || ++step_ < steps_) return false;
  const auto parts = all_gather_strings(control, to_json(control.rank()));
  together(control, "writing the trace", [&] {
    if (control.rank() != 0) return;
    auto events = nlohmann::json::array();
    for (const auto& part : parts)
      for (auto& event : nlohmann::json::parse(part)) events.push_back(std::move(event));
    write_file_atomically(file, nlohmann::json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump(1));
  });
  steps_ = 0;
  events_.clear();
  return true;
}

std::string Trace::to_json(int rank) const {
  auto events = nlohmann::json::array();
  events.push_back({{"ph", "M"},
                    {"name", "process_name"},
                    {"pid", rank},
                    {"args", {{"name", "rank " + std::to_string(rank)}}}});
  std::int64_t number = 0;
  for (const auto& event : events_) {
    if (event.beside) {  // an asynchronous event: its begin and its end
      nlohmann::json ends{{"ph", "b"},
                          {"cat", "all-reduce"},
                          {"id", fmt::format("{}.{}", rank, number++)},
                          {"pid", rank},
                          {"tid", 0},
                          {"name", event.name},
                          {"ts", event.begin_us}};
      ends["args"]["step"] = event.step;
      events.push_back(ends);
      ends["ph"] = "e";
      ends["ts"] = event.begin_us + event.duration_us;
      events.push_back(std::move(ends));
      continue;
    }
    events.push_back({{"ph", "X"},
                      {"name", event.name},
                      {"pid", rank},
                      {"tid", 0},
                      {"ts", event.begin_us},
                      {"dur", event.duration_us},
                      {"args", {{"step", event.step}}}});
  }
  return events.dump();
}

}  // namespace ringtrain
