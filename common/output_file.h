#pragma once

#include <filesystem>
#include <memory>
#include <ostream>
#include <string_view>

#include "common/descriptor.h"

struct stat;

namespace ringtrain {

/// What a program writes under a name that somebody gave it. The name's kind decides:
/// - a regular file, or none: a temporary file beside it; `commit` makes it durable and renames it. Until
///   then, and without `commit` for ever, readers see what was there before. Its permissions stay, and its
///   owner where this process may give files away.
/// - a symbolic link is followed to its end, which is written, or made; the link stays.
/// - a device, a FIFO, /dev/stdout, /dev/fd/N: written through as it comes.
/// Throws Error with the system's reason; a folder is none of these.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path file);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  /// The same, buffered. It goes bad when a write fails; `commit` then throws with the reason.
  std::ostream& stream() { return stream_; }
  void commit();

 private:
  class Buffer;
  [[noreturn]] void fail(std::string_view what, int reason) const;
  void open();
  void make_temporary(const struct stat* before);

  std::filesystem::path file_;       // as it was named
  std::filesystem::path target_;     // where links lead
  std::filesystem::path temporary_;  // empty: written through
  Descriptor descriptor_;
  std::unique_ptr<Buffer> buffer_;
  std::ostream stream_;
};

}  // namespace ringtrain
