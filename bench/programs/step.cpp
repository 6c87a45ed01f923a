#include "bench/programs/step.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <fstream>

#include "comm/backends.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"
#include "common/files.h"
#include "trainer/checkpoint/safetensors.h"
#include "trainer/precision/autocast.h"
#include "trainer/precision/forward.h"
#include "trainer/setup/comm_options.h"
#include "trainer/setup/device.h"
#include "trainer/step/step_seed.h"

namespace ringtrain::bench {
namespace {

nlohmann::json read_json(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw ConfigError(fmt::format("{}: cannot be read", file));
  return nlohmann::json::parse(stream);
}

}  // namespace

Case::Case(const std::string& file) {
  const auto json = read_json(file);
  config = RunConfig::from_text(json.at("config"), file);
  shape = {json.at("features"), json.at("outputs")};
  labels = json.at("labels").get<std::vector<std::string>>();
  batch = json.at("batch");
  weights = json.at("weights");
  data = json.at("data");
}

void write_weights(const Case& spec) {
  const Replica replica = make_replica(spec.config, spec.shape, "cpu");
  NamedTensors weights;
  for (const auto& item : replica.model->named_parameters())
    weights[item.key()] = item.value().detach().contiguous();
  for (const auto& item : replica.model->named_buffers()) weights[item.key()] = item.value().contiguous();
  write_file_atomically(spec.weights, write_safetensors(weights));
}

Step::Step(const Case& spec, World& world, bool averages) : spec_(spec), world_(world) {
  at::set_num_threads(1);
  const std::string device = choose_device(world, spec.config);
  communicator_ = make_communicator(world, spec.config.comm.backend, device, ring_options(spec.config.comm));
  task_ = make_task(spec.config.task, spec.labels, {}, spec.shape.outputs);
  device_ = at::Device(device);
  autocast_ = autocast_type(spec.config.trainer.precision);
  replica_ = make_replica(spec.config, spec.shape, device);
  load_weights(read_safetensors(read_file(spec.weights), spec.weights), *replica_.model);
  if (averages)
    averager_ = std::make_unique<GradientAverager>(*replica_.parameters, *communicator_,
                                                   averager_options(spec.config.comm));
  if (averages) {
    std::vector<Optimizer::Part> parts;
    for (std::size_t b = 0; b < averager_->buckets().size(); ++b)
      parts.push_back(
          {averager_->buckets()[b].group, averager_->buckets()[b].begin, averager_->buckets()[b].end});
    replica_.optimizer->cut(parts);
  }
  if (averages && device != "cpu" && spec.config.trainer.cuda_graph != "off" &&
      !RecordedStep::obstacle(spec.config, world.world_size()))
    recorded_ = std::make_unique<RecordedStep>(spec_.config, *task_, replica_, *averager_, autocast_,
                                               nccl::graph_recorder(device));
  const auto data = read_safetensors(read_file(spec.data), spec.data);
  inputs_ = data.at("inputs").to(device_).split(spec.batch);
  targets_ = data.at("targets").to(device_).split(spec.batch);
}

std::size_t Step::batch_number() const {
  return static_cast<std::size_t>(step_ * world_.world_size() + world_.rank()) % inputs_.size();
}

LossSum Step::forward(Replica& replica) {
  replica.parameters->zero_gradients();
  const auto index = batch_number();
  return task_->loss_sum(ringtrain::forward(*replica.model, inputs_[index], autocast_), targets_[index]);
}

void Step::backward(const LossSum& loss) {
  loss.loss_sum.backward(at::full_like(loss.loss_sum, 1.0 / static_cast<double>(global_batch())));
}

double Step::run() {
  {
    auto generator = at::globalContext().defaultGenerator(device_);
    const std::lock_guard lock(generator.mutex());
    generator.set_current_seed(step_seed(spec_.config.seed, step_, world_.rank()));
  }
  const double lr = spec_.config.trainer.optimizer.lr;
  if (recorded_) {
    const Batch batch{inputs_[batch_number()], targets_[batch_number()], targets_[batch_number()]};
    if (recorded_->takes(batch)) {
      if (!recorded_->recorded()) recorded_->record(batch);
      const StepTotals totals = recorded_->run(batch, lr, false).totals;
      ++step_;
      return totals.loss_sum / totals.weight;
    }
    recorded_->warmed_up(batch);
  }
  const LossSum loss = forward(replica_);
  backward(loss);
  StepTotals mine;
  mine.loss_sum = loss.loss_sum.item<double>();
  mine.weight = loss.weight.item<double>();
  mine.samples = static_cast<double>(spec_.batch);
  const StepTotals totals = averager_ ? averager_->finish_totals(mine) : mine;
  const double divisor = totals.weight / static_cast<double>(global_batch());
  const bool in_parts = averager_ && averager_->overlaps() && device_.is_cpu();
  if (in_parts) replica_.optimizer->begin_parts();
  while (const auto bucket = averager_ ? averager_->finish_bucket() : std::nullopt)
    if (in_parts) replica_.optimizer->step_part(*bucket, lr, divisor);
  if (!in_parts) replica_.optimizer->step(lr, divisor);
  ++step_;
  return totals.loss_sum / totals.weight;
}

nlohmann::json Step::parts(int count) {
  Replica alone = make_replica(spec_.config, spec_.shape, device_.str());
  std::array<double, 3> seconds{};
  const auto timed = [&](std::size_t part, bool counts, const auto& body) {
    communicator_->barrier();
    const auto begin = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    if (counts) seconds.at(part) += passed.count() / count;
  };
  for (int i = -1; i < count; ++i) {  // the first one warms up
    LossSum loss;
    timed(0, i >= 0, [&] { loss = forward(alone); });
    timed(1, i >= 0, [&] { backward(loss); });
    timed(2, i >= 0, [&] { alone.optimizer->step(spec_.config.trainer.optimizer.lr, 1); });
  }
  return {{"forward", seconds[0]},
          {"backward", seconds[1]},
          {"optimizer", seconds[2]},
          {"gradient_bytes", averager_->bytes_per_step()}};
}

}  // namespace ringtrain::bench
