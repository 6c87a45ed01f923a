#include "trainer/checkpoint/job_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <map>

#include "common/files.h"
#include "tests/common/temporary_folder.h"
#include "trainer/checkpoint/checkpoint_store.h"

namespace {
bool has_links = true;  // the file system
}

/// The program's own comes before libc's.
extern "C" int link(const char* from, const char* to) noexcept {
  if (has_links) return ::linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
  errno = EPERM;
  return -1;
}

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A process that does nothing until it is ended.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0)
      while (true) ::pause();
  }
  ~Sleeper() {
    end();
    ::waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  pid_t pid() const { return pid_; }
  /// Ended, but not waited for: a zombie.
  void end() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

 private:
  pid_t pid_;
};

/// Field 22, read in another way than the code does: the name of this test's processes has no blank.
std::uint64_t start_time_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string word;
  for (int field = 1; field <= 22; ++field) in >> word;
  return std::stoull(word);
}

class Lock : public ::testing::Test {
 protected:
  /// Another process of this machine.
  LockOwner owner_of(pid_t pid) const {
    auto owner = LockOwner::this_process();
    owner.pid = pid;
    owner.start_time = start_time_of(pid);
    owner.host = "there";
    owner.since = "2026-01-05T12:00:03Z";
    return owner;
  }
  LockOwner of_another_machine() const {
    auto owner = owner_of(::getpid());
    owner.boot = "another";
    return owner;
  }
  void put(const LockOwner& owner, std::chrono::seconds age = 0s) const {
    write_file_synced(file_, owner.to_text());
    grow_old(age);
  }
  void grow_old(std::chrono::seconds age) const {
    struct stat about {};
    ASSERT_EQ(::stat(file_.c_str(), &about), 0);
    const timespec then{.tv_sec = about.st_mtim.tv_sec - age.count(), .tv_nsec = 0};
    const timespec times[2] = {then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, file_.c_str(), times, 0), 0);
  }
  std::string refusal(const JobLock::Options& options = kQuick) const {
    try {
      const JobLock lock(folder_.path(), options);
      EXPECT_EQ(LockOwner::from_text(read_file(file_))->pid, ::getpid());
    } catch (const JobTakenError& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "";
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  static inline const JobLock::Options kQuick{
      .renew_every = 10'000ms, .stale_after = 60'000ms, .look_every = 5ms, .told_to_stop = nullptr};
  test::TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "job.lock";
};

TEST_F(Lock, IsThereWhileItIsHeld) {
  {
    const JobLock lock(folder_.path());
    lock.require();
    const auto owner = LockOwner::from_text(read_file(file_));
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->pid, ::getpid());
    EXPECT_EQ(owner->start_time, start_time_of(::getpid()));
    EXPECT_EQ(owner->boot + "\n", read_file("/proc/sys/kernel/random/boot_id"));
    EXPECT_EQ(entries(), 1u);
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Lock, OfAProcessThatLivesIsRefusedByName) {
  const Sleeper other;
  put(owner_of(other.pid()), 3600s);  // it may sleep as long as it likes
  const auto said = refusal();
  for (const auto& word :
       {"pid " + std::to_string(other.pid()) + " on host there, since 2026-01-05T12:00:03Z", file_.string(),
        std::string("--job-dir"), "kill " + std::to_string(other.pid())})
    EXPECT_NE(said.find(word), std::string::npos) << word << " is not in: " << said;
  EXPECT_EQ(LockOwner::from_text(read_file(file_))->pid, other.pid());
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Lock, OfThisProcessIsRefusedToo) {
  const JobLock lock(folder_.path());
  EXPECT_NE(refusal(), "");
  lock.require();
}

TEST_F(Lock, OfAProcessThatIsGoneIsTakenAtOnce) {
  {
    const Sleeper other;
    const auto owner = owner_of(other.pid());
    put(owner);
    other.end();
    EXPECT_EQ(refusal(), "") << "a zombie";
    put(owner);
  }
  EXPECT_EQ(refusal(), "") << "no such process";
}

TEST_F(Lock, OfAnOlderProcessWithTheSamePidIsTakenAtOnce) {
  const Sleeper other;
  auto owner = owner_of(other.pid());
  owner.start_time -= 1;
  put(owner);
  EXPECT_EQ(refusal(), "");
}

// Two containers of one machine: the same boot, and the pid of the one is nobody's in the other.
TEST_F(Lock, OfAnotherPidNamespaceIsNotJudgedByItsPid) {
  auto owner = owner_of(::getpid());
  owner.pid = 1 << 30;
  owner.pid_namespace = "pid:[1]";
  put(owner);
  auto options = kQuick;
  options.told_to_stop = [] { return true; };
  EXPECT_THROW(JobLock(folder_.path(), options), Error);
  EXPECT_EQ(LockOwner::from_text(read_file(file_))->pid, 1 << 30);
}

TEST_F(Lock, OfTheNextAttemptAndOfARequeuedJobIsTakenAtOnce) {
  std::map<std::string, std::string> variables;
  const auto me = [&] {
    return LockOwner::this_process([&](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    });
  };
  using State = LockOwner::State;
  auto before = of_another_machine();
  EXPECT_EQ(before.seen_by(me()), State::unknown);
  variables = {{kLaunchVariable, "abc"}, {"SLURM_JOB_ID", "17"}};
  EXPECT_EQ(before.seen_by(me()), State::unknown);
  before.launch = "abc";
  EXPECT_EQ(before.seen_by(me()), State::ended);
  before.launch = "other";
  EXPECT_EQ(before.seen_by(me()), State::unknown);
  before.slurm_job = "17";
  EXPECT_EQ(before.seen_by(me()), State::unknown) << "another step of the same job may run";
  variables["SLURM_RESTART_COUNT"] = "1";
  EXPECT_EQ(before.seen_by(me()), State::ended);
  variables["SLURM_JOB_ID"] = "18";
  EXPECT_EQ(before.seen_by(me()), State::unknown);
}

TEST_F(Lock, OfAnotherMachineIsTakenOnceItsRenewalsHaveCeased) {
  put(of_another_machine(), 61s);
  EXPECT_EQ(refusal(), "");
  // The clock of that file system is not ours: nothing but what is seen there counts.
  put(of_another_machine(), -3600s);
  auto options = kQuick;
  options.stale_after = 150ms;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(options), "");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 140ms);
}

