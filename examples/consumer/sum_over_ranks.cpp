// The smallest program that uses ringtrain as a library: every rank makes a tensor, and all of them sum it
// up.
//   mpirun -np 2 sum_over_ranks      prints: 2 ranks sum up 1 + 2 = 3

#include <ATen/ATen.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "ringtrain/comm/backends.h"
#include "ringtrain/comm/world.h"

namespace {

/// "1 + 2 + 3" for three ranks.
std::string terms(int world_size) {
  std::string text = "1";
  for (int rank = 1; rank < world_size; ++rank) text += " + " + std::to_string(rank + 1);
  return text;
}

void sum_over_ranks() {
  // Joins the job that mpirun or srun started; started by hand, the world is this process alone.
  ringtrain::World world;

  // "mpi" moves tensors of the CPU; "auto" takes NCCL where each rank has a GPU of its own.
  const std::string backend = world.world_size() == 1 ? "local" : "mpi";
  const auto communicator = ringtrain::make_communicator(world, backend, "cpu");

  const at::Tensor values = at::full({4}, world.rank() + 1.0, at::kFloat);
  communicator->all_reduce(values).wait();

  if (world.rank() == 0)
    std::printf("%d ranks sum up %s = %g\n", world.world_size(), terms(world.world_size()).c_str(),
                values[0].item<double>());

  // The orderly end, by all ranks. Where an exception skips it, the launcher ends the other ranks.
  world.close();
}

}  // namespace

int main() {
  try {
    sum_over_ranks();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sum_over_ranks: %s\n", error.what());
    return 1;
  }
}
