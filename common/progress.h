#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ringtrain {

/// How far a long piece of work has come, on the standard error. On a terminal a bar that is redrawn in
/// place:
///   step 412/1,095 [=======>            ] epoch 2/5  loss 0.0213  85,120 samples/s  00:41 left
/// and elsewhere one log line every few seconds, so that a file of a long run stays readable. Log lines push
/// the bar down. Only rank 0 makes one, and one at a time: a second one that lives beside it only writes
/// plain lines.
class Progress {
 public:
  struct Options {
    std::chrono::milliseconds redraw_interval{100};
    std::chrono::milliseconds line_interval{5000};
    std::int64_t already_done = 0;  ///< before this process began (a resumed run): kept out of the time left
  };

  /// `title`: what is counted ("step"); `total`: how many there are.
  Progress(std::string title, std::int64_t total);
  Progress(std::string title, std::int64_t total, Options options);
  /// Clears the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total are done; `details` stand behind the bar, the time left behind them. Cheap when
  /// nothing is due to be drawn.
  void update(std::int64_t done, std::string_view details = {});
  /// Clears the bar; plain output gets a last line when there is something that it has not said. No update
  /// may follow.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain
