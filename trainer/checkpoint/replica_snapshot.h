#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/step/replica.h"

namespace ringtrain {

/// A copy of a replica at one step, on the CPU, that a writer reads while training goes on: one copy of each
/// flat buffer, not of each parameter. Its memory is used again by the next `take`.
class ReplicaSnapshot {
 public:
  /// `state`: what `whole_state` gave, or of a sharded optimizer this rank's own slices: then the names say
  /// which part of a parameter's state they are (checkpoint_parts.h). `replica` outlives this.
  void take(const Replica& replica, const WholeState& state);
  /// Of the optimizer's state alone.
  void take_state(const Replica& replica, const WholeState& state);
  /// Puts the copy into a checkpoint under the parameters' names: views of it, good until the next `take`.
  void name_tensors(Checkpoint& checkpoint) const;
  std::uint64_t bytes() const;

 private:
  void name_slice(const std::string& name, std::size_t group, const at::Tensor& slice,
                  Checkpoint& checkpoint) const;
  const Replica* replica_ = nullptr;
  std::vector<at::Tensor> values_;                        // by group
  std::map<std::string, std::vector<at::Tensor>> state_;  // by group
  NamedTensors others_;                                   // frozen parameters and buffers
  NamedTensors skipped_;
};

}  // namespace ringtrain
