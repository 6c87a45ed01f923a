// A training loop of one's own on any number of ranks: gradients are averaged, the ranks are watched, and all
// answers of an evaluation come together.
//   mpirun -np 2 own_loop      prints: 2 ranks, 7 answers, largest error below 0.01: yes

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include <chrono>
#include <cstdio>
#include <exception>

#include "ringtrain/comm/averaging/gradient_averager.h"
#include "ringtrain/comm/backends.h"
#include "ringtrain/comm/gather_rows.h"
#include "ringtrain/comm/watch/rank_watch.h"
#include "ringtrain/comm/world.h"

namespace {

using ringtrain::Phase;

at::Tensor true_values(const at::Tensor& inputs) { return inputs.sum(1, /*keepdim=*/true) * 2 + 1; }

void train() {
  ringtrain::World world;
  const auto communicator =
      ringtrain::make_communicator(world, world.world_size() == 1 ? "local" : "mpi", "cpu");

  // From here on nothing waits for ever: a rank that is silent, or stays in a phase too long, ends the job by
  // name.
  ringtrain::WatchLimits limits;
  limits.heartbeat_timeout = std::chrono::seconds(60);
  limits.stall_timeout[Phase::loading] = std::chrono::seconds(300);
  auto watch = ringtrain::watch_ranks(world, limits);
  ringtrain::Beacon& beacon = world.beacon();

  torch::nn::Linear model(3, 1);
  ringtrain::FlatParameters flat(*model);
  ringtrain::GradientAverager averager(flat, *communicator);  // all start from rank 0's weights
  torch::optim::SGD optimizer(model->parameters(), 0.2);

  torch::manual_seed(static_cast<std::uint64_t>(world.rank()));
  for (int step = 1; step <= 300; ++step) {
    beacon.enter(Phase::loading, step);
    const at::Tensor inputs = at::rand({8, 3});

    beacon.enter(Phase::computing);
    flat.zero_gradients();
    const at::Tensor loss = at::mse_loss(model->forward(inputs), true_values(inputs), at::Reduction::Sum);
    loss.backward();

    beacon.enter(Phase::waiting);  // for the other ranks: who waits is not to blame
    const auto totals = averager.finish({.weight = 8, .loss_sum = loss.item<double>()});

    beacon.enter(Phase::updating);
    for (auto& group : flat.groups()) group.gradients.div_(totals.weight);
    averager.drop_unused_gradients();
    optimizer.step();
  }

  // 7 rows, as evenly as possible: ranks have unequal numbers of them.
  beacon.enter(Phase::evaluating);
  const auto part = at::arange(21, at::kFloat).div(21).view({7, 3}).tensor_split(world.world_size());
  const at::NoGradGuard no_grad;
  const at::Tensor& mine = part[static_cast<std::size_t>(world.rank())];
  const at::Tensor errors = (model->forward(mine) - true_values(mine)).abs();
  beacon.enter(Phase::waiting);
  const at::Tensor all = ringtrain::all_gather_rows(*communicator, errors);
  if (world.rank() == 0)
    std::printf("%d ranks, %d answers, largest error below 0.01: %s\n", world.world_size(),
                static_cast<int>(all.size(0)), all.max().item<double>() < 0.01 ? "yes" : "no");

  watch.reset();  // before the world is closed
  world.close();
}

}  // namespace

int main() {
  try {
    train();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "own_loop: %s\n", error.what());
    return 1;
  }
}
