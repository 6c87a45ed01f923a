#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "comm/ring/neighbours.h"

namespace ringtrain::ring {

/// The memory of one host whose ranks are threads.
class ThreadHost {
 public:
  explicit ThreadHost(int size) : boards_(static_cast<std::size_t>(size)) {}
  int size() const { return static_cast<int>(boards_.size()); }
  Board& board(int rank) { return boards_[static_cast<std::size_t>(rank)]; }
  /// Tensor `number` of rank `rank`: registered by its rank, or null while it is not there yet.
  void add(int rank, std::size_t number, std::byte* data);
  std::byte* tensor(int rank, std::size_t number);

 private:
  std::vector<Board> boards_;
  std::mutex mutex_;
  std::map<std::pair<int, std::size_t>, std::byte*> tensors_;
};

/// Neighbours that are threads of one process: for tests, where a thread sanitizer sees what they share. Only
/// what was allocated here counts as reachable, as between processes.
class ThreadNeighbours : public Neighbours {
 public:
  /// `check`: throws when the run has broken.
  ThreadNeighbours(std::shared_ptr<ThreadHost> host, int rank, std::function<void()> check)
      : host_(std::move(host)), rank_(rank), check_(std::move(check)) {}
  int rank() const override { return rank_; }
  int size() const override { return host_->size(); }
  Board& board(int rank) override { return host_->board(rank); }
  std::optional<Place> place_of(const void* data, std::size_t bytes) const override;
  std::byte* address(int rank, Place place) const override;
  at::Tensor allocate(std::int64_t numel, const at::TensorOptions& options) override;
  void check() const override { check_(); }

 private:
  struct Owned {
    at::Tensor tensor;
    std::byte* begin() const { return static_cast<std::byte*>(tensor.data_ptr()); }
  };
  std::shared_ptr<ThreadHost> host_;
  int rank_;
  std::function<void()> check_;
  std::vector<Owned> owned_;
};

}  // namespace ringtrain::ring
