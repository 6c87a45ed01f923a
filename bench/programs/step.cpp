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

/// This rank's batches, whichever rows are asked for: batch `step * ranks + rank`, of all in turn.
struct Step::Batches : Dataset {
  std::vector<at::Tensor> inputs, targets;
  std::int64_t batch = 0;
  const World& world;
  mutable std::int64_t step = 0;

  explicit Batches(const World& one) : world(one) {}
  std::int64_t size() const override { return batch * world.world_size(); }
  Batch read(const std::vector<std::int64_t>&) const override {
    const auto number = static_cast<std::size_t>(step++ * world.world_size() + world.rank()) % inputs.size();
    return {inputs[number], targets[number], {}};
  }
};

RunConfig Step::config_of(const Case& spec, const World& world) {
  RunConfig config = spec.config;
  config.trainer.global_batch_size = spec.batch * world.world_size();
  return config;
}

Step::Step(const Case& spec, World& world)
    : spec_(spec), world_(world), config_(config_of(spec, world)), trace_(world.control(), 0) {
  at::set_num_threads(1);
  device_ = choose_device(world, config_);
  set_gpu_arithmetic(config_.trainer);
  communicator_ = make_communicator(world, config_.comm.backend, device_, ring_options(config_.comm));
  task_ = config_.task.kind().make({.labels = spec.labels, .vocabulary = spec.shape.outputs});
  replica_ = make_replica(config_, spec.shape, device_, communicator_.get());
  load_weights(read_safetensors(read_file(spec.weights), spec.weights), *replica_.model);
  batches_ = std::make_unique<Batches>(world);
  batches_->batch = spec.batch;
  const auto data = read_safetensors(read_file(spec.data), spec.data);
  batches_->inputs = data.at("inputs").to(at::Device(device_)).split(spec.batch);
  batches_->targets = data.at("targets").to(at::Device(device_)).split(spec.batch);
  loader_ = std::make_unique<Loader>(*batches_,
                                     Sampler({.samples = batches_->size(),
                                              .global_batch_size = batches_->size(),
                                              .shuffle = false,
                                              .rank = world.rank(),
                                              .world_size = world.world_size()}),
                                     0, 0);
  training_ = std::make_unique<TrainingStep>(world, config_, *task_, replica_, *communicator_, device_,
                                             trace_, nlohmann::json::object(),
                                             device_ == "cpu" ? nullptr : nccl::graph_recorder(device_));
}

Step::~Step() = default;

double Step::run() {
  const auto totals = training_->run(*loader_, signal_, step_, step_ + 1).totals;
  ++step_;
  return totals.loss_sum / totals.weight;
}

nlohmann::json Step::parts(int count) {
  Replica alone = make_replica(config_, spec_.shape, device_);
  std::array<double, 3> seconds{};
  const auto timed = [&](std::size_t part, bool counts, const auto& body) {
    communicator_->barrier();
    const auto begin = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    if (counts) seconds.at(part) += passed.count() / count;
  };
  const auto global = static_cast<double>(config_.trainer.global_batch_size);
  for (int i = -1; i < count; ++i) {  // the first one warms up
    LossSum loss;
    const Batch batch = batches_->read({});
    timed(0, i >= 0, [&] {
      alone.parameters->zero_gradients();
      loss = task_->loss_sum(
          ringtrain::forward(alone.model, batch.inputs, autocast_type(config_.trainer.precision),
                             task_->takes_sixteen_bits(at::Device(device_))),
          batch.targets);
    });
    timed(1, i >= 0, [&] { loss.loss_sum.backward(at::full_like(loss.loss_sum, 1.0 / global)); });
    timed(2, i >= 0, [&] { alone.optimizer->step(config_.trainer.optimizer.lr, 1); });
  }
  return {{"forward", seconds[0]},
          {"backward", seconds[1]},
          {"optimizer", seconds[2]},
          {"gradient_bytes", training_->bytes_per_step()}};
}

}  // namespace ringtrain::bench
