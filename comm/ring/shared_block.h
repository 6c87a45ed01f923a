#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "comm/own_process.h"
#include "comm/ring/private_in_children.h"

namespace ringtrain::ring {

/// Memory that processes of one host share: anonymous (memfd_create), so nothing is left behind and
/// /dev/shm's size is no limit; opened by the others through /proc/PID/fd. Owns the mapping. In a child
/// process (fork) a block that was made is a private copy, and one that was opened is not there; destroyed
/// there, it leaves all as it is.
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

 private:
  SharedBlock(int file, std::size_t bytes);
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  int file_ = -1;  ///< of a block that was made: kept for children
  OwnProcess process_;
  std::unique_ptr<PrivateInChildren> children_;  ///< of a block that was made
};

}  // namespace ringtrain::ring
