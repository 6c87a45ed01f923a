#include "trainer/checkpoint/checkpoint_writer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <pthread.h>

#include <chrono>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// A checkpoint to go on from must not hold what training cannot go on from.
void require_finite(const NamedTensors& weights) {
  for (const auto& [name, tensor] : weights)
    if (tensor.is_floating_point() && !at::isfinite(tensor).all().item<bool>())
      throw CheckpointError(fmt::format("the weights '{}' are not finite", name));
}

}  // namespace

CheckpointWriter::CheckpointWriter(const CheckpointStore& store, const Retention& retention)
    : store_(store), retention_(retention), thread_([this] { run(); }) {}

CheckpointWriter::~CheckpointWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CheckpointWriter::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_ && !waiting_; });
}

void CheckpointWriter::write(Checkpoint checkpoint, bool is_best) {
  wait();
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(std::move(checkpoint), is_best);
  }
  changed_.notify_all();
}

std::vector<CheckpointWriter::Report> CheckpointWriter::take_reports() {
  const std::lock_guard lock(mutex_);
  return std::exchange(reports_, {});
}

void CheckpointWriter::run() {
  ::pthread_setname_np(::pthread_self(), "checkpoints");
  at::set_num_threads(1);  // of this thread: the others compute
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || waiting_; });
    if (!waiting_) return;
    const auto [checkpoint, is_best] = std::move(*waiting_);
    waiting_.reset();
    busy_ = true;
    lock.unlock();
    auto report = save(checkpoint, is_best);
    lock.lock();
    busy_ = false;
    reports_.push_back(std::move(report));
    changed_.notify_all();
  }
}

CheckpointWriter::Report CheckpointWriter::save(const Checkpoint& checkpoint, bool is_best) const {
  const auto begin = std::chrono::steady_clock::now();
  Report report{.step = checkpoint.step};
  for (const auto* tensors : {&checkpoint.weights, &checkpoint.optimizer})
    for (const auto& [name, tensor] : *tensors) report.bytes += tensor.nbytes();
  try {
    require_finite(checkpoint.weights);
    report.folder = store_.save(checkpoint, is_best, retention_);
  } catch (const std::exception& error) {
    report.error = error.what();
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

}  // namespace ringtrain
