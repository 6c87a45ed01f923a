// A training loop of somebody's own on two ranks or more, watched; watched_loop_test.sh looks at what it
// says. The argument says what goes wrong on the last rank, in its third step: nothing, stop, stuck, or early
// (it has fewer batches).
#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "comm/watch/rank_watch.h"
#include "comm/world.h"
#include "common/errors.h"

namespace {

using namespace ringtrain;

void go_wrong(const std::string& way) {
  if (way == "stop") {
    ::sleep(1);  // the others hear where it is
    ::kill(::getpid(), SIGSTOP);
  }
  if (way == "stuck") ::sleep(60);
}

void train(const std::string& way) {
  World world;
  const auto gradients = make_communicator(world, "mpi", "cpu");
  using Seconds = WatchLimits::Seconds;
  WatchLimits limits;
  limits.heartbeat_timeout = Seconds(2);
  limits.stall_timeout[Phase::loading] = limits.stall_timeout[Phase::waiting] = Seconds(2);
  auto watch = watch_ranks(world, limits);
  Beacon& beacon = world.beacon();

  torch::nn::Linear layer(3, 1);
  FlatParameters flat(*layer);
  GradientAverager averager(flat, *gradients);
  const bool last = world.rank() + 1 == world.world_size();
  for (int step = 1; step <= (last && way == "early" ? 2 : 6); ++step) {
    beacon.enter(Phase::loading, step);
    if (last && step == 3) go_wrong(way);
    const at::Tensor inputs = at::ones({2, 3});
    beacon.enter(Phase::computing);
    flat.zero_gradients();
    layer->forward(inputs).sum().backward();
    beacon.enter(Phase::waiting);
    averager.finish({.weight = 2.0});
    beacon.enter(Phase::updating);
  }
  // Longer than the limits: the others, whose watch has ended, are not missed.
  if (way == "nothing" && world.rank() == 0) ::sleep(4);
  watch.reset();
  if (world.rank() == 0) std::printf("trained %.1f\n", layer->bias.grad().item<double>());
  world.close();
}

}  // namespace

int main(int, char** argv) {
  try {
    train(argv[1]);
    return 0;
  } catch (const ringtrain::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exit_code();
  }
}
