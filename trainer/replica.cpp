#include "trainer/replica.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <set>

#include "common/errors.h"
#include "common/hash.h"

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

std::string state_name(const std::string& state, const std::string& parameter) {
  return state + "/" + parameter;
}

}  // namespace

Replica make_replica(const RunConfig& config, const ModelShape& shape, const std::string& device) {
  torch::manual_seed(seed_of({static_cast<std::uint64_t>(config.seed), kInitialWeights}));
  Replica replica;
  replica.model = config.model.kind().make(shape);
  replica.model->to(at::Device(device), config.trainer.precision == "float64" ? at::kDouble : at::kFloat);
  replica.parameters = std::make_unique<FlatParameters>(*replica.model);
  replica.optimizer = make_optimizer(config.trainer.optimizer, *replica.parameters);
  return replica;
}

void save_replica(const Replica& replica, Checkpoint& checkpoint) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : replica.model->named_parameters())
    checkpoint.weights[item.key()] = item.value().detach().cpu().clone();
  for (const auto& item : replica.model->named_buffers())
    checkpoint.weights[item.key()] = item.value().detach().cpu().clone();
  for (const auto& [state, groups] : replica.optimizer->state())
    for (std::size_t i = 0; i < groups.size(); ++i)
      for (const auto& [name, view] : replica.parameters->views(groups[i], i))
        checkpoint.optimizer[state_name(state, name)] = view.cpu().clone();
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

void load_replica(const Checkpoint& checkpoint, Replica& replica) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : replica.model->named_parameters())
    same_type(item.value(), checkpoint.weights, item.key());
  load_weights(checkpoint.weights, *replica.model);
  for (const auto& [state, groups] : replica.optimizer->state())
    for (std::size_t i = 0; i < groups.size(); ++i)
      for (const auto& [name, view] : replica.parameters->views(groups[i], i))
        fill(view, checkpoint.optimizer, state_name(state, name), "optimizer state");
  replica.optimizer->resume(checkpoint.step);
}

void broadcast_replica(Replica& replica, Communicator& gradients) {
  for (const auto& group : replica.parameters->groups()) gradients.broadcast(group.values, 0).wait();
  for (const auto& [state, groups] : replica.optimizer->state())
    for (const auto& flat : groups) gradients.broadcast(flat, 0).wait();
}

}  // namespace ringtrain
