#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringtrain {

/// One setting that is varied, and where its values come from.
struct SearchDimension {
  enum class Kind { uniform, log_uniform, integer, choice };
  std::string key;  ///< of --set
  Kind kind = Kind::uniform;
  double low = 0, high = 0;          ///< both may be taken
  std::vector<std::string> choices;  ///< YAML

  /// The value at `place`, from 0 to below 1, as YAML.
  std::string at(double place) const;
};

/// What is searched:
///
///     trainer.optimizer.lr: {log_uniform: [1e-4, 1e-1]}
///     model.hidden: {choice: [[32], [64, 64]]}
///     model.dropout: {uniform: [0, 0.5]}
///     trainer.accumulate: {int: [1, 4]}
struct SearchSpace {
  std::vector<SearchDimension> dimensions;

  /// Throws ConfigError with all that is wrong, each with its line. `name` stands for the text.
  static SearchSpace parse(const std::string& text, const std::string& name);
  /// Overrides ("KEY=VALUE") at a point of the unit cube.
  std::vector<std::string> at(const std::vector<double>& point) const;
};

/// Points of the unit cube for trials, [trials][dimensions]; those of fewer trials are the first of more. A
/// pure function of the seed.
std::vector<std::vector<double>> random_points(std::size_t dimensions, std::size_t trials,
                                               std::uint64_t seed);
/// Sobol's sequence with the directions of Joe and Kuo (2008), as torch.quasirandom.SobolEngine has it,
/// shifted by the seed (a digital shift: Owen, 1998; its coverage stays). `seed` 0: not shifted. At most
/// 21,201 dimensions.
std::vector<std::vector<double>> sobol_points(std::size_t dimensions, std::size_t trials, std::uint64_t seed);

}  // namespace ringtrain
