// The main of a test program that mpirun starts on several ranks. Rank 0 reports as GoogleTest does; the
// others are silent unless a test fails there. The program fails on all ranks when it failed on one.
#include "tests/rank_test.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "common/errors.h"

namespace ringtrain {
namespace {

World* world = nullptr;

// Ends the job when the others do not come within `limit`: a test that ended early on one rank would leave
// them in a collective.
class Limit {
 public:
  Limit(Communicator& communicator, std::string where, std::chrono::seconds limit)
      : watch_([this, &communicator, where = std::move(where), limit] {
          std::unique_lock lock(mutex_);
          if (changed_.wait_for(lock, limit, [this] { return over_; })) return;
          fmt::print(stderr, "[rank {}] {} ended here, but not on every rank within {} s: the job is ended\n",
                     communicator.rank(), where, limit.count());
          communicator.abort(1);
        }) {}
  ~Limit() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::jthread watch_;  // last: it uses the others
};

// After each test all ranks meet, on a communicator of its own.
class Meeting : public testing::EmptyTestEventListener {
 public:
  explicit Meeting(Communicator& communicator) : communicator_(communicator) {}
  void OnTestEnd(const testing::TestInfo& test) override {
    const Limit limit(communicator_, fmt::format("{}.{}", test.test_suite_name(), test.name()),
                      std::chrono::seconds(20));
    communicator_.barrier();
  }

 private:
  Communicator& communicator_;
};

class FailuresOnly : public testing::EmptyTestEventListener {
 public:
  explicit FailuresOnly(int rank) : rank_(rank) {}
  void OnTestStart(const testing::TestInfo& test) override {
    test_ = fmt::format("{}.{}", test.test_suite_name(), test.name());
  }
  void OnTestPartResult(const testing::TestPartResult& part) override {
    if (!part.failed()) return;
    fmt::print(stderr, "[rank {}] {}: {}:{}: {}\n", rank_, test_, part.file_name() ? part.file_name() : "?",
               part.line_number(), part.message());
  }

 private:
  int rank_;
  std::string test_;
};

// A program that ran alone, or on the wrong number of ranks, would pass without testing anything.
void require_asked_ranks(const World& world) {
  const char* asked = std::getenv("RINGTRAIN_TEST_RANKS");
  if (!asked) throw ConfigError("RINGTRAIN_TEST_RANKS is not set: start this test by ctest");
  if (std::atoi(asked) != world.world_size())
    throw ConfigError(
        fmt::format("RINGTRAIN_TEST_RANKS={}, but the world has {} ranks", asked, world.world_size()));
}

int run_tests(World& here) {
  require_asked_ranks(here);
  world = &here;
  const auto meeting = here.control().duplicate();
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (here.rank() != 0) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOnly(here.rank()));
  }
  auto* meet = new Meeting(*meeting);
  listeners.Append(meet);
  const at::Tensor failed = at::full({1}, RUN_ALL_TESTS() == 0 ? 0 : 1, at::kLong);
  delete listeners.Release(meet);
  meeting->all_reduce(failed, ReduceOp::max).wait();
  const bool ok = failed.item<std::int64_t>() == 0;
  if (!ok && here.rank() == 0 && testing::UnitTest::GetInstance()->Passed())
    fmt::print("[  FAILED  ] on another rank; see its lines above\n");
  return ok ? 0 : 1;
}

}  // namespace

World& test_world() { return *world; }

}  // namespace ringtrain

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    ringtrain::World world;
    const int result = ringtrain::run_tests(world);
    world.close();
    return result;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
