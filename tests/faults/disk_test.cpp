// A checkpoint is saved while the process is killed, or the disk fails, at each system call in turn.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "common/errors.h"
#include "tests/faults/checkpoint_maker.h"
#include "tests/faults/system_calls.h"

namespace ringtrain::faults {
namespace {

namespace fs = std::filesystem;
constexpr Retention kTwo{.keep = 2};

/// Where syncing costs nothing.
fs::path memory() {
  return fs::canonical(::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::path(testing::TempDir()));
}

class Disk : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = memory() / testing::UnitTest::GetInstance()->current_test_info()->name();
    begin();
  }
  void TearDown() override { fs::remove_all(folder_); }
  /// Steps 10 and 20, of which 10 is the best.
  void begin() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    store().save(checkpoint_of(10), true, kTwo);
    store().save(checkpoint_of(20), false, kTwo);
  }
  CheckpointStore store() const { return CheckpointStore(folder_); }

  /// What must hold whatever happened to the saving of step 30.
  void expect_nothing_lost(const std::string& when) const {
    const Checkpoint newest = store().load_newest();
    EXPECT_TRUE(newest.step == 20 || newest.step == 30) << when << ": the newest is " << newest.step;
    EXPECT_TRUE(is_whole(newest)) << when;
    for (const auto step : store().steps())
      EXPECT_TRUE(is_whole(store().load(step))) << when << ": step " << step;
    const auto best = store().best();
    ASSERT_TRUE(best) << when << ": the best one is lost";
    EXPECT_TRUE(is_whole(store().load(*best))) << when;
  }
  void expect_going_on(const std::string& when) const {
    store().remove_leftovers();
    EXPECT_NO_THROW(store().save(checkpoint_of(40), true, kTwo)) << when;
    EXPECT_EQ(store().load_newest().step, 40) << when;
    EXPECT_EQ(store().best(), 40) << when;
    for (const auto& entry : fs::directory_iterator(folder_))
      EXPECT_NE(entry.path().filename().string().substr(0, 6), ".step-") << when << ": left over";
  }
  fs::path folder_;
};

TEST_F(Disk, KilledAtEachSystemCallOfASave) {
  for (const bool best : {false, true}) {
    std::int64_t at = 1;
    for (bool ended = false; !ended; ++at) {
      begin();
      const pid_t child = ::fork();
      if (child == 0) {
        arm(folder_, Fault::kill, at);
        store().save(checkpoint_of(30), best, kTwo);
        ::_exit(0);
      }
      int status = 0;
      ::waitpid(child, &status, 0);
      ended = WIFEXITED(status);
      ASSERT_TRUE(ended || WTERMSIG(status) == SIGKILL);
      const auto when = "killed at call " + std::to_string(at);
      expect_nothing_lost(when);
      expect_going_on(when);
    }
    EXPECT_GT(at, 25) << "the calls are not seen";
    std::printf("killed at each of %ld system calls of a save\n", static_cast<long>(at - 2));
  }
}

TEST_F(Disk, KilledWhileADamagedOneIsReplaced) {
  for (std::int64_t at = 1;; ++at) {
    begin();
    store().save(checkpoint_of(30), false, {.keep = 3});
    fs::resize_file(folder_ / "step-30/model.safetensors", 20);
    const pid_t child = ::fork();
    if (child == 0) {
      arm(folder_, Fault::kill, at);
      store().save(checkpoint_of(30), false, {.keep = 3});
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    const auto newest = store().load_newest();
    EXPECT_TRUE(is_whole(newest)) << "call " << at;
    EXPECT_GE(newest.step, 20) << "call " << at;
    if (WIFEXITED(status)) break;
  }
}

class FailingDisk : public Disk, public testing::WithParamInterface<std::tuple<Fault, bool>> {
 protected:
  void SetUp() override {
    folder_ = memory() / "failing_disk";
    begin();
  }
};

TEST_P(FailingDisk, EachCallOfASave) {
  const auto [fault, stays] = GetParam();
  for (std::int64_t at = 1;; ++at) {
    begin();
    arm(folder_, fault, at, stays);
    std::string said;
    try {
      store().save(checkpoint_of(30), true, kTwo);
    } catch (const CheckpointError& error) {
      said = error.what();
    }  // any other exception fails the test
    disarm();
    if (!happened()) break;
    const auto when = "call " + std::to_string(at) + ", " + victim() + ": " + said;
    expect_nothing_lost(when);
    if (said.empty()) {
      EXPECT_EQ(store().load_newest().step, 30) << when << ": it is said to be saved";
    } else {
      EXPECT_TRUE(said.find("No space left") != std::string::npos ||
                  said.find("Input/output error") != std::string::npos)
          << when;
      EXPECT_NE(said.find(folder_.string()), std::string::npos) << when << ": which file?";
    }
    expect_going_on(when);
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, FailingDisk,
                         testing::Combine(testing::Values(Fault::no_space, Fault::io_error),
                                          testing::Bool()));

TEST_F(Disk, AShortWriteIsGoneOnWith) {
  for (std::int64_t at = 1;; ++at) {
    begin();
    arm(folder_, Fault::short_write, at);
    store().save(checkpoint_of(30), false, kTwo);
    disarm();
    if (!happened()) break;
    ASSERT_TRUE(is_whole(store().load(30))) << at << " " << victim();
  }
}

}  // namespace
}  // namespace ringtrain::faults
