// A child process that a rank forks, as workers of data loaders are: it has copies of what the rank made.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <torch/nn/modules/linear.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "comm/watch/monitor.h"
#include "common/errors.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

/// Runs `body`, which returns what is wrong, in a child; returns that, or how the child ended.
std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string wrong;
    try {
      wrong = body();
    } catch (const std::exception& error) {
      wrong = std::string("it threw ") + error.what();
    }
    (void)!::write(ends[1], wrong.data(), wrong.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  int status = 0;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > limit) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::string said(4096, ' ');
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], said.data(), said.size()))));
  ::close(ends[0]);
  if (status != 0) said += " (the child ended with status " + std::to_string(status) + ")";
  return said;
}

/// Nothing, where `call` throws CommError that names this process's parent.
std::string refused(const std::string& name, const std::function<void()>& call) {
  const std::string parent = "of process " + std::to_string(::getppid());
  try {
    call();
  } catch (const CommError& error) {
    const std::string text = error.what();
    return text.find(parent) != std::string::npos ? "" : name + ": " + text + "\n";
  }
  return name + " was carried out\n";
}

std::string all_refused(Communicator& communicator) {
  const auto one = at::ones({1}), all = at::ones({communicator.world_size()});
  return refused("all_reduce", [&] { communicator.all_reduce(one); }) +
         refused("all_reduce unasked", [&] { communicator.all_reduce(one, ReduceOp::sum, Compare::never); }) +
         refused("broadcast", [&] { communicator.broadcast(one, 0); }) +
         refused("all_gather", [&] { communicator.all_gather(all, one); }) +
         refused("reduce_scatter", [&] { communicator.reduce_scatter(one, all); }) +
         refused("all_to_all", [&] { communicator.all_to_all(at::ones_like(all), all); }) +
         refused("barrier", [&] { communicator.barrier(); }) +
         refused("duplicate", [&] { communicator.duplicate(); }) +
         refused("allocate", [&] { communicator.allocate(4, at::TensorOptions(at::kFloat)); });
}

struct Way {
  const char* name;
  RingOptions options;
};

class Forked : public testing::TestWithParam<Way> {
 protected:
  std::unique_ptr<Communicator> make() {
    return make_communicator(test_world(), "mpi", "cpu", GetParam().options);
  }
};

INSTANTIATE_TEST_SUITE_P(
    Way, Forked,
    testing::Values(Way{"shared", {}}, Way{"plain", {.algorithm = RingOptions::Algorithm::mpi}},
                    Way{"ring", {.algorithm = RingOptions::Algorithm::ring}},
                    Way{"two_a_host_with_thread", {.thread = RingOptions::Thread::on, .ranks_per_host = 2}}),
    [](const auto& info) { return info.param.name; });

TEST_P(Forked, AChildCanCallNothing) {
  auto communicator = make();
  EXPECT_EQ(in_child([&] {
              const std::string wrong = all_refused(*communicator);
              communicator->progress();
              communicator.reset();
              return wrong;
            }),
            "");
  const at::Tensor one = at::ones({1});
  communicator->all_reduce(one).wait();
  communicator->barrier();
  EXPECT_EQ(one.item<float>(), static_cast<float>(test_world().world_size()));
}

TEST_P(Forked, AChildHasMemoryOfItsOwn) {
  const auto communicator = make();
  const at::Tensor shared = communicator->allocate(3000, at::TensorOptions(at::kFloat));
  shared.fill_(2);
  EXPECT_EQ(in_child([&] {
              if (shared[2999].item<float>() != 2) return "it does not see what its parent wrote";
              shared.fill_(-1);
              return shared[0].item<float>() == -1 ? "" : "it cannot write";
            }),
            "");
  communicator->barrier();
  communicator->all_reduce(shared).wait();
  EXPECT_TRUE(at::all(shared == 2.0F * static_cast<float>(test_world().world_size())).item<bool>());
}

// What is under way belongs to the parent.
TEST_P(Forked, AChildWaitsForNothing) {
  const auto communicator = make();
  const at::Tensor shared = communicator->allocate(3000, at::TensorOptions(at::kFloat));
  shared.fill_(1);
  Work work = communicator->all_reduce(shared, ReduceOp::sum, Compare::never);
  EXPECT_EQ(in_child([&] {
              // MPI's own have ended when they return.
              const bool ended = GetParam().options.algorithm == RingOptions::Algorithm::mpi;
              const std::string wrong = ended ? "" : refused("wait", [&] { work.wait(); });
              const Work dropped = std::move(work);
              return wrong;
            }),
            "");
  work.wait();
  EXPECT_EQ(shared[1].item<float>(), static_cast<float>(test_world().world_size()));
}

TEST_P(Forked, AnAveragerAveragesInItsParentAlone) {
  auto communicator = make();
  torch::nn::Linear layer(3, 2);
  FlatParameters flat(*layer);
  AveragerOptions options;
  options.overlap = AveragerOptions::Overlap::on;
  auto averager = std::make_unique<GradientAverager>(flat, *communicator, options);
  const auto step = [&] {
    flat.zero_gradients();
    layer->forward(at::ones({2, 3})).sum().backward();
    return averager->finish({.weight = 1}).weight;
  };
  step();
  const at::Tensor before = layer->weight.grad().clone();
  EXPECT_EQ(in_child([&] {
              flat.zero_gradients();
              const std::string wrong = refused("finish", [&] { averager->finish({.weight = 1}); });
              averager.reset();
              communicator.reset();
              return wrong;
            }),
            "");
  EXPECT_TRUE(layer->weight.grad().equal(before)) << "the child wrote into its parent's gradients";
  EXPECT_EQ(step(), test_world().world_size());
}

TEST(ForkedWorld, IsItsParents) {
  World& world = test_world();
  EXPECT_EQ(in_child([&] {
              return all_refused(world.control()) + refused("close", [&] { world.close(); }) +
                     refused("a second world", [] { World second; });
            }),
            "");
  world.control().barrier();
}

TEST(ForkedWorld, AMonitorEndsInItsParentAlone) {
  auto monitor = std::make_unique<Monitor>(
      test_world().beacon(), test_world().make_beat_link(),
      Monitor::Options{.limits = {}, .names = {"rank"}, .on_trouble = [](const std::string&) {}});
  EXPECT_EQ(in_child([&] {
              monitor.reset();
              return "";
            }),
            "");
  monitor.reset();
}

}  // namespace
}  // namespace ringtrain
