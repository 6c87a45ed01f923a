#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

namespace ringtrain {

/// Where a tensor that is stored elsewhere belongs in a model here.
struct WeightPlace {
  std::string name;         ///< the parameter's or buffer's; empty: nowhere, it says nothing new
  bool transposed = false;  ///< [in, out] there, [out, in] here
};

/// How others name and lay out the weights of one kind of model: what a training may begin with, and what
/// `ringtrain export` writes.
class PublishedForm {
 public:
  using Tensors = std::map<std::string, at::Tensor>;

  virtual ~PublishedForm() = default;
  /// What `ringtrain export --format` calls it.
  virtual std::string name() const = 0;
  /// Of every tensor of `stored`. May look at shapes and values: names alone do not always tell which layout
  /// it is. What is not known keeps its name.
  virtual std::map<std::string, WeightPlace> places(const Tensors& stored) const = 0;
  /// What a config.json says other than this model computes, which shapes would not show: a sentence each.
  virtual std::vector<std::string> differences(const std::string& config) const = 0;
  /// The weights of `own`, as `places` would find them, and the config.json to lie beside them. `own`: all
  /// parameters and buffers of such a model.
  struct Written {
    Tensors weights;
    std::string config;
  };
  virtual Written write(const Tensors& own) const = 0;
};

}  // namespace ringtrain
