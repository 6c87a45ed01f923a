// A job in which communicators outlive their world; after_end_test.sh starts it. The first argument says
// which end it is: "close", "finalize" (the program's own MPI_Finalize, without World::close before), or
// "both".
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/nn/modules/linear.h>

#include <functional>
#include <string>

#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "comm/mpi/mpi_api.h"
#include "comm/watch/monitor.h"
#include "common/errors.h"

namespace {

using namespace ringtrain;

int wrong = 0;

void expect_refused(const std::string& name, const std::string& cause, const std::function<void()>& call) {
  try {
    call();
    ++wrong;
    fmt::print("{} was carried out\n", name);
  } catch (const CommError& error) {
    if (std::string(error.what()).find(cause) != std::string::npos) return;
    ++wrong;
    fmt::print("{}: {}\n", name, error.what());
  }
}

void expect_all_refused(Communicator& communicator, const std::string& name, const std::string& cause) {
  const auto one = at::ones({1}), all = at::ones({communicator.world_size()});
  const auto expect = [&](const std::string& call, const std::function<void()>& body) {
    expect_refused(name + ": " + call, cause, body);
  };
  expect("all_reduce", [&] { communicator.all_reduce(one).wait(); });
  expect("all_reduce unasked", [&] { communicator.all_reduce(one, ReduceOp::sum, Compare::never).wait(); });
  expect("broadcast", [&] { communicator.broadcast(one, 0).wait(); });
  expect("all_gather", [&] { communicator.all_gather(all, one).wait(); });
  expect("reduce_scatter", [&] { communicator.reduce_scatter(one, all).wait(); });
  expect("all_to_all", [&] { communicator.all_to_all(at::ones_like(all), all).wait(); });
  expect("barrier", [&] { communicator.barrier(); });
  expect("duplicate", [&] { communicator.duplicate(); });
  expect("allocate", [&] { communicator.allocate(4, at::TensorOptions(at::kFloat)); });
}

void run(const std::string& way) {
  int granted = 0;
  if (way != "close") MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &granted);
  World world;
  const std::vector<std::pair<std::string, RingOptions>> ways{
      {"shared", {}},
      {"plain", {.algorithm = RingOptions::Algorithm::mpi}},
      {"ring", {.algorithm = RingOptions::Algorithm::ring, .thread = RingOptions::Thread::on}}};
  std::vector<std::unique_ptr<Communicator>> made;
  for (const auto& [name, options] : ways) made.push_back(make_communicator(world, "mpi", "cpu", options));
  made.push_back(world.control().duplicate());
  torch::nn::Linear layer(3, 2);
  FlatParameters flat(*layer);
  GradientAverager averager(flat, *made[0]);
  Monitor monitor(world.beacon(), world.make_beat_link(),
                  {.limits = {},
                   .names = std::vector<std::string>(static_cast<std::size_t>(world.world_size()), "rank"),
                   .on_trouble = {}});
  if (way != "finalize") world.close();
  if (way != "close") MPI_Finalize();
  const std::string cause = way == "finalize" ? "after MPI_Finalize" : "after the world was closed";
  for (std::size_t i = 0; i < made.size(); ++i)
    expect_all_refused(*made[i], i < ways.size() ? ways[i].first : "control", cause);
  expect_refused("finish", cause, [&] { averager.finish({}); });
  if (way == "finalize") expect_refused("close", cause, [&] { world.close(); });
  expect_refused("a second world", "MPI was finalised", [] { World second; });
}

}  // namespace

int main(int, char** argv) {
  try {
    run(argv[1]);
  } catch (const std::exception& error) {
    fmt::print("error: {}\n", error.what());
    return 1;
  }
  if (wrong == 0) fmt::print("all was refused\n");
  return wrong == 0 ? 0 : 1;
}
