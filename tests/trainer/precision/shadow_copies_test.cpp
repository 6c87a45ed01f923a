#include "trainer/precision/shadow_copies.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>
#include <optional>

#include "comm/averaging/flat_parameters.h"
#include "models/autocast.h"
#include "models/gpt.h"

namespace ringtrain {
namespace {

struct Gradients {
  at::Tensor logits;
  std::map<std::string, at::Tensor> of;
};

/// Of a small GPT whose gradients are flat, as in training.
Gradients gradients_of(GptKind kind, std::optional<c10::ScalarType> autocast, bool copies) {
  kind.layers = 3;
  kind.heads = 2;
  kind.width = 16;
  kind.context = 6;
  torch::manual_seed(5);
  const auto model = kind.make({.outputs = 11});
  FlatParameters flat(*model);
  ShadowCopies shadow(flat, autocast.value_or(at::kBFloat16));
  shadow.refresh();
  const WeightShadow::Scope scope(copies ? &shadow.shadow() : nullptr);
  const auto tokens = (at::arange(24).reshape({4, 6}) * 7).remainder(11);
  torch::manual_seed(6);
  at::Tensor logits;
  {
    const Autocast cast(at::kCPU, autocast);
    logits = model.forward(tokens);
  }
  logits.to(at::kFloat).sin().sum().backward();
  Gradients gradients{logits.detach(), {}};
  for (const auto& entry : flat.entries()) gradients.of[entry.name] = entry.parameter.grad().clone();
  gradients.of["the generator's next draws"] = at::randn({3});
  return gradients;
}

void expect_equal(const Gradients& ours, const Gradients& theirs) {
  EXPECT_TRUE(at::equal(ours.logits, theirs.logits));
  for (const auto& [name, gradient] : theirs.of) EXPECT_TRUE(at::equal(ours.of.at(name), gradient)) << name;
}

TEST(Checkpointed, AGptHasTheSameBits) {
  for (const double dropout : {0.0, 0.3})
    for (const auto autocast : {std::optional<c10::ScalarType>(), std::optional(at::kBFloat16)})
      for (const bool copies : {false, true}) {
        SCOPED_TRACE(testing::Message() << "dropout " << dropout << ", autocast " << autocast.has_value()
                                        << ", copies " << copies);
        GptKind plain, checkpoints;
        plain.dropout = checkpoints.dropout = dropout;
        checkpoints.checkpoint_activations = true;
        const bool used = copies && autocast;
        expect_equal(gradients_of(checkpoints, autocast, used), gradients_of(plain, autocast, used));
      }
}

TEST(WeightShadow, AGptHasTheSameBits) {
  for (const std::string pad : {"off", "on"}) {
    SCOPED_TRACE(pad);
    GptKind kind;
    kind.pad_vocabulary = pad;
    expect_equal(gradients_of(kind, at::kBFloat16, true), gradients_of(kind, at::kBFloat16, false));
  }
}

}  // namespace
}  // namespace ringtrain
