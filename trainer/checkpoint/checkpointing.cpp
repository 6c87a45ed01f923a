#include "trainer/checkpoint/checkpointing.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "common/text.h"
#include "trainer/checkpoint/job_lock.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// Whether a file that rank 0 makes in `folder` is there for all ranks.
bool all_see(const fs::path& folder, Communicator& control) {
  fs::path probe;
  together(control, "looking whether all ranks share the job folder", [&] {
    if (control.rank() != 0) return;
    probe = folder / fmt::format(".shared.{}", ::getpid());
    write_file_synced(probe, "");
  });
  const auto name = broadcast_string(control, probe.string(), 0);
  const auto seen = at::full({1}, fs::exists(name) ? 1 : 0, at::kInt);
  control.all_reduce(seen, ReduceOp::min).wait();
  std::error_code ignored;
  if (control.rank() == 0) fs::remove(probe, ignored);
  return seen.item<int>() == 1;
}

/// Pieces of a parameter are counted in its usual order of elements.
bool can_be_cut(const Replica& replica) {
  const auto& entries = replica.parameters->entries();
  return std::all_of(entries.begin(), entries.end(),
                     [](const auto& entry) { return entry.parameter.is_contiguous(); });
}

}  // namespace

Checkpointing::Checkpointing(World& world, Communicator& gradients, const CheckpointStore& store,
                             const Retention& retention, Replica& replica, Telemetry& telemetry)
    : world_(world),
      gradients_(gradients),
      store_(store),
      replica_(replica),
      telemetry_(telemetry),
      shared_folder_(replica.shards && can_be_cut(replica) && all_see(store.folder(), world.control())),
      writes_(world.rank() == 0 || shared_folder_) {
  together(world.control(), "starting the thread that writes checkpoints",
           [&] { writer_.emplace(store, retention); });
}

void Checkpointing::save(const Checkpoint& about, bool is_best) {
  world_.beacon().enter(Phase::checkpointing);
  broadcast_buffers(replica_, gradients_);
  const auto begin_time = std::chrono::steady_clock::now();
  const WholeState state = in_parts() ? replica_.optimizer->state() : whole_state(replica_);
  together(world_.control(), fmt::format("writing the checkpoint of step {}", about.step), [&] {
    if (writes_) {
      writer_->wait();
      require_lock();
      tell();
      if (world_.rank() == 0)
        snapshot_.take(replica_, state);
      else
        snapshot_.take_state(replica_, state);
      about_ = about;
      is_best_ = is_best;
      begin();
      blocked_seconds_[about.step] =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_time).count();
    }
    world_.beacon().enter(Phase::waiting);
  });
  newest_step_ = about.step;
}

/// Of what the snapshot holds.
void Checkpointing::begin() {
  Checkpoint checkpoint = about_;
  snapshot_.name_tensors(checkpoint);
  if (world_.rank() == 0)
    writer_->write(std::move(checkpoint), is_best_, in_parts() ? world_.world_size() : 1);
  else
    writer_->write_part(checkpoint.step, world_.rank(), std::move(checkpoint.optimizer));
}

void Checkpointing::tell() {
  for (const auto& report : writer_->take_reports()) {
    if (world_.rank() == 0) telemetry_.checkpoint(report, blocked_seconds_[report.step]);
    blocked_seconds_.erase(report.step);
    error_ = report.error;
    failed_ = !error_.empty();
    const bool lost = store_.lock() != nullptr && store_.lock()->lost();  // `require_lock` tells of that
    if (failed_ && !lost)
      log::warn(
          fmt::format("the checkpoint of step {} is not written: {}; training goes on, the earlier ones are "
                      "still there",
                      with_commas(report.step), error_));
  }
}

void Checkpointing::settle() {
  if (writes_) writer_->wait();
  tell();
}

/// Of rank 0.
void Checkpointing::require_lock() const {
  if (store_.lock() != nullptr) store_.lock()->require_as_seen();
}

void Checkpointing::finish() {
  world_.beacon().enter(Phase::checkpointing);
  together(world_.control(), "writing the last checkpoint", [&] {
    if (writes_) writer_->wait();
    require_lock();
  });
  tell();
  world_.beacon().enter(Phase::waiting);
  const bool again = broadcast_string(world_.control(), failed_ ? "again" : "", 0) == "again";
  if (!again) return;
  together(world_.control(), "writing the last checkpoint", [&] {
    if (!writes_) return;
    begin();
    writer_->wait();
    tell();
    if (world_.rank() != 0 || !failed_) return;
    const auto steps = store_.steps();
    throw CheckpointError(fmt::format(
        "the last checkpoint, of step {}, cannot be written: {}. {}", with_commas(newest_step_), error_,
        steps.empty() ? "There is no earlier one"
                      : fmt::format("The newest is that of step {}: make room, then --resume goes on from it",
                                    with_commas(steps.back()))));
  });
}

}  // namespace ringtrain
