#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace ringtrain {

/// Hands items to a sink on a thread of its own, so that who adds them never waits: what does not fit into
/// the queue is dropped, and `add` says so. The destructor hands over what is left.
template <class Item>
class Behind {
 public:
  /// Called with what came since the last call, and with nothing when `pause` went by without an item. Must
  /// not throw.
  using Sink = std::function<void(std::vector<Item>)>;

  Behind(std::size_t most, std::chrono::milliseconds pause, Sink sink)
      : most_(most), pause_(pause), sink_(std::move(sink)), thread_([this] { run(); }) {}
  ~Behind() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Behind(const Behind&) = delete;
  Behind& operator=(const Behind&) = delete;

  /// False: there is no room.
  bool add(Item item) {
    bool is_first = false;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= most_) return false;
      is_first = waiting_.empty();
      waiting_.push_back(std::move(item));
    }
    if (is_first) wake_.notify_one();
    return true;
  }

 private:
  void run() {
    for (bool ends = false; !ends;) {
      std::vector<Item> items;
      {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, pause_, [this] { return ends_ || !waiting_.empty(); });
        items.swap(waiting_);
        ends = ends_;
      }
      sink_(std::move(items));
    }
  }

  const std::size_t most_;
  const std::chrono::milliseconds pause_;
  const Sink sink_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Item> waiting_;
  bool ends_ = false;
  std::thread thread_;  // last: it begins when the rest is there
};

}  // namespace ringtrain
