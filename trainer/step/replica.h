#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/averaging/flat_parameters.h"
#include "comm/averaging/sharded_averager.h"
#include "comm/communicator.h"
#include "models/network.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/run_config.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// One rank's copy of what is trained: model, its flat parameters, the optimizer's state.
struct Replica {
  Network model;
  std::unique_ptr<FlatParameters> parameters;
  std::unique_ptr<ShardedAverager> shards;  ///< null: the optimizer's state is whole on every rank
  std::unique_ptr<Optimizer> optimizer;
  std::vector<std::string> groups = {};  ///< trainer.optimizer.groups in words, a line each
  /// The step from which on it is to be laid out anew, since other groups are frozen.
  std::optional<std::int64_t> until = std::nullopt;
};

/// An optimizer's state in whole groups of flat parameters, as a checkpoint keeps it.
using WholeState = std::map<std::string, std::vector<at::Tensor>>;

/// Initial weights depend on the seed alone. `device`: "cpu" or "cuda:N". `step`: the one that it is for,
/// which decides what is frozen. With `trainer.shard_optimizer` the optimizer's state is divided over the
/// ranks of `gradients`, if there are several. Not collective.
Replica make_replica(const RunConfig& config, const ModelShape& shape, const std::string& device,
                     Communicator* gradients = nullptr, std::int64_t step = 0);

/// The optimizer's state of all ranks, on rank 0 (elsewhere it may be undefined tensors). Collective where
/// the state is sharded.
WholeState whole_state(const Replica& replica);

/// Under which name a checkpoint keeps a tensor of the optimizer: "exp_avg/hidden0.weight".
std::string state_name(const std::string& state, const std::string& parameter);
/// And how many steps a parameter was left out of, where that is not 0.
inline constexpr const char* kSkippedSteps = "skipped_steps";

/// Fills a replica and returns the optimizer's state, for `share_replica`. Throws CheckpointError that names
/// the first parameter that is missing, unknown, or of another shape or type. Rank 0 only.
WholeState load_replica(const Checkpoint& checkpoint, Replica& replica);

/// Fills only weights, also of another floating type: for a model that is exported.
void load_weights(const NamedTensors& weights, torch::nn::Module& model);

/// Gives every rank rank 0's parameters and buffers. Collective.
void broadcast_weights(Replica& replica, Communicator& gradients);

/// Gives every rank rank 0's buffers: the running statistics of a batch norm that each rank kept for its own
/// share. As PyTorch does; a mean over ranks would round buffers that are equal already, or are no
/// statistics. Collective.
void broadcast_buffers(Replica& replica, Communicator& gradients);

/// Gives every rank rank 0's replica after `load_replica`: weights, and its part of the optimizer's state
/// (`loaded` matters on rank 0 only). Collective.
void share_replica(Replica& replica, const WholeState& loaded, Communicator& gradients);

}  // namespace ringtrain
