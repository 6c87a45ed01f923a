// The reading bench: batches of a table, ready to be trained on, in the order of training; nothing is
// trained. bench_reading SOCKET PLACE TARGET BATCH STREAMED FOLDER, under mpirun or alone. "epoch" reads one
// epoch.
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/programs/control.h"
#include "comm/world.h"
#include "data/order/loader.h"
#include "trainer/run_config.h"

namespace {

using namespace ringtrain;

void serve(char** arguments) {
  at::set_num_threads(1);
  World world;
  const std::string place = arguments[2], target = arguments[3];
  const std::int64_t batch = std::atoll(arguments[4]);
  const auto config = RunConfig::from_text(
      fmt::format("data: {{train_file: {}, target: {}, split: {{train: 1, validation: 0, test: 0}}, "
                  "streaming: {{enabled: {}, folder: {}}}}}\n",
                  place, target, arguments[5], arguments[6]),
      "bench");
  auto data = config.data.kind().prepare({config.data.train_file, config.task.kind(), config.model.kind(),
                                          /*seed=*/1, at::kFloat, std::nullopt, batch, world.local_size()},
                                         world.control());
  auto order = data.order;
  order.seed = 1;
  const bool in_blocks = !order.blocks.empty();
  if (!in_blocks) order.blocks = {data.train->size()};
  const Sampler sampler({.global_batch_size = batch, .rank = world.rank(), .world_size = world.world_size()},
                        EpochOrder(std::move(order)));
  const auto batches = Sampler(sampler).batches_per_epoch();
  std::int64_t step = 0;
  bench::Control control(arguments[1], world.rank());
  while (const auto command = control.next()) {
    Loader loader(*data.train, sampler, step, in_blocks ? 4 : 0);
    const auto begin = std::chrono::steady_clock::now();
    std::int64_t rows = 0;
    for (std::int64_t i = 0; i < batches; ++i) rows += loader.next().samples.size();
    step += batches;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    auto answer = bench::resident_memory();
    answer["rows"] = rows;
    answer["seconds"] = seconds;
    control.answer(answer);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7)
    return std::fprintf(stderr,
                        "usage: bench_reading SOCKET PLACE TARGET BATCH STREAMED FOLDER (see "
                        "docs/benchmarks.md)\n"),
           2;
  try {
    serve(argv);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "bench_reading: %s\n", error.what()), 1;
  }
  return 0;
}
