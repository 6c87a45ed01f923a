#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "trainer/telemetry/append_file.h"

namespace ringtrain {

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
  /// Shown as Markdown: here as a block of code.
  void text(std::string_view tag, std::int64_t step, std::string_view text);

 private:
  void add(std::int64_t step, std::string_view fields);
  std::unique_ptr<AppendFile> file_;
};

/// CRC-32C (Castagnoli, RFC 3720) of some bytes.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace ringtrain
