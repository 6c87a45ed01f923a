#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/profile_range.h"

namespace ringtrain {

/// What each rank does in the first steps of a run, as a picture: Chrome's trace event format, which
/// ui.perfetto.dev and chrome://tracing open; one lane a rank, and below it what goes on beside.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;
  /// `steps` 0 records nothing. Else collective: the ranks' clocks are aligned by a barrier.
  Trace(Communicator& control, std::int64_t steps);

  bool records() const { return steps_ > 0; }
  /// From its making to its end of life; profilers see it too. `name`: a literal.
  class Span {
   public:
    Span(Trace& trace, const char* name) : trace_(trace), name_(name), range_(name), begin_(Clock::now()) {}
    ~Span() { trace_.add(name_, begin_, Clock::now()); }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    Trace& trace_;
    const char* name_;
    ProfileRange range_;
    Clock::time_point begin_;
  };
  [[nodiscard]] Span span(const char* name) { return {*this, name}; }
  void add(const char* name, Clock::time_point begin, Clock::time_point end);
  /// What goes on beside the lane, and may overlap with others of its kind.
  void add_beside(const std::string& name, Clock::time_point begin, Clock::time_point end);

  /// A step has ended. After the last one that is recorded, rank 0 writes `file` and this returns true;
  /// collective there.
  bool end_step(Communicator& control, const std::filesystem::path& file);

 private:
  struct Event {
    std::string name;
    double begin_us, duration_us;
    std::int64_t step;
    bool beside = false;
  };
  std::string to_json(int rank) const;
  std::int64_t steps_, step_ = 0;
  Clock::time_point origin_;
  std::vector<Event> events_;
};

}  // namespace ringtrain
