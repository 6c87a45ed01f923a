// The checkpoint bench: how long training waits for a checkpoint, and how fast it is written.
// bench_checkpoint SOCKET MEBIBYTES FOLDER: a model of so many MiB of weights, with AdamW's state three times
// that.
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/programs/control.h"
#include "trainer/checkpoint/checkpoint_writer.h"
#include "trainer/checkpoint/replica_snapshot.h"

namespace {

using namespace ringtrain;

constexpr std::int64_t kWidth = 512;  // a layer is a MiB

Replica replica_of(int mebibytes) {
  std::string hidden;
  for (int layer = 0; layer < mebibytes; ++layer) hidden += fmt::format("{}{}", layer ? ", " : "", kWidth);
  const auto config = RunConfig::from_text(
      fmt::format("data: {{train_file: none, target: y}}\nmodel: {{type: mlp, hidden: [{}]}}\n", hidden),
      "bench");
  return make_replica(config, {.features = kWidth, .outputs = 2}, "cpu");
}

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void serve(const std::string& socket, int mebibytes, const std::filesystem::path& folder) {
  at::set_num_threads(1);
  const Replica replica = replica_of(mebibytes);
  const CheckpointStore store(folder);
  ReplicaSnapshot snapshot;
  CheckpointWriter writer(store, {.keep = 1});
  std::int64_t step = 0;
  const auto next = [&] {
    snapshot.take(replica, whole_state(replica));
    Checkpoint checkpoint{.step = ++step,
                          .weights = {},
                          .optimizer = {},
                          .progress = nlohmann::json::object(),
                          .preprocessing = nlohmann::json::object(),
                          .config = "bench\n"};
    snapshot.name_tensors(checkpoint);
    return checkpoint;
  };
  bench::Control control(socket, 0);
  while (const auto command = control.next()) {
    const bool waits = command->at("do") == "write";
    writer.wait();
    const auto begin = std::chrono::steady_clock::now();
    if (waits)
      store.save(next(), false, {.keep = 1});
    else
      writer.write(next(), false);
    const double seconds = since(begin);
    writer.wait();
    control.answer({{"seconds", seconds}, {"bytes", snapshot.bytes()}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4)
    return std::fprintf(stderr, "usage: bench_checkpoint SOCKET MEBIBYTES FOLDER (see docs/benchmarks.md)\n"),
           2;
  try {
    serve(argv[1], std::atoi(argv[2]), argv[3]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "bench_checkpoint: %s\n", error.what()), 1;
  }
  return 0;
}
