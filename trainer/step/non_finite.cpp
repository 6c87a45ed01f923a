#include "trainer/step/non_finite.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <vector>

#include "comm/agreement.h"
#include "common/text.h"
#include "trainer/precision/forward.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kMostSamples = 4096;
constexpr std::size_t kMostNamed = 5;

bool finite(const at::Tensor& tensor) {
  return !tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>();
}

bool all_finite(const Fields& fields) {
  return std::all_of(fields.begin(), fields.end(), [](const auto& field) { return finite(field.second); });
}

std::string named(std::vector<std::string> rows) {
  const bool more = rows.size() > kMostNamed;
  if (more) rows.resize(kMostNamed);
  return join(rows) + (more ? ", ..." : "");
}

std::string bad_weights(const Replica& replica) {
  for (const auto& item : replica.model->named_parameters())
    if (!finite(item.value())) return item.key();
  return "";
}

std::string bad_gradient(const Replica& replica) {
  if (replica.shards) return "";  // the flat gradients hold no sums there
  for (const auto& entry : replica.parameters->entries())
    if (entry.parameter.grad().defined() && !finite(entry.parameter.grad())) return entry.name;
  return "";
}

/// In eval mode: a batch norm of one sample has no statistics.
std::string bad_samples(const Replica& replica, const Task& task, const Batch& batch,
                        const std::string& device, std::optional<c10::ScalarType> autocast) {
  std::vector<std::string> values, losses;
  const bool was_training = replica.model->is_training();
  replica.model->eval();
  for (std::int64_t i = 0; i < std::min(batch.size(), kMostSamples); ++i) {
    const auto row = std::to_string(batch.sample[i].item<std::int64_t>());
    const auto inputs = batch.inputs.narrow(i, 1), targets = batch.targets.narrow(i, 1);
    if (!all_finite(inputs) || !all_finite(targets)) {
      values.push_back(row);
      continue;
    }
    const at::Device where(device);
    const auto outputs = forward(replica.model, inputs.to(where), autocast, task.takes_sixteen_bits(where));
    if (!finite(task.loss_sum(outputs, targets.to(where)).loss_sum)) losses.push_back(row);
  }
  replica.model->train(was_training);
  if (!values.empty())
    return fmt::format("values that are not finite in data rows {} (0 is the first)", named(values));
  if (!losses.empty())
    return fmt::format("a loss that is not finite from data rows {} (0 is the first)", named(losses));
  return "";
}

}  // namespace

std::string explain_non_finite(World& world, const Replica& replica, const Task& task, const Batch& batch,
                               const std::string& device, std::optional<c10::ScalarType> autocast) {
  const torch::NoGradGuard no_grad;
  if (const auto name = bad_weights(replica); !name.empty())
    return fmt::format("the weights '{}' are not finite: the gradient of the step before was not", name);
  std::string mine;
  try {
    mine = bad_samples(replica, task, batch, device, autocast);
  } catch (const std::exception&) {  // what is explained is worse
  }
  std::vector<std::string> parts;
  const auto all = all_gather_strings(world.control(),
                                      mine.empty() ? ""
                                                   : fmt::format("rank {} of {} (host {}): {}", world.rank(),
                                                                 world.world_size(), world.host(), mine));
  for (const auto& one : all)
    if (!one.empty()) parts.push_back(one);
  if (const auto name = bad_gradient(replica); !name.empty())
    parts.push_back(fmt::format("the first parameter with such a gradient is '{}'", name));
  return parts.empty() ? "no single sample gives it: it is the sum" : join(parts, "; ");
}

}  // namespace ringtrain
