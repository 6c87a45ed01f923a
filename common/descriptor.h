#pragma once

#include <utility>

namespace ringtrain {

/// Owns a file descriptor; closed with the object. Negative: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Now, if there is one. What `close` reports of writes that failed late is not told: sync first.
  void close();

 private:
  int fd_ = -1;
};

/// A pipe whose ends no program that is started inherits by itself. Throws Error with the system's reason.
struct Pipe {
  Pipe();
  Descriptor read_end, write_end;
};

}  // namespace ringtrain
