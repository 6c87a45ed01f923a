// ringtrain's side of the benches of training steps.
//   bench_step_time CASE SOCKET            a rank, started by mpirun: takes commands from the driver
//   bench_step_time --write-weights CASE   one process: writes the weights that both sides start from
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "bench/programs/control.h"
#include "bench/programs/profile.h"
#include "bench/programs/step.h"
#include "common/allocator.h"

using namespace ringtrain;

namespace {

nlohmann::json obey(const nlohmann::json& command, bench::Step& step) {
  if (command.at("do") == "memory") return bench::resident_memory();
  const int count = command.at("count");
  if (command.at("do") == "parts") return step.parts(count);
  if (command.at("do") == "profile") return bench::profile(count, [&] { step.run(); });
  auto losses = nlohmann::json::array();
  step.communicator().barrier();
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  for (int i = 0; i < count; ++i) losses.push_back(step.run());
  step.communicator().barrier();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const double cpu_seconds = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  return {{"seconds", seconds.count() / count}, {"cpu_seconds", cpu_seconds / count}, {"losses", losses}};
}

int work(const std::string& file, const std::string& socket) {
  World world;
  bench::Control control(socket, world.rank());
  const bench::Case spec(file);
  bench::Step step(spec, world);
  while (const auto command = control.next()) control.answer(obey(*command, step));
  world.close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  tune_allocator();
  if (argc != 3) {
    std::fprintf(stderr,
                 "usage: bench_step_time CASE SOCKET | --write-weights CASE (see docs/benchmarks.md)\n");
    return 2;
  }
  try {
    if (argv[1] == std::string_view("--write-weights")) {
      bench::write_weights(bench::Case(argv[2]));
      return 0;
    }
    return work(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_step_time: %s\n", error.what());
    return 1;
  }
}
