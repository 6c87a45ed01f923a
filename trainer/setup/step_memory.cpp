#include "trainer/setup/step_memory.h"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "common/text.h"
#include "trainer/precision/autocast.h"
#include "trainer/precision/forward.h"
#include "trainer/precision/shadow_copies.h"

namespace ringtrain {
namespace {

/// What LibTorch's allocators report of one device: the most that was held at once. Backward reports from a
/// thread of its own.
struct Held : c10::MemoryReportingInfoBase {
  explicit Held(const at::Device& counted) : device(counted) {}
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t, c10::Device where) override {
    if (where.type() != device.type()) return;
    const std::lock_guard lock(mutex);
    now += bytes;
    most = std::max(most, now);
  }
  void reportOutOfMemory(std::int64_t, std::size_t, std::size_t, c10::Device) override {}
  bool memoryProfilingEnabled() const override { return true; }

  at::Device device;
  std::mutex mutex;
  std::int64_t now = 0, most = 0;
};

/// Of forward and backward over `samples` samples.
std::int64_t bytes_of(std::int64_t samples, const RunConfig& config, const Task& task, Replica& replica,
                      const Dataset& train, const at::Device& device) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < samples; ++i) indices.push_back(i);
  const Batch batch = train.read(indices);
  const auto autocast = autocast_type(config.trainer.precision);
  const auto held = std::make_shared<Held>(device);
  {
    const c10::DebugInfoGuard counting(c10::DebugInfoKind::PROFILER_STATE, held);
    const auto outputs =
        forward(replica.model, batch.inputs.to(device), autocast, task.takes_sixteen_bits(device));
    task.loss_sum(outputs, batch.targets.to(device)).loss_sum.backward();
  }
  return held->most;
}

std::int64_t share(std::int64_t of, std::int64_t among) { return (of + among - 1) / among; }

}  // namespace

std::string StepMemory::text() const {
  const auto words = [](std::int64_t bytes) { return human_bytes(static_cast<double>(bytes)); };
  auto text = fmt::format("a step takes about {} on each rank: parameters {}, gradients {}, optimizer {}",
                          words(total()), words(parameters), words(gradients), words(optimizer));
  if (copies > 0) text += fmt::format(", copies in 16 bits {}", words(copies));
  return text + fmt::format(", activations of {} samples {}", with_commas(samples), words(activations));
}

std::optional<StepMemory> predict_step_memory(const RunConfig& config, const Task& task, Replica& replica,
                                              const Dataset& train, const at::Device& device,
                                              int world_size) {
  constexpr std::int64_t kFew = 2;
  if (train.size() <= kFew) return std::nullopt;
  StepMemory memory;
  for (const auto& group : replica.parameters->groups()) {
    memory.parameters += static_cast<std::int64_t>(group.values.nbytes());
    memory.gradients += static_cast<std::int64_t>(group.gradients.nbytes());
    if (autocast_type(config.trainer.precision) && config.trainer.weight_copies)
      memory.copies += 2 * group.values.numel();
  }
  memory.optimizer = replica.optimizer->state_bytes();
  memory.samples = std::min(
      train.size(), share(share(config.trainer.global_batch_size, world_size), config.trainer.accumulate));

  std::vector<at::Tensor> buffers;
  for (const auto& buffer : replica.model->buffers()) buffers.push_back(buffer.clone());
  std::optional<std::pair<std::int64_t, std::int64_t>> measured;
  try {
    const auto few = bytes_of(kFew, config, task, replica, train, device);
    measured = {few, bytes_of(kFew + 1, config, task, replica, train, device)};
  } catch (const std::exception&) {  // the first step says what is wrong
  }
  {
    const at::NoGradGuard no_gradient;
    const auto now = replica.model->buffers();
    for (std::size_t i = 0; i < now.size(); ++i) now[i].copy_(buffers[i]);
  }
  replica.parameters->repair_gradients();
  replica.parameters->zero_gradients();
  if (!measured) return std::nullopt;
  const auto each = std::max<std::int64_t>(0, measured->second - measured->first);
  memory.activations = std::max<std::int64_t>(0, measured->first + (memory.samples - kFew) * each);
  return memory;
}

}  // namespace ringtrain
