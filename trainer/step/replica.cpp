#include "trainer/step/replica.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <set>

#include "common/errors.h"
#include "common/hash.h"
#include "trainer/optimizer/parameter_groups.h"
#include "trainer/precision/autocast.h"

namespace ringtrain {
namespace {

constexpr std::uint64_t kInitialWeights = 1;

void fill(const at::Tensor& place, const NamedTensors& source, const std::string& name,
          std::string_view what) {
  const auto found = source.find(name);
  if (found == source.end()) throw CheckpointError(fmt::format("the checkpoint has no {} '{}'", what, name));
  const auto& stored = found->second;
  if (stored.sizes() != place.sizes())
    throw CheckpointError(fmt::format(
        "{} '{}' has the shape [{}] in the checkpoint and [{}] in the model; use the model block that "
        "it was trained with",
        what, name, fmt::join(stored.sizes(), ", "), fmt::join(place.sizes(), ", ")));
  place.copy_(stored);
}

void same_type(const at::Tensor& place, const NamedTensors& source, const std::string& name) {
  const auto found = source.find(name);
  if (found != source.end() && found->second.scalar_type() != place.scalar_type())
    throw CheckpointError(
        fmt::format("'{}' is {} in the checkpoint and {} in the model; mend trainer.precision", name,
                    c10::toString(found->second.scalar_type()), c10::toString(place.scalar_type())));
}

/// Communicators know no booleans, and no other order of elements (a frozen convolution's in channels_last).
void broadcast_any(const at::Tensor& tensor, Communicator& gradients) {
  const auto travels = (tensor.scalar_type() == at::kBool ? tensor.to(at::kByte) : tensor).contiguous();
  gradients.broadcast(travels, 0).wait();
  if (!travels.is_same(tensor)) tensor.copy_(travels);
}

}  // namespace

std::string state_name(const std::string& state, const std::string& parameter) {
  return state + "/" + parameter;
}

Replica make_replica(const RunConfig& config, const ModelShape& shape, const std::string& device,
                     Communicator* gradients, std::int64_t step) {
  torch::manual_seed(seed_of({static_cast<std::uint64_t>(config.seed), kInitialWeights}));
  Replica replica;
  replica.model = config.model.kind().make(shape);
  replica.model->to(at::Device(device), parameter_type(config.trainer.precision));
  const ParameterGroups groups(config.trainer.optimizer, *replica.model, step);
  groups.freeze(*replica.model);
  replica.groups = groups.lines();
  replica.until = groups.until();
  replica.parameters = std::make_unique<FlatParameters>(
      *replica.model, [&groups](const std::string& name) { return groups.kind_of(name); });
  auto slices = whole_slices(*replica.parameters);
  if (config.trainer.shard_optimizer && gradients && gradients->world_size() > 1) {
    slices = shard_slices(*replica.parameters, gradients->rank(), gradients->world_size());
    replica.shards = std::make_unique<ShardedAverager>(*replica.parameters, slices, *gradients);
  }
  replica.optimizer = make_optimizer(config.trainer.optimizer, *replica.parameters, std::move(slices));
  return replica;
}

WholeState whole_state(const Replica& replica) {
  WholeState whole = replica.optimizer->state();
  if (!replica.shards) return whole;
  for (auto& [name, tensors] : whole)
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i] = replica.shards->join(i, tensors[i]);
  return whole;
}

void load_weights(const NamedTensors& weights, torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  std::set<std::string> known;
  const auto load = [&](const std::string& name, const at::Tensor& place) {
    fill(place, weights, name, "parameter");
    known.insert(name);
  };
  for (const auto& item : model.named_parameters()) load(item.key(), item.value());
  for (const auto& item : model.named_buffers()) load(item.key(), item.value());
  for (const auto& [name, tensor] : weights)
    if (!known.contains(name))
      throw CheckpointError(fmt::format(
          "the checkpoint has a parameter '{}' that the model has not; use the model block that it was "
          "trained with",
          name));
}

WholeState load_replica(const Checkpoint& checkpoint, Replica& replica) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : replica.model->named_parameters())
    same_type(item.value(), checkpoint.weights, item.key());
  load_weights(checkpoint.weights, *replica.model);
  std::vector<std::int64_t> skipped;
  std::set<std::string> never_trained;
  for (const auto& entry : replica.parameters->entries()) {
    const auto found = checkpoint.optimizer.find(state_name(kSkippedSteps, entry.name));
    const bool there = found != checkpoint.optimizer.end();
    if (there && (found->second.numel() != 1 || found->second.scalar_type() != at::kLong))
      throw CheckpointError(fmt::format("optimizer state '{}' is no whole number", found->first));
    skipped.push_back(there ? found->second.item<std::int64_t>() : 0);
    if (skipped.back() == checkpoint.step) never_trained.insert(entry.name);
  }
  WholeState state = replica.optimizer->state();
  for (auto& [name, groups] : state)
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (replica.shards) groups[i] = at::zeros_like(replica.parameters->groups()[i].values);
      for (const auto& [parameter, view] : replica.parameters->views(groups[i], i)) {
        const auto full_name = state_name(name, parameter);
        if (never_trained.contains(parameter) && !checkpoint.optimizer.contains(full_name))
          view.zero_();  // it was frozen
        else
          fill(view, checkpoint.optimizer, full_name, "optimizer state");
      }
    }
  replica.optimizer->resume(checkpoint.step, skipped);
  return state;
}

void broadcast_weights(Replica& replica, Communicator& gradients) {
  const torch::NoGradGuard no_grad;
  for (const auto& group : replica.parameters->groups()) gradients.broadcast(group.values, 0).wait();
  for (const auto& item : replica.model->named_parameters())
    if (!item.value().requires_grad()) broadcast_any(item.value(), gradients);
  broadcast_buffers(replica, gradients);
}

void broadcast_buffers(Replica& replica, Communicator& gradients) {
  if (gradients.world_size() == 1) return;
  const torch::NoGradGuard no_grad;
  for (const auto& item : replica.model->named_buffers()) broadcast_any(item.value(), gradients);
}

void share_replica(Replica& replica, const WholeState& loaded, Communicator& gradients) {
  broadcast_weights(replica, gradients);
  for (const auto& [name, tensors] : replica.optimizer->state())
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (replica.shards)
        replica.shards->deal(i, gradients.rank() == 0 ? loaded.at(name)[i] : at::Tensor(), tensors[i]);
      else
        gradients.broadcast(tensors[i], 0).wait();
    }
  if (replica.parameters->entries().empty()) return;
  auto counts = replica.optimizer->skipped();
  counts.push_back(replica.optimizer->steps());
  const auto travels = at::tensor(counts, at::kLong).to(replica.parameters->groups()[0].values.device());
  gradients.broadcast(travels, 0).wait();
  const auto host = travels.cpu();
  counts.assign(host.const_data_ptr<std::int64_t>(), host.const_data_ptr<std::int64_t>() + host.numel());
  const std::int64_t steps = counts.back();
  counts.pop_back();
  replica.optimizer->resume(steps, counts);
}

}  // namespace ringtrain
