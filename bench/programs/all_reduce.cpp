// ringtrain's side of the all-reduce bench: bench_all_reduce SOCKET, a rank, started by mpirun.
#include "bench/programs/all_reduce.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstdio>

#include "comm/backends.h"
#include "comm/world.h"
#include "common/allocator.h"

using namespace ringtrain;

int main(int argc, char** argv) {
  tune_allocator();
  if (argc != 2) return std::fprintf(stderr, "usage: bench_all_reduce SOCKET (see docs/benchmarks.md)\n"), 2;
  try {
    at::set_num_threads(1);
    World world;
    bench::Control control(argv[1], world.rank());
    const auto communicator = make_communicator(world, "auto", "cpu");
    bench::serve_all_reduce(
        control, world.rank(), [&] { communicator->barrier(); },
        // As GradientAverager does: in memory of the communicator.
        [&](std::size_t floats) {
          const auto tensor = communicator->allocate(static_cast<std::int64_t>(floats), at::kFloat);
          return bench::Reduced{{tensor.data_ptr<float>(), floats}, [&, tensor] {
                                  communicator->all_reduce(tensor, ReduceOp::sum, Compare::never).wait();
                                }};
        });
    world.close();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_all_reduce: %s\n", error.what());
    return 1;
  }
}
