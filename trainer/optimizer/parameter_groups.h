#pragma once

#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainer/optimizer/optimizer_config.h"

namespace ringtrain {

/// `trainer.optimizer.groups` for one model: to which of them each parameter belongs.
class ParameterGroups {
 public:
  /// As they are at `step`. Throws ConfigError that lists every pattern that matches no parameter, and the
  /// parameters' names; and where nothing is left to be trained. A tied parameter goes by its first name.
  ParameterGroups(const OptimizerConfig& config, const torch::nn::Module& module, std::int64_t step);

  /// 0: no group; else its place in the configuration, from 1 on. FlatParameters keeps them apart.
  std::size_t kind_of(const std::string& name) const;
  /// The first step after this one at which other groups are frozen; none: they stay as they are.
  std::optional<std::int64_t> until() const;
  /// Parameters of frozen groups no longer ask for a gradient.
  void freeze(torch::nn::Module& module) const;
  /// A line for each group: "group 1 (*.bias, *norm*): 14 parameters, 1,234 numbers, weight_decay 0".
  std::vector<std::string> lines() const;

 private:
  struct Counted {
    std::int64_t parameters = 0, numbers = 0;
  };
  const OptimizerConfig& config_;
  std::int64_t step_;
  std::map<std::string, std::size_t> kinds_;
  std::vector<Counted> counted_;
};

}  // namespace ringtrain
