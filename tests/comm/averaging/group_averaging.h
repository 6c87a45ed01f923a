#pragma once

#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include "comm/averaging/gradient_averager.h"

namespace ringtrain {

/// Even and odd ranks of `all` train two models in turn, each group on its own; the last rank of three is in
/// no group. A group makes more steps than the other, and starts from weights of its own rank 0.
inline void average_in_groups(Communicator& all) {
  const int rank = all.rank(), color = rank % 2;
  const bool left_out = all.world_size() == 3 && rank == 2;
  const auto group = all.split(left_out ? std::nullopt : std::optional<int>(color));
  ASSERT_EQ(group == nullptr, left_out);
  if (group) {
    struct Trained {
      explicit Trained(std::int64_t inputs, int rank, Communicator& ranks)
          : layer(inputs, 2), flat(*layer), averager((start(*layer, rank), flat), ranks) {}
      static void start(torch::nn::LinearImpl& layer, int rank) {
        const torch::NoGradGuard no_grad;
        layer.weight.fill_(10 * rank);
        layer.bias.zero_();
      }
      torch::nn::Linear layer;
      FlatParameters flat;
      GradientAverager averager;
    };
    Trained first(3, rank, *group), second(5, rank, *group);
    double expected = 10 * color;  // the group's rank 0 is the world's rank `color`
    for (int step = 1; step <= 2 + color; ++step) {
      for (Trained* one : {&first, &second}) {
        one->flat.zero_gradients();
        one->layer->forward(at::full({1, one->layer->options.in_features()}, 1.0 * (rank + step)))
            .sum()
            .backward();
        const auto totals = one->averager.finish({.weight = 1.0});
        EXPECT_EQ(totals.weight, group->world_size());
        const torch::NoGradGuard no_grad;
        one->layer->weight.sub_(one->layer->weight.grad(), 0.5);
      }
      for (int r = color; r < (all.world_size() == 3 ? 2 : all.world_size()); r += 2)
        expected -= 0.5 * (r + step);
      for (Trained* one : {&first, &second})
        EXPECT_TRUE(one->layer->weight.eq(expected).all().item<bool>())
            << "rank " << rank << ", step " << step << ": " << one->layer->weight[0][0].item<float>()
            << ", expected " << expected;
    }
  }
  all.barrier();
}

}  // namespace ringtrain