TEST_F(Lock, OfAnotherMachineThatRenewsIsRefused) {
  put(of_another_machine(), 30s);
  std::thread owner([&] {
    std::this_thread::sleep_for(50ms);
    grow_old(0s);
    ::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
  });
  EXPECT_NE(refusal().find("has just renewed it"), std::string::npos);
  owner.join();
}

TEST_F(Lock, WaitingForAnotherMachineEndsAtASignal) {
  put(of_another_machine(), 30s);
  auto options = kQuick;
  options.told_to_stop = [] { return true; };
  try {
    const JobLock lock(folder_.path(), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::stopped);
  }
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Lock, ThatIsHalfWrittenIsWaitedFor) {
  write_file_synced(file_, "{\"host\": \"th");
  std::thread owner([&] {
    std::this_thread::sleep_for(50ms);
    write_file_synced(file_, owner_of(::getpid()).to_text());
  });
  EXPECT_NE(refusal().find("on host there"), std::string::npos);
  owner.join();
  write_file_synced(file_, "");
  grow_old(61s);
  EXPECT_EQ(refusal(), "") << "a machine that lost its power leaves an empty one";
}

TEST_F(Lock, IsRenewed) {
  auto options = kQuick;
  options.renew_every = 10ms;
  const JobLock lock(folder_.path(), options);
  grow_old(3600s);
  const auto before = fs::last_write_time(file_);
  for (int i = 0; i < 500 && fs::last_write_time(file_) == before; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GT(fs::last_write_time(file_), before + 3000s);
}

TEST_F(Lock, ThatAnotherTookStopsTheFormerOwnerBeforeItMovesAnything) {
  fs::create_directory(folder_.path() / "checkpoints");
  CheckpointStore store(folder_.path() / "checkpoints");
  Checkpoint checkpoint;
  checkpoint.step = 5;
  {
    const JobLock lock(folder_.path());
    store.write_under(lock);
    store.save(checkpoint, true, {});
    auto other = of_another_machine();
    other.pid = 4711;
    fs::remove(file_);
    put(other);
    const auto expect_stopped = [&](const std::function<void()>& body) {
      try {
        body();
        ADD_FAILURE();
      } catch (const JobTakenError& error) {
        EXPECT_NE(std::string(error.what()).find("pid 4711 on host there"), std::string::npos)
            << error.what();
      }
    };
    checkpoint.step = 6;
    lock.require_as_seen();
    expect_stopped([&] { store.save(checkpoint, true, {.keep = 1}); });
    expect_stopped([&] { lock.require_as_seen(); });
    expect_stopped([&] { store.mark_best(5); });
    expect_stopped([&] { store.clear(); });
    EXPECT_EQ(store.steps(), std::vector<std::int64_t>{5});
    EXPECT_EQ(read_file(store.folder() / "latest"), "step-5\n");
  }
  EXPECT_EQ(LockOwner::from_text(read_file(file_))->pid, 4711) << "the other's lock is not given back by us";
}

TEST_F(Lock, ThatIsLostIsNoticedByItself) {
  auto options = kQuick;
  options.renew_every = 10ms;
  const JobLock lock(folder_.path(), options);
  fs::remove(file_);
  const auto lost = [&] {
    try {
      lock.require_as_seen();
    } catch (const JobTakenError& error) {
      return std::string(error.what()).find("was removed") != std::string::npos;
    }
    return false;
  };
  for (int i = 0; i < 500 && !lost(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(lost());
}

TEST_F(Lock, WorksWithoutLinksToo) {
  has_links = false;
  {
    const JobLock lock(folder_.path());
    lock.require();
    EXPECT_NE(refusal(), "");
    EXPECT_EQ(entries(), 1u);
  }
  EXPECT_EQ(entries(), 0u);
  put(of_another_machine(), 61s);
  EXPECT_EQ(refusal(), "");
  has_links = true;
}

TEST_F(Lock, OfAnOddKindSaysWhatIsThere) {
  fs::create_symlink("nowhere", file_);
  EXPECT_THROW(refusal(), Error);
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_THROW(refusal(), Error);
}

// Of many that find one dead owner's lock at once one gets it.
TEST_F(Lock, IsOneProcessesOnly) {
  constexpr int kProcesses = 8;
  auto dead = of_another_machine();
  for (int round = 0; round < 5; ++round) {
    put(dead, 3600s);
    const fs::path gate = folder_.path() / "gate", done = folder_.path() / "done";
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        while (!fs::exists(gate)) std::this_thread::yield();
        int code = 0;
        try {
          const JobLock lock(folder_.path(), kQuick);
          for (int i = 0; i < 4000 && !fs::exists(done); ++i) {
            lock.require();
            std::this_thread::sleep_for(5ms);
          }
          code = 1;
        } catch (const JobTakenError&) {
        } catch (...) {
          code = 100;
        }
        ::_exit(code);
      }
      ASSERT_GT(child, 0);
    }
    write_file_synced(gate, "");
    int owners = 0;
    for (int ended = 0; ended < kProcesses; ++ended) {
      if (ended == kProcesses - 1) write_file_synced(done, "");
      int status = 0;
      ::waitpid(-1, &status, 0);
      owners += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
    }
    EXPECT_EQ(owners, 1) << "round " << round;
    fs::remove(gate);
    fs::remove(done);
    EXPECT_EQ(entries(), 0u);
  }
}

}  // namespace
}  // namespace ringtrain
