#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <string_view>

namespace ringtrain {

/// The process that made an object. A child (fork) has a copy of the object, but neither its threads nor
/// connections of its own: what is sent from there would arrive as its parent's. To ask costs one getpid.
class OwnProcess {
 public:
  bool here() const noexcept { return ::getpid() == id_; }
  /// Throws CommError that names both processes, in any other than the one that made this. `what` could not
  /// be done: "all_reduce".
  void require(std::string_view what) const;

 private:
  pid_t id_ = ::getpid();
};

}  // namespace ringtrain
