#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/telemetry/append_file.h"

namespace ringtrain {

/// How numbers lie: `counts[i]` of them are in (limits[i - 1], limits[i]], the first from `least` on.
struct Histogram {
  double least = 0, most = 0, sum = 0, sum_of_squares = 0;
  std::int64_t numbers = 0;
  std::vector<double> limits, counts;
};

/// A file of TensorBoard's events: TFRecords (a length, the record, a masked CRC-32C of each) of the protocol
/// buffer tensorflow.Event (tensorflow/core/util/event.proto). What cannot be written is lost, with a
/// warning: training goes on.
class EventFile {
 public:
  /// A new file in `folder`, which is made. It says that what files before it have of steps after
  /// `resume_step` is void. Throws Error when it cannot be made.
  EventFile(const std::filesystem::path& folder, std::int64_t resume_step);
  /// Not finite numbers too.
  void scalar(std::string_view tag, std::int64_t step, double value);
  void histogram(std::string_view tag, std::int64_t step, const Histogram& histogram);
  /// Shown as Markdown: here as a block of code.
  void text(std::string_view tag, std::int64_t step, std::string_view text);

 private:
  void add(std::int64_t step, std::string_view fields);
  std::unique_ptr<AppendFile> file_;
};

/// CRC-32C (Castagnoli, RFC 3720) of some bytes.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace ringtrain
