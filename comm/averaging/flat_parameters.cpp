#include "comm/averaging/flat_parameters.h"

#include <ATen/ATen.h>
#include <ATen/ops/from_blob.h>
#include <torch/utils.h>

#include <algorithm>
#include <set>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// Of the same memory, but no view in autograd's eyes: LibTorch's optimizers detach gradients in place
/// (zero_grad), which views refuse.
at::Tensor as_gradient(const at::Tensor& view) { return view.variable_data(); }

}  // namespace

FlatParameters::FlatParameters(const torch::nn::Module& module, const KindOf& kind_of) {
  const torch::NoGradGuard no_grad;
  std::set<const at::TensorImpl*> seen;
  for (const auto& item : module.named_parameters()) {
    const at::Tensor& parameter = item.value();
    if (!seen.insert(parameter.unsafeGetTensorImpl()).second) continue;
    if (!parameter.requires_grad()) {
      others_.push_back({item.key(), parameter});
      continue;
    }
    if (parameter.is_sparse())
      throw ConfigError("parameter " + item.key() + " is sparse; only dense parameters can be trained");
    entries_.push_back({item.key(), parameter, 0, 0, parameter.numel()});
  }
  std::reverse(entries_.begin(), entries_.end());
  for (const auto& item : module.named_buffers())
    if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second)
      others_.push_back({item.key(), item.value()});

  struct Room {
    at::TensorOptions options;
    std::size_t kind;
    std::int64_t size;
  };
  std::vector<Room> rooms;
  for (auto& entry : entries_) {
    const auto options = entry.parameter.options().requires_grad(false);
    const std::size_t kind = kind_of ? kind_of(entry.name) : 0;
    const auto same = [&](const Room& room) {
      return room.options.dtype() == options.dtype() && room.options.device() == options.device() &&
             room.kind == kind;
    };
    const auto found = std::find_if(rooms.begin(), rooms.end(), same);
    entry.group = static_cast<std::size_t>(found - rooms.begin());
    if (found == rooms.end()) rooms.push_back({options, kind, 0});
    auto& size = rooms[entry.group].size;
    const auto aligned = static_cast<std::int64_t>(64 / entry.parameter.element_size());
    entry.offset = size;
    size += (entry.numel + aligned - 1) / aligned * aligned;
  }
  for (const auto& room : rooms)
    groups_.push_back(
        {at::zeros({room.size}, room.options), at::zeros({room.size}, room.options), room.kind});

  for (auto& entry : entries_) {
    place(entry);
    entry.parameter.mutable_grad() = as_gradient(view(groups_[entry.group].gradients, entry));
  }
}

at::Tensor FlatParameters::view(const at::Tensor& flat, const Entry& entry) const {
  const auto& parameter = entry.parameter;
  if (parameter.is_non_overlapping_and_dense())
    return flat.as_strided(parameter.sizes(), parameter.strides(), entry.offset);
  return flat.narrow(0, entry.offset, entry.numel).view(parameter.sizes());
}

/// Moves the parameter's values to where they belong. Its storage must be no part of the flat one's: LibTorch
/// writes the whole storage of a tensor that it saves.
void FlatParameters::place(Entry& entry) {
  const at::Tensor& flat = groups_[entry.group].values;
  const at::Tensor shape = view(flat, entry);
  shape.copy_(entry.parameter);
  entry.parameter.set_data(at::from_blob(
      shape.mutable_data_ptr(), shape.sizes(), shape.strides(), [flat](void*) {}, shape.options(),
      shape.device()));
}

std::int64_t FlatParameters::numel() const {
  std::int64_t sum = 0;
  for (const auto& entry : entries_) sum += entry.numel;
  return sum;
}

void FlatParameters::zero_gradients() {
  for (auto& group : groups_) group.gradients.zero_();
}

int FlatParameters::repair_values() {
  int repaired = 0;
  for (auto& entry : entries_) {
    const at::Tensor& values = groups_[entry.group].values;
    const auto* expected =
        static_cast<const char*>(values.const_data_ptr()) + entry.offset * values.element_size();
    if (entry.parameter.const_data_ptr() == expected || entry.numel == 0) continue;
    if (entry.parameter.scalar_type() != values.scalar_type() ||
        entry.parameter.device() != values.device() || entry.parameter.numel() != entry.numel)
      throw ConfigError("parameter " + entry.name +
                        " is of another type, device or shape than it was: call `to` before "
                        "FlatParameters, or make a new one after it");
    const torch::NoGradGuard no_grad;
    place(entry);
    ++repaired;
  }
  return repaired;
}

int FlatParameters::repair_gradients() {
  int repaired = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) repaired += repair_gradient(i) ? 1 : 0;
  return repaired;
}

bool FlatParameters::repair_gradient(std::size_t number) {
  Entry& entry = entries_[number];
  const at::Tensor& gradients = groups_[entry.group].gradients;
  const auto* expected =
      static_cast<const char*>(gradients.const_data_ptr()) + entry.offset * gradients.element_size();
  const at::Tensor& grad = entry.parameter.grad();
  if (grad.defined() && grad.layout() == at::kStrided && grad.const_data_ptr() == expected) return false;
  if (grad.defined() && grad.layout() != at::kStrided)
    throw ConfigError("the gradient of parameter " + entry.name +
                      " is sparse; ringtrain averages dense gradients only (embeddings: sparse=false)");
  const torch::NoGradGuard no_grad;
  auto place = view(gradients, entry);
  if (grad.defined())
    place.copy_(grad);
  else
    place.zero_();
  entry.parameter.mutable_grad() = as_gradient(place);
  return true;
}

void FlatParameters::move_gradients(
    const std::function<at::Tensor(std::int64_t, const at::TensorOptions&)>& allocate) {
  const torch::NoGradGuard no_grad;
  for (auto& group : groups_) {
    at::Tensor moved = allocate(group.gradients.numel(), group.gradients.options());
    moved.copy_(group.gradients);
    group.gradients = std::move(moved);
  }
  for (auto& entry : entries_)
    entry.parameter.mutable_grad() = as_gradient(view(groups_[entry.group].gradients, entry));
}

std::map<std::string, at::Tensor> FlatParameters::views(const at::Tensor& flat, std::size_t group) const {
  std::map<std::string, at::Tensor> result;
  for (const auto& entry : entries_)
    if (entry.group == group) result.emplace(entry.name, view(flat, entry));
  return result;
}

}  // namespace ringtrain
