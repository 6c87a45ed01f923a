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

std::uint64_t bytes_of(const NamedTensors& tensors) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
  return bytes;
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

void CheckpointWriter::write(Checkpoint checkpoint, bool is_best, int parts) {
  const auto step = checkpoint.step;
  const auto bytes = bytes_of(checkpoint.weights) + bytes_of(checkpoint.optimizer);
  begin(step, bytes, [this, checkpoint = std::move(checkpoint), is_best, parts] {
    require_finite(checkpoint.weights);
    return store_.save(checkpoint, is_best, retention_, parts);
  });
}

void CheckpointWriter::write_part(std::int64_t step, int rank, NamedTensors optimizer) {
  const auto bytes = bytes_of(optimizer);
  begin(step, bytes, [this, step, rank, optimizer = std::move(optimizer)] {
    store_.save_part(step, rank, optimizer);
    return store_.folder_of(step);
  });
}

void CheckpointWriter::begin(std::int64_t step, std::uint64_t bytes,
                             std::function<std::filesystem::path()> save) {
  wait();
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(Report{.step = step, .bytes = bytes}, std::move(save));
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
    auto [report, save] = std::move(*waiting_);
    waiting_.reset();
    busy_ = true;
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    try {
      report.folder = save();
    } catch (const std::exception& error) {
      report.error = error.what();
    }
    save = nullptr;  // and with it the tensors
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    lock.lock();
    busy_ = false;
    reports_.push_back(std::move(report));
    changed_.notify_all();
  }
}

}  // namespace ringtrain
