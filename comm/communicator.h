#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/own_process.h"

namespace ringtrain {

enum class ReduceOp { sum, max, min };

/// Whether the ranks first tell each other what they call. Every rank gives the same.
enum class Compare {
  /// Where they call different things, or with another type or size, all of them throw CommError that names
  /// ranks, types and sizes, and no data are sent. Waits for all ranks (docs/comm.md: what it takes).
  always,
  /// For a caller that knows that the ranks agree: ranks that differ are a hang or a wrong result, but where
  /// the backend sees it at no cost.
  never
};

struct CollectiveCall;

/// Something that runs collectives in order and waits for one by its number.
struct Waitable {
  using Time = std::chrono::steady_clock::time_point;
  virtual ~Waitable() = default;
  /// Returns when it ended, which may be before this was called.
  virtual Time wait(std::uint64_t number) = 0;
};

/// A collective that may still be under way. `wait` returns when the tensors of the call hold the result (on
/// a GPU: when the current stream is ordered after it) and throws CommError when it failed. A Work that is
/// dropped unwaited is waited for silently.
class Work {
 public:
  using Time = Waitable::Time;
  struct State {
    virtual ~State() = default;
    virtual void wait() = 0;
  };
  Work() : ended_(std::chrono::steady_clock::now()) {}  ///< already done, now
  explicit Work(std::unique_ptr<State> state) : state_(std::move(state)) {}
  /// Operation `number` of `queue`, which outlives this.
  Work(Waitable& queue, std::uint64_t number) : queue_(&queue), number_(number) {}
  Work(Work&& other) noexcept { swap(other); }
  Work& operator=(Work&& other) noexcept {
    Work(std::move(other)).swap(*this);
    return *this;
  }
  ~Work() {
    try {
      if (queue_ || state_) wait();
    } catch (...) {  // whoever uses the communicator next is told
    }
  }
  /// Returns when it ended, as far as the backend knows that: else the time of return.
  Time wait() {
    if (auto* queue = std::exchange(queue_, nullptr)) ended_ = queue->wait(number_);
    if (const auto state = std::move(state_)) {
      state->wait();
      ended_ = std::chrono::steady_clock::now();
    }
    return ended_;
  }

 private:
  void swap(Work& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(queue_, other.queue_);
    std::swap(number_, other.number_);
    std::swap(ended_, other.ended_);
  }
  std::unique_ptr<State> state_;
  Waitable* queue_ = nullptr;
  std::uint64_t number_ = 0;
  Time ended_;
};

/// A group of ranks that move tensors among themselves.
///
/// Every method but the accessors and `abort` is collective: each rank calls the same methods in the same
/// order with tensors of equal dtype and (where not said otherwise) equal size; a view of an allocated tensor
/// (`allocate`) begins at the same element of it everywhere. Tensors are contiguous, of
/// any shape, also empty; float32, float64, bfloat16, float16, int64, int32 and uint8. They stay alive until
/// the Work is waited for. An argument that breaks the contract throws CommError before anything is sent, on
/// the other ranks too (Compare). After the end of the world, and in a child process (fork), every method but
/// the accessors throws CommError, and destructors leave all as it is. One
/// thread at a time calls a communicator; a second thread takes its own, made by `duplicate`, on a GPU with a
/// current stream of its own.
///
/// A sum with a NaN is NaN, and so are max and min but for those of NCCL, which leave it out.
///
/// Reductions of one size give the same bits on every rank, and the same bits again in a second run with as
/// many ranks.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  virtual std::string_view backend() const = 0;  ///< "local", "threads", "mpi", "nccl"
  /// Where the tensors that it moves lie; nothing: anywhere.
  virtual std::optional<at::Device> device() const = 0;

