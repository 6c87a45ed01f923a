#pragma once

#include <sys/types.h>

#include <cstddef>

namespace ringtrain::ring {

/// Memory that processes of one host share: anonymous (memfd_create), so nothing is left behind and
/// /dev/shm's size is no limit; opened by the others through /proc/PID/fd. Owns the mapping.
class SharedBlock {
 public:
  /// Zeroed. Throws CommError.
  static SharedBlock make(std::size_t bytes);
  /// Another process's block. Throws CommError where this system does not let it be opened.
  static SharedBlock open(pid_t process, int file, std::size_t bytes);

  SharedBlock() = default;
  SharedBlock(SharedBlock&& other) noexcept;
  SharedBlock& operator=(SharedBlock&& other) noexcept;
  ~SharedBlock();

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  int file() const { return file_; }
  /// The mapping stays.
  void close_file();

 private:
  SharedBlock(int file, std::size_t bytes);
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  int file_ = -1;
};

}  // namespace ringtrain::ring
