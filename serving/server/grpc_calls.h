#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

namespace ringtrain {

/// The bytes of a message. Throws DataError.
std::string text_of(const grpc::ByteBuffer& buffer);
/// A message of these bytes.
grpc::ByteBuffer buffer_of(const std::string& bytes);

/// The calls of which no message has come yet, such as a client's stream that it keeps for later: when the
/// server ends they are not waited for any longer than a message takes to arrive. And how many were cut.
class SilentCalls {
 public:
  /// False: the server ends.
  bool add(grpc::GenericCallbackServerContext* call) {
    const std::lock_guard lock(mutex_);
    if (!ended_) calls_.insert(call);
    return !ended_;
  }
  void remove(grpc::GenericCallbackServerContext* call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
    if (calls_.empty()) none_.notify_all();
  }
  void end(std::chrono::system_clock::time_point deadline);
  /// A call ended without its answer.
  void cancelled(grpc::GenericCallbackServerContext* call) {
    const std::lock_guard lock(mutex_);
    if (ended_ && std::chrono::system_clock::now() >= deadline_ && !calls_.contains(call)) ++cut_;
  }
  int cut() {
    const std::lock_guard lock(mutex_);
    return cut_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  bool ended_ = false;
  std::chrono::system_clock::time_point deadline_;
  int cut_ = 0;  ///< of calls whose message had come, by the deadline
  std::set<grpc::GenericCallbackServerContext*> calls_;
};

}  // namespace ringtrain
