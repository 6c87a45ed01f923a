#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ringtrain {

/// Moves a module's trainable parameters into one contiguous tensor per (dtype, device, group), with a second
/// one for their gradients. Each parameter and its `.grad` become views of these: names, shapes, strides and
/// values stay. So averaging, optimizer, norm, checkpoint and checksum work on a few large tensors instead of
/// hundreds of small ones.
///
/// A parameter's storage is its own though its memory is the flat tensor's: it ends where the parameter ends,
/// so that `torch::save` of a part of the module, or of one tensor, writes that part alone.
///
/// Parameters stand in reverse order of registration (about the order in which backward finishes them), each
/// at a multiple of 64 bytes; the gaps are zero and stay zero. A parameter that is registered twice (tied) is
/// stored once, under its first name; one that requires no gradient is left where it is. The module must
/// outlive this object. Its parameters must not change their type or device (`to`) while it is used; where
/// others of the same kind were put in their place (torch::load, vector_to_parameters) `repair_values` takes
/// what they hold.
class FlatParameters {
 public:
  struct Entry {
    std::string name;
    at::Tensor parameter;
    std::size_t group;
    std::int64_t offset;  ///< in elements, in its group
    std::int64_t numel;
  };
  struct Group {
    at::Tensor values;     ///< 1-d
    at::Tensor gradients;  ///< 1-d, same size
    std::size_t kind = 0;  ///< what `kind_of` gave for its parameters
  };
  /// Which parameters are kept apart, by name.
  using KindOf = std::function<std::size_t(const std::string& name)>;

  /// Without `kind_of` all are of kind 0.
  explicit FlatParameters(const torch::nn::Module& module, const KindOf& kind_of = nullptr);

  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<Group>& groups() const { return groups_; }
  std::int64_t numel() const;  ///< of the parameters, without gaps

  /// A tensor of the module that is not trained: a buffer, or a parameter that requires no gradient.
  struct Other {
    std::string name;
    at::Tensor tensor;
  };
  const std::vector<Other>& others() const { return others_; }

  void zero_gradients();
  /// Makes each parameter a view of the flat values again where something put another tensor in its place:
  /// the values are copied in. Returns how many were repaired. Throws ConfigError that names one of another
  /// type, device or shape.
  int repair_values();
  /// Makes each `.grad` a view of the flat gradients again where something broke that (C++'s zero_grad does,
  /// a loss without a parameter leaves it): what was accumulated meanwhile is copied in. Returns how many
  /// were repaired.
  int repair_gradients();
  /// The same for one entry; returns whether it was repaired.
  bool repair_gradient(std::size_t entry);

  /// Puts the gradients into other memory: `allocate(numel, options)` makes each group's new tensor. Their
  /// values are copied.
  void move_gradients(const std::function<at::Tensor(std::int64_t, const at::TensorOptions&)>& allocate);

  /// Views of `flat` (one tensor of the size of `group`'s) by parameter name, shaped and strided as the
  /// parameters.
  std::map<std::string, at::Tensor> views(const at::Tensor& flat, std::size_t group) const;

  /// That of one entry.
  at::Tensor view(const at::Tensor& flat, const Entry& entry) const;

 private:
  void place(Entry& entry);
  std::vector<Entry> entries_;
  std::vector<Group> groups_;
  std::vector<Other> others_;
};

}  // namespace ringtrain
