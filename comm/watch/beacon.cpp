#include "comm/watch/beacon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <new>

namespace ringtrain {

// In a file it is read by other processes while it changes: single fields are whole, their combination may be
// torn, which a message about the last moment of a process can bear.
struct Beacon::Shown {
  static constexpr std::uint64_t kMagic = 0x31'6e'6f'63'61'65'62'72;  // "rbeacon1"
  std::atomic<std::uint64_t> magic{kMagic};
  std::atomic<std::int64_t> pid{0}, step{0}, bucket{-1}, since{0};
  std::atomic<Phase> phase{Phase::starting};
  std::array<char, 128> host{};

  RankStatus status() const {
    RankStatus status;
    status.pid = pid.load(std::memory_order_relaxed);
    status.step = step.load(std::memory_order_relaxed);
    status.bucket = bucket.load(std::memory_order_relaxed);
    status.since = since.load(std::memory_order_relaxed);
    status.phase = phase.load(std::memory_order_relaxed);
    status.host = std::string(host.data(), ::strnlen(host.data(), host.size()));
    return status;
  }
};

namespace {

static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<Phase>::is_always_lock_free);

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::filesystem::path file_of(const std::filesystem::path& folder, int rank) {
  return folder / fmt::format("rank-{}", rank);
}

}  // namespace

std::string RankStatus::doing() const {
  std::string text(name_of(phase));
  if (step > 0) text += fmt::format(", step {}", step);
  if (bucket >= 0) text += fmt::format(", bucket {}", bucket);
  return text;
}

Beacon::Beacon() : shown_(new Shown) {
  shown_->pid = ::getpid();
  shown_->since = now();
}

Beacon::~Beacon() { release(); }

void Beacon::release() {
  if (mapped_)
    ::munmap(shown_, sizeof(Shown));
  else
    delete shown_;
}

void Beacon::show_in(const std::filesystem::path& folder, int rank, const std::string& host) {
  std::copy_n(host.begin(), std::min(host.size(), shown_->host.size() - 1), shown_->host.begin());
  const int file = ::open(file_of(folder, rank).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  void* memory = MAP_FAILED;
  if (::ftruncate(file, sizeof(Shown)) == 0)
    memory = ::mmap(nullptr, sizeof(Shown), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) return;
  const RankStatus before = status();
  auto* shown = new (memory) Shown;
  shown->host = shown_->host;
  shown->pid = before.pid;
  shown->step = before.step;
  shown->since = before.since;
  shown->phase = before.phase;
  release();
  shown_ = shown;
  mapped_ = true;
}

void Beacon::enter(Phase phase, std::int64_t step, std::int64_t bucket) {
  if (!process_.here()) return;
  shown_->step.store(step, std::memory_order_relaxed);
  shown_->bucket.store(bucket, std::memory_order_relaxed);
  enter(phase);
}

void Beacon::enter(Phase phase) {
  if (!process_.here()) return;
  if (phase != Phase::waiting) shown_->bucket.store(-1, std::memory_order_relaxed);
  shown_->phase.store(phase, std::memory_order_relaxed);
  progress();
}

void Beacon::progress() {
  if (!process_.here()) return;
  shown_->since.store(now(), std::memory_order_relaxed);
}

RankStatus Beacon::status() const { return shown_->status(); }

std::optional<RankStatus> Beacon::read(const std::filesystem::path& folder, int rank) {
  const int file = ::open(file_of(folder, rank).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  struct stat about {};
  void* memory = MAP_FAILED;
  if (::fstat(file, &about) == 0 && about.st_size >= static_cast<off_t>(sizeof(Shown)))
    memory = ::mmap(nullptr, sizeof(Shown), PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) return {};
  const auto* shown = static_cast<const Shown*>(memory);
  std::optional<RankStatus> status;
  if (shown->magic.load() == Shown::kMagic) status = shown->status();
  ::munmap(memory, sizeof(Shown));
  return status;
}

}  // namespace ringtrain
