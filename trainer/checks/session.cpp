#include "trainer/checks/session.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "comm/backends.h"
#include "common/errors.h"
#include "trainer/checkpoint/found_checkpoint.h"
#include "trainer/data_kinds/data_request.h"
#include "trainer/setup/comm_options.h"
#include "trainer/setup/device.h"
#include "trainer/setup/first_answer.h"
#include "trainer/weights/weight_start.h"

namespace ringtrain::checks {
namespace {

constexpr std::int64_t kMostCells = 8'000'000;

Checkpoint origin_of(const std::string& folder) {
  const auto found = find_checkpoint(folder);
  if (!found)
    throw ConfigError(
        fmt::format("trainer.start_from: {} is no checkpoint's folder; expected "
                    "JOB/checkpoints/step-N, JOB, or an exported version",
                    folder));
  return found->load();
}

}  // namespace

Session::Session(World& world, RunConfig config, const StopSignal& signal) : config_(std::move(config)) {
  if (world.world_size() > 1)
    throw ConfigError("a run is checked in one process: call it without mpirun and srun");
  at::set_num_threads(static_cast<int>(config_.trainer.threads_per_rank));
  device_ = choose_device(world, config_);
  set_gpu_arithmetic(config_.trainer);
  gradients_ = make_communicator(world, config_.comm.backend, device_, ring_options(config_.comm));
  if (!config_.trainer.start_from.empty()) {
    origin_ = origin_of(config_.trainer.start_from);
    fitted_ = Preprocessing::from_json(origin_->preprocessing);
  } else if (!config_.model.weights.from.empty()) {
    given_ = read_stored_weights(config_.model.weights.from);
  }
  const auto request = data_request_of(config_, fitted_, world.local_size());
  data_ = config_.data.kind().prepare(request, world.control());
  task_ = config_.task.kind().make(data_.for_task());
  replica_ = begin(config_);
  require_signature(data_, request.type, config_.export_.enabled && config_.data.kind().can_be_exported());
  require_fitting_answer(replica_, *task_, *data_.train, at::Device(device_));
  subject_.emplace(Subject::Run{config_, data_, *task_, replica_, device_}, kMostCells,
                   Subject::Training{world, signal, *gradients_,
                                     [this](const RunConfig& changed) { return begin(changed); }});
}

Replica Session::begin(const RunConfig& config) const {
  Replica replica =
      make_replica(config, {data_.features, task_->outputs(), data_.categories}, device_, gradients_.get());
  if (origin_)
    load_weights(origin_->weights, *replica.model);
  else if (given_)
    begin_with_weights(*given_, config, replica, 0);
  return replica;
}

}  // namespace ringtrain::checks
