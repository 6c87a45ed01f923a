#include "data/order/loader.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "common/errors.h"
#include "data/order/device_copies.h"

namespace ringtrain {

/// The reading thread fills the queue and then sleeps until half of it is gone; the training thread takes a
/// step under an uncontended lock. So the two wake each other once in many steps: a wake-up costs more than
/// reading a small batch from memory.
struct Loader::Impl {
  const Dataset& dataset;
  Sampler sampler;
  DeviceCopies copies;
  const std::int64_t batches;
  const std::size_t limit;
  std::int64_t next_step;  // the step to read next: of the thread, or of next() when there is none

  struct Ahead {
    Step step;
    DeviceCopies::Ready ready;
  };
  std::mutex mutex;
  std::condition_variable wanted, ready;
  std::deque<Ahead> queue;
  std::exception_ptr failure;  // what ended the thread; thrown when the queue before it is used up
  bool consumer_waits = false, producer_waits = false, stop = false;
  std::thread thread;

  Impl(const Dataset& data, Sampler s, std::int64_t first_step, std::int64_t prefetch, at::Device device)
      : dataset(data),
        sampler(std::move(s)),
        copies(device),
        batches(sampler.batches_per_epoch()),
        limit(static_cast<std::size_t>(std::max<std::int64_t>(device.is_cpu() ? 0 : 2, prefetch))),
        next_step(first_step) {
    if (batches == 0) throw DataError("there are no samples to load");
    if (limit > 0) thread = std::thread([this] { read_ahead(); });
  }

  ~Impl() {
    if (!thread.joinable()) return;
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    wanted.notify_one();
    thread.join();
  }

  Ahead read_next() {
    const std::int64_t epoch = next_step / batches, batch = next_step % batches;
    if (const auto soon = sampler.blocks_soon(epoch, batch); !soon.empty()) dataset.expect(soon);
    Ahead next{{epoch, batch, dataset.read(sampler.indices(epoch, batch))}, {}};
    next.ready = copies.start(next.step.samples);
    ++next_step;
    return next;
  }

  void read_ahead() {
    ::pthread_setname_np(::pthread_self(), "reader");
    try {
      std::unique_lock lock(mutex);
      while (!stop) {
        lock.unlock();
        Ahead next = read_next();
        lock.lock();
        queue.push_back(std::move(next));
        if (consumer_waits) ready.notify_one();
        if (queue.size() < limit) continue;
        producer_waits = true;
        wanted.wait(lock, [this] { return stop || queue.size() <= limit / 2; });
        producer_waits = false;
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      ready.notify_one();
    }
  }

  Ahead take() {
    std::unique_lock lock(mutex);
    consumer_waits = true;
    ready.wait(lock, [this] { return !queue.empty() || failure; });
    consumer_waits = false;
    if (queue.empty()) std::rethrow_exception(failure);
    Ahead first = std::move(queue.front());
    queue.pop_front();
    const bool wake = producer_waits && queue.size() <= limit / 2;
    lock.unlock();
    if (wake) wanted.notify_one();
    return first;
  }
};

Loader::Loader(const Dataset& dataset, Sampler sampler, std::int64_t first_step,
               std::int64_t prefetch_batches, at::Device device)
    : impl_(new Impl(dataset, std::move(sampler), first_step, prefetch_batches, device)) {}
Loader::~Loader() = default;

Loader::Step Loader::next() {
  auto ahead = impl_->limit > 0 ? impl_->take() : impl_->read_next();
  impl_->copies.finish(ahead.step.samples, ahead.ready);
  return std::move(ahead.step);
}

}  // namespace ringtrain
