#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainer/checkpoint/safetensors.h"

namespace ringtrain {

/// An optimizer of torch.optim, as its `state_dict()` has it.
struct StoredOptimizer {
  struct Group {
    std::vector<std::int64_t> members;                   ///< PyTorch's numbers of its parameters
    std::vector<std::string> names;                      ///< of them ("param_names"); empty: not told
    std::map<std::string, std::vector<double>> options;  ///< "betas": {0.9, 0.999}; of true and false 1 and 0
  };
  std::vector<Group> groups;
  std::map<std::int64_t, NamedTensors> state;  ///< of each parameter: "exp_avg", "step", …
};

/// Weights as they lie somewhere: under the names, and in the layout, of whoever wrote them.
struct StoredWeights {
  std::string where;               ///< the file or folder, for messages
  NamedTensors tensors;            ///< on the CPU; views of one storage where they are tied
  std::vector<std::string> order;  ///< their names as they stand in the file; of torch.save alone
  std::string config;              ///< the text of a config.json beside them, or empty
  std::optional<StoredOptimizer> optimizer;
  std::optional<std::int64_t> step;  ///< optimizer steps done
};

/// Reads `from`:
///
///   a file           safetensors, the index of one in parts (*.safetensors.index.json), or torch.save's
///                    (torch_file.h)
///   a folder         a checkpoint, a job, an exported version (found_checkpoint.h), or one that holds one of
///                    these files
///
/// Throws ConfigError where there is no such thing, and says what was expected; CheckpointError where it
/// cannot be read.
StoredWeights read_stored_weights(const std::filesystem::path& from);

}  // namespace ringtrain
