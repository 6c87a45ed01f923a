#pragma once

#include <memory>

#include "comm/averaging/flat_parameters.h"
#include "comm/communicator.h"
#include "models/model.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/run_config.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// One rank's copy of what is trained: model, its flat parameters, the optimizer's state.
struct Replica {
  std::shared_ptr<Model> model;
  std::unique_ptr<FlatParameters> parameters;
  std::unique_ptr<Optimizer> optimizer;
};

/// Initial weights depend on the seed alone. `device`: "cpu" or "cuda:N".
Replica make_replica(const RunConfig& config, const ModelShape& shape, const std::string& device);

/// Copies weights and optimizer state out of a replica (to the CPU, by parameter name).
void save_replica(const Replica& replica, Checkpoint& checkpoint);

/// Fills a replica. Throws CheckpointError that names the first parameter that is missing, unknown, or of
/// another shape or type.
void load_replica(const Checkpoint& checkpoint, Replica& replica);

/// Fills only weights, also of another floating type: for a model that is exported.
void load_weights(const NamedTensors& weights, torch::nn::Module& model);

/// Gives every rank rank 0's replica. Collective.
void broadcast_replica(Replica& replica, Communicator& gradients);

}  // namespace ringtrain
