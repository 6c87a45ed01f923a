#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace ringtrain {

enum class ReduceOp { sum, max, min };

/// Something that runs collectives in order and waits for one by its number.
struct Waitable {
  virtual ~Waitable() = default;
  virtual void wait(std::uint64_t number) = 0;
};

/// A collective that may still be under way. `wait` returns when the tensors of the call hold the result (on
/// a GPU: when the current stream is ordered after it) and throws CommError when it failed. A Work that is
/// dropped unwaited is waited for silently.
class Work {
 public:
  struct State {
    virtual ~State() = default;
    virtual void wait() = 0;
  };
  Work() = default;  ///< already done
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
      wait();
    } catch (...) {  // whoever uses the communicator next is told
    }
  }
  void wait() {
    if (auto* queue = std::exchange(queue_, nullptr)) queue->wait(number_);
    if (auto state = std::move(state_)) state->wait();
  }

 private:
  void swap(Work& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(queue_, other.queue_);
    std::swap(number_, other.number_);
  }
  std::unique_ptr<State> state_;
  Waitable* queue_ = nullptr;
  std::uint64_t number_ = 0;
};

/// A group of ranks that move tensors among themselves.
///
/// Every method but the accessors and `abort` is collective: each rank calls the same methods in the same
/// order with tensors of equal dtype and (where not said otherwise) equal size. Tensors are contiguous, of
/// any shape, also empty; float32, float64, bfloat16, float16, int64, int32 and uint8. They stay alive until
/// the Work is waited for. An argument that breaks the contract throws CommError before anything is sent. One
/// thread at a time calls a communicator; a second thread takes its own, made by `duplicate`.
///
/// Reductions of one size give the same bits on every rank, and the same bits again in a second run with as
/// many ranks.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  virtual std::string_view backend() const = 0;  ///< "local", "threads", "mpi", "nccl"

  /// Reduces `tensor` over all ranks, in place.
  virtual Work all_reduce(const at::Tensor& tensor, ReduceOp op = ReduceOp::sum) = 0;
  /// Copies `tensor` of rank `root` to all.
  virtual Work broadcast(const at::Tensor& tensor, int root) = 0;
  /// Sums `input` (world_size × output.numel() elements) over all ranks; rank r receives the r-th part in
  /// `output`.
  virtual Work reduce_scatter(const at::Tensor& output, const at::Tensor& input) = 0;
  /// Joins `input` of all ranks, in rank order, into `output` (world_size × input.numel() elements).
  virtual Work all_gather(const at::Tensor& output, const at::Tensor& input) = 0;
  virtual void barrier() = 0;
  /// Whether an `all_reduce` of an allocated tensor goes on by itself while the caller computes.
  virtual bool works_in_background() const { return false; }
  /// A zeroed tensor of one dimension that this communicator moves fastest: on one host it lies in memory
  /// that the ranks share, so that `all_reduce` of it, or of a view, copies nothing. Collective. Backends
  /// without such memory give an ordinary tensor.
  virtual at::Tensor allocate(std::int64_t numel, const at::TensorOptions& options);
  /// A communicator over the same ranks whose collectives do not mix with this one's.
  virtual std::unique_ptr<Communicator> duplicate() = 0;
  /// Ends the job on all ranks, now: for an error that the others cannot be told of. Does not return where
  /// ranks are processes.
  virtual void abort(int exit_code) noexcept = 0;
};

}  // namespace ringtrain
