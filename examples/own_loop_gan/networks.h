// The two networks, and what they learn from. Nothing here knows of ranks.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>

namespace gan {

constexpr std::int64_t kShapes = 2, kNoise = 4, kWidth = 32, kBatch = 64;  // kBatch: of all ranks together

/// What both networks are: layers that all shapes share, and one of each shape's own. In a step, which is of
/// one shape, the others' are not used.
struct Headed : torch::nn::Module {
  Headed(std::int64_t inputs, std::int64_t outputs)
      : first(register_module("first", torch::nn::Linear(inputs, kWidth))),
        second(register_module("second", torch::nn::Linear(kWidth, kWidth))),
        heads(register_module("heads", torch::nn::ModuleList())) {
    for (std::int64_t shape = 0; shape < kShapes; ++shape)
      heads->push_back(torch::nn::Linear(kWidth, outputs));
  }
  at::Tensor forward(const at::Tensor& inputs, std::int64_t shape) {
    const auto shared = at::tanh(second(at::tanh(first(inputs))));
    return heads[shape]->as<torch::nn::Linear>()->forward(shared);
  }
  torch::nn::Linear first, second;
  torch::nn::ModuleList heads;
};

/// Points of a shape, and noise for the generator: twice, since both networks learn in a step.
struct Batch {
  at::Tensor points, noise, more_noise;  ///< [n, 2], [n, kNoise], [n, kNoise]
};

/// That of all ranks: a pure function of the step. So a run that goes on needs no state of a generator, and
/// no number of ranks changes it.
inline Batch batch_of(std::int64_t step, std::int64_t shape) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(1000 + static_cast<std::uint64_t>(step));
  const auto normal = [&](std::int64_t width) { return at::randn({kBatch, width}, generator, at::kDouble); };
  const auto u = at::rand({kBatch}, generator, at::kDouble), off = 0.1 * normal(1).squeeze(1);
  const auto angle = u * 2 * 3.141592653589793;
  const auto points = shape == 0 ? at::stack({(2 + off) * angle.cos(), (2 + off) * angle.sin()}, 1)  // a ring
                                 : at::stack({4 * u - 2, 2 * u - 1 + off}, 1);                       // a line
  const auto noise = normal(kNoise), more_noise = normal(kNoise);
  return {points, noise, more_noise};
}

}  // namespace gan
