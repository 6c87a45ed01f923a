#include "launch/learn/online_model.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "comm/agreement.h"
#include "comm/backends.h"
#include "comm/gather_rows.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"
#include "data/order/loader.h"
#include "data/order/sampler.h"
#include "trainer/checkpoint/replica_snapshot.h"
#include "trainer/evaluation.h"
#include "trainer/precision/autocast.h"
#include "trainer/setup/comm_options.h"
#include "trainer/setup/device.h"
#include "trainer/step/replica_check.h"
#include "trainer/tasks/calibration.h"

namespace ringtrain {
namespace {

const char* const kTrainingState = "training";

/// A stream has no end that a schedule could be cut to.
constexpr std::int64_t kWithoutEnd = std::numeric_limits<std::int64_t>::max() / 2;

double norm_of(const std::vector<at::Tensor>& tensors) {
  double squares = 0;
  for (const auto& tensor : tensors) squares += tensor.to(at::kDouble).square().sum().item<double>();
  return std::sqrt(squares);
}

/// [n, width] float64 of rank 0's and all others' numbers, in rank order, on rank 0.
std::vector<double> gathered(const std::vector<double>& mine, std::int64_t width, Communicator& control) {
  const auto numbers =
      at::tensor(mine, at::kDouble).reshape({static_cast<std::int64_t>(mine.size()) / width, width});
  const auto all = gather_rows(control, numbers, 0);
  if (!all.defined()) return {};
  const auto whole = all.contiguous();
  return {whole.const_data_ptr<double>(), whole.const_data_ptr<double>() + whole.numel()};
}

}  // namespace

OnlineModel::OnlineModel(World& world, const RunConfig& config, const PreparedData& data, double temperature,
                         const Checkpoint* anchor, const Checkpoint* resumed,
                         const std::function<void(const std::string&)>& device_chosen)
    : world_(world), config_(config), data_(data) {
  Communicator& control = world.control();
  at::set_num_threads(static_cast<int>(config.trainer.threads_per_rank));
  together(control, "choosing a device", [&] { device_ = choose_device(world, config); });
  set_gpu_arithmetic(config.trainer);
  if (device_chosen) device_chosen(device_);
  together(control, "starting the communicator", [&] {
    gradients_ = make_communicator(world, config.comm.backend, device_, ring_options(config.comm));
  });
  begin_with(anchor);
  if (temperature != 1)
    answering_ = std::make_unique<CalibratedTask>(config.task.kind().make(data.for_task()), temperature);
  trace_ = std::make_unique<Trace>(control, 0);
  go_on_from(resumed);
}

/// The anchor's weights, on every rank; what is kept of them is what the weights are reset to.
void OnlineModel::begin_with(const Checkpoint* anchor) {
  together(world_.control(), "making the model", [&] {
    task_ = config_.task.kind().make(data_.for_task());
    replica_ = make_replica(config_, shape(), device_, gradients_.get());
    if (replica_.until)
      throw ConfigError(
          "trainer.optimizer.groups: freeze_until is for runs that end; a stream takes freeze: true or "
          "false");
    if (anchor) load_weights(anchor->weights, *replica_.model);
  });
  broadcast_weights(replica_, *gradients_);
  const torch::NoGradGuard no_grad;
  for (const auto& item : replica_.model->named_parameters())
    anchor_[item.key()] = item.value().detach().clone();
  for (const auto& item : replica_.model->named_buffers()) anchor_[item.key()] = item.value().clone();
  std::vector<at::Tensor> values;
  for (const auto& group : replica_.parameters->groups()) values.push_back(group.values);
  anchor_norm_ = norm_of(values);
}

void OnlineModel::go_on_from(const Checkpoint* resumed) {
  Communicator& control = world_.control();
  const auto text = broadcast_string(control, resumed ? resumed->progress.dump() : "", 0);
  auto state = nlohmann::json::object();
  if (!text.empty()) {
    WholeState loaded;
    together(control, "loading the checkpoint", [&] {
      state = nlohmann::json::parse(text).at(kTrainingState);
      if (resumed) loaded = load_replica(*resumed, replica_);
    });
    step_ = std::stoll(broadcast_string(control, std::to_string(resumed ? resumed->step : 0), 0));
    share_replica(replica_, loaded, *gradients_);
  }
  training_ =
      std::make_unique<TrainingStep>(world_, config_, *task_, replica_, *gradients_, device_, *trace_, state,
                                     device_ == "cpu" ? GraphRecorder() : nccl::graph_recorder(device_));
}

SampleForm OnlineModel::form() const {
  return {data_.preprocessing, config_.task.kind().target(), parameter_type(config_.trainer.precision),
          !config_.data.table().weight.empty()};
}

Network OnlineModel::make_model() const { return config_.model.kind().make(shape()); }

Prequential::Answers OnlineModel::answer(const Dataset& samples) {
  Communicator& control = world_.control();
  broadcast_buffers(replica_, *gradients_);
  const auto mine = evaluate(replica_.model, task(), samples, control, device_,
                             autocast_type(config_.trainer.precision), &world_.beacon());
  Prequential::Answers answers;
  answers.width = mine.width;
  answers.target_width = mine.target_width;
  answers.names = mine.names;
  answers.scores = gathered(mine.scores, mine.width, control);
  answers.targets = gathered(mine.targets, mine.target_width, control);
  answers.loss = mine.loss;
  return answers;
}

LearnedStep OnlineModel::learn(const Dataset& samples, const StopSignal& signal) {
  const bool limited = config_.learn.limits.update_norm > 0;
  if (limited) keep_before();
  const Sampler all_of_it({.samples = samples.size(),
                           .global_batch_size = samples.size(),
                           .shuffle = false,
                           .rank = world_.rank(),
                           .world_size = world_.world_size()});
  Loader loader(samples, all_of_it, 0, 0, at::Device(device_));
  LearnedStep done;
  done.outcome = training_->run(loader, signal, step_, kWithoutEnd);
  done.outcome.totals.loss_sum *= task_->loss_unit();
  ++step_;
  limit(done);
  return done;
}

void OnlineModel::keep_before() {
  const torch::NoGradGuard no_grad;
  before_.clear();
  for (const auto& group : replica_.parameters->groups()) before_.push_back(group.values.clone());
}

/// Every rank does the same with the same numbers.
void OnlineModel::limit(LearnedStep& done) {
  const torch::NoGradGuard no_grad;
  const auto& limits = config_.learn.limits;
  const auto& groups = replica_.parameters->groups();
  if (limits.update_norm > 0) {
    std::vector<at::Tensor> changes;
    for (std::size_t g = 0; g < groups.size(); ++g) changes.push_back(groups[g].values - before_[g]);
    done.update_norm = norm_of(changes);
    done.shortened = done.update_norm > limits.update_norm;
    for (std::size_t g = 0; done.shortened && g < groups.size(); ++g)
      groups[g].values.copy_(before_[g] + changes[g] * (limits.update_norm / done.update_norm));
  }
  if (limits.distance <= 0) return;
  double squares = 0;
  for (const auto& entry : replica_.parameters->entries()) {
    const auto away = norm_of({entry.parameter.detach() - anchor_.at(entry.name)});
    squares += away * away;
  }
  done.distance = std::sqrt(squares) / std::max(anchor_norm_, std::numeric_limits<double>::min());
  done.reset = !(done.distance <= limits.distance);  // nan, too
  if (done.reset) reset_to_anchor();
}

/// The weights are the anchor's, and the optimizer knows nothing: each parameter has sat out all steps.
void OnlineModel::reset_to_anchor() {
  for (const auto& item : replica_.model->named_parameters())
    item.value().detach().copy_(anchor_.at(item.key()));
  for (const auto& item : replica_.model->named_buffers()) item.value().copy_(anchor_.at(item.key()));
  for (const auto& [name, tensors] : replica_.optimizer->state())
    for (const auto& tensor : tensors) tensor.zero_();
  const auto steps = replica_.optimizer->steps();
  replica_.optimizer->resume(steps, std::vector<std::int64_t>(replica_.parameters->entries().size(), steps));
}

Checkpoint OnlineModel::checkpoint() {
  Checkpoint now;
  now.step = step_;
  broadcast_buffers(replica_, *gradients_);
  const auto whole = whole_state(replica_);
  now.progress[kTrainingState] = training_->state();
  if (world_.rank() != 0) return now;
  ReplicaSnapshot snapshot;
  snapshot.take(replica_, whole);
  snapshot.name_tensors(now);
  return now;
}

void OnlineModel::require_same_replicas() { check_replicas(replica_, world_.control(), step_); }

}  // namespace ringtrain