  /// Reduces `tensor` over all ranks, in place.
  Work all_reduce(const at::Tensor& tensor, ReduceOp op = ReduceOp::sum, Compare compare = Compare::always);
  /// Copies `tensor` of rank `root` to all.
  Work broadcast(const at::Tensor& tensor, int root, Compare compare = Compare::always);
  /// Sums `input` (world_size × output.numel() elements) over all ranks; rank r receives the r-th part in
  /// `output`.
  Work reduce_scatter(const at::Tensor& output, const at::Tensor& input, Compare compare = Compare::always);
  /// Joins `input` of all ranks, in rank order, into `output` (world_size × input.numel() elements).
  Work all_gather(const at::Tensor& output, const at::Tensor& input, Compare compare = Compare::always);
  /// Sends the r-th of world_size equal parts of `input` to rank r; part r of `output`, which has as many
  /// elements and is other memory, comes from rank r.
  Work all_to_all(const at::Tensor& output, const at::Tensor& input, Compare compare = Compare::always);
  virtual void barrier() = 0;
  /// Whether an `all_reduce` of an allocated tensor goes on by itself while the caller computes.
  virtual bool works_in_background() const { return false; }
  /// Goes on with what is under way as far as it can without waiting: for a caller that computes meanwhile.
  /// Not collective; what fails is thrown where it is waited for.
  virtual void progress() noexcept {}
  /// A zeroed tensor of one dimension that this communicator moves fastest: on one host it lies in memory
  /// that the ranks share, so that `all_reduce` of it, or of a view, copies nothing. Collective. Backends
  /// without such memory give an ordinary tensor.
  virtual at::Tensor allocate(std::int64_t numel, const at::TensorOptions& options);
  /// A communicator over the same ranks whose collectives do not mix with this one's.
  virtual std::unique_ptr<Communicator> duplicate() = 0;
  /// The group of those ranks that give the same `color` (0 or more), numbered in the order of their `key`s
  /// and, where these are equal, of their ranks; as MPI_Comm_split. A rank without a color is in no group and
  /// gets null. A group has this one's backend and device, and may outlive it; groups without a common rank
  /// work independently of each other. Throws CommError, on all ranks, where a color is negative. Collective
  /// over all ranks, also those that get null.
  std::unique_ptr<Communicator> split(std::optional<int> color, int key = 0);
  /// Ends the job on all ranks, now: for an error that the others cannot be told of. Does not return where
  /// ranks are processes.
  virtual void abort(int exit_code) noexcept = 0;

 protected:
  /// What the collectives above do once it is known that their arguments keep to the contract.
  virtual Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) = 0;
  virtual Work do_broadcast(const at::Tensor& tensor, int root) = 0;
  virtual Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) = 0;
  virtual Work do_all_gather(const at::Tensor& output, const at::Tensor& input) = 0;
  virtual Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) = 0;
  /// `members`: the ranks of this rank's group, the group's rank 0 first; empty: none, and null is returned.
  virtual std::unique_ptr<Communicator> do_split(const std::vector<int>& members) = 0;
  /// Throws CommError on every rank where the ranks' calls differ (require_same). `mine` may be one that was
  /// refused. What a backend sees anyhow need not be compared a second time.
  virtual void do_compare(const CollectiveCall& mine) = 0;
  /// Throws CommError after the end of the world.
  virtual void require_open() const {}

  /// Throws CommError where nothing can be called any more.
  void require_usable(std::string_view collective) const;
  const OwnProcess& process() const { return process_; }

  /// For one that passes calls on to `other`, without a second check.
  static Work broadcast_of(Communicator& other, const at::Tensor& tensor, int root) {
    return other.do_broadcast(tensor, root);
  }
  static Work reduce_scatter_of(Communicator& other, const at::Tensor& output, const at::Tensor& input) {
    return other.do_reduce_scatter(output, input);
  }
  static Work all_gather_of(Communicator& other, const at::Tensor& output, const at::Tensor& input) {
    return other.do_all_gather(output, input);
  }
  static Work all_to_all_of(Communicator& other, const at::Tensor& output, const at::Tensor& input) {
    return other.do_all_to_all(output, input);
  }
  static std::unique_ptr<Communicator> split_of(Communicator& other, const std::vector<int>& members) {
    return other.do_split(members);
  }
  static void compare_of(Communicator& other, const CollectiveCall& mine) { other.do_compare(mine); }
  static void require_open_of(const Communicator& other) { other.require_open(); }

 private:
  template <class Check, class Describe>
  void prepare(std::string_view collective, Compare compare, const Check& check, const Describe& describe);
  OwnProcess process_;
};

}  // namespace ringtrain
