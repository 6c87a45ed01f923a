#pragma once

#include <torch/nn/module.h>

#include <concepts>
#include <functional>
#include <memory>
#include <utility>

#include "data/fields.h"
#include "models/model.h"

namespace ringtrain {

/// A module, and how a batch is handed to it. The module is whatever a kind of model made: its parameters and
/// buffers keep their names.
class Network {
 public:
  /// `inputs` → [n, outputs].
  using Forward = std::function<at::Tensor(const Fields& inputs)>;

  Network() = default;
  /// Takes one tensor.
  template <std::derived_from<Model> Built>
  Network(std::shared_ptr<Built> model)  // NOLINT
      : module_(model), forward_([&taker = static_cast<Model&>(*model)](const Fields& inputs) {
          return taker.forward(inputs.only());
        }) {}
  /// `forward` may refer to the module: it lives as long.
  Network(std::shared_ptr<torch::nn::Module> module, Forward forward)
      : module_(std::move(module)), forward_(std::move(forward)) {}

  at::Tensor forward(const Fields& inputs) const { return forward_(inputs); }
  torch::nn::Module* operator->() const { return module_.get(); }
  torch::nn::Module& operator*() const { return *module_; }
  explicit operator bool() const { return module_ != nullptr; }
  const std::shared_ptr<torch::nn::Module>& module() const { return module_; }

 private:
  std::shared_ptr<torch::nn::Module> module_;
  Forward forward_;
};

}  // namespace ringtrain
