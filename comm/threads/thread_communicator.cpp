#include "comm/threads/thread_communicator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <numeric>
#include <thread>

#include "comm/arithmetic.h"
#include "comm/backends.h"
#include "comm/collective_call.h"
#include "comm/with_type.h"
#include "common/errors.h"

namespace ringtrain {
namespace threads {
namespace {

// Reduces elements [begin, end) of `sources` in rank order and gives each result to `store(i, value)`.
template <class T, ReduceOp op, class Store>
void reduce_range(const std::vector<const void*>& sources, std::int64_t begin, std::int64_t end,
                  const Store& store) {
  using A = arithmetic::Accumulator<T>;
  for (std::int64_t i = begin; i < end; ++i) {
    A sum = static_cast<A>(static_cast<const T*>(sources[0])[i]);
    for (std::size_t r = 1; r < sources.size(); ++r)
      sum = arithmetic::combine<op, A>(sum, static_cast<A>(static_cast<const T*>(sources[r])[i]));
    store(i, static_cast<T>(sum));
  }
}

// Each rank reduces its own range for all, so no two threads write the same element.
template <class T, ReduceOp op>
void reduce_for_all(const std::vector<void*>& tensors, std::int64_t begin, std::int64_t end) {
  const std::vector<const void*> sources(tensors.begin(), tensors.end());
  reduce_range<T, op>(sources, begin, end, [&](std::int64_t i, T value) {
    for (void* tensor : tensors) static_cast<T*>(tensor)[i] = value;
  });
}

}  // namespace

Work ThreadCommunicator::do_all_reduce(const at::Tensor& tensor, ReduceOp op) {
  group_->meet(rank_, {.what = CollectiveCall::all_reduce(tensor, op), .data = tensor.data_ptr()});
  std::vector<void*> tensors;
  for (int r = 0; r < world_size(); ++r) tensors.push_back(group_->call_of(r).data);
  const std::int64_t begin = tensor.numel() * rank_ / world_size();
  const std::int64_t end = tensor.numel() * (rank_ + 1) / world_size();
  with_type(tensor.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    switch (op) {
      case ReduceOp::sum:
        return reduce_for_all<T, ReduceOp::sum>(tensors, begin, end);
      case ReduceOp::max:
        return reduce_for_all<T, ReduceOp::max>(tensors, begin, end);
      case ReduceOp::min:
        return reduce_for_all<T, ReduceOp::min>(tensors, begin, end);
    }
  });
  group_->wait();
  return {};
}

Work ThreadCommunicator::do_broadcast(const at::Tensor& tensor, int root) {
  group_->meet(rank_, {.what = CollectiveCall::broadcast(tensor, root), .data = tensor.data_ptr()});
  if (rank_ != root && tensor.numel() > 0)
    std::memcpy(tensor.data_ptr(), group_->call_of(root).data, tensor.nbytes());
  group_->wait();
  return {};
}

Work ThreadCommunicator::do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  group_->meet(rank_, {.what = CollectiveCall::reduce_scatter(input), .input = input.const_data_ptr()});
  std::vector<const void*> sources;
  for (int r = 0; r < world_size(); ++r) sources.push_back(group_->call_of(r).input);
  const std::int64_t begin = output.numel() * rank_;
  with_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    T* to = static_cast<T*>(output.data_ptr());
    reduce_range<T, ReduceOp::sum>(sources, begin, begin + output.numel(),
                                   [&](std::int64_t i, T value) { to[i - begin] = value; });
  });
  group_->wait();
  return {};
}

Work ThreadCommunicator::do_all_gather(const at::Tensor& output, const at::Tensor& input) {
  group_->meet(rank_, {.what = CollectiveCall::all_gather(input), .input = input.const_data_ptr()});
  char* to = static_cast<char*>(output.data_ptr());
  for (int r = 0; r < world_size() && input.numel() > 0; ++r, to += input.nbytes())
    std::memcpy(to, group_->call_of(r).input, input.nbytes());
  group_->wait();
  return {};
}

Work ThreadCommunicator::do_all_to_all(const at::Tensor& output, const at::Tensor& input) {
  group_->meet(rank_, {.what = CollectiveCall::all_to_all(input), .input = input.const_data_ptr()});
  char* to = static_cast<char*>(output.data_ptr());
  const auto part = input.nbytes() / static_cast<std::size_t>(world_size());
  for (int r = 0; r < world_size() && part > 0; ++r, to += part)
    std::memcpy(to,
                static_cast<const char*>(group_->call_of(r).input) + static_cast<std::size_t>(rank_) * part,
                part);
  group_->wait();
  return {};
}

void ThreadCommunicator::do_compare(const CollectiveCall& mine) {
  group_->meet(rank_, {.what = mine});
  group_->wait();
}

void ThreadCommunicator::barrier() {
  require_usable("barrier");
  do_compare({.kind = CollectiveCall::Kind::barrier});
}

std::unique_ptr<Communicator> ThreadCommunicator::duplicate() {
  require_usable("duplicate");
  group_->meet(rank_, {.what = {.kind = CollectiveCall::Kind::duplicate}});
  return std::make_unique<ThreadCommunicator>(group_->second(rank_), rank_);
}

std::unique_ptr<Communicator> ThreadCommunicator::do_split(const std::vector<int>& members) {
  auto group = group_->part(rank_, members);
  if (!group) return nullptr;
  const auto place = std::find(members.begin(), members.end(), rank_) - members.begin();
  return std::make_unique<ThreadCommunicator>(std::move(group), static_cast<int>(place));
}

void ThreadCommunicator::abort(int exit_code) noexcept {
  group_->run().break_off(fmt::format("rank {} ended the job with exit code {}", rank_, exit_code));
}

}  // namespace threads

void run_as_threads(int world_size, const std::function<void(Communicator&)>& body) {
  const auto run = std::make_shared<threads::Run>();
  std::vector<int> everybody(static_cast<std::size_t>(world_size));
  std::iota(everybody.begin(), everybody.end(), 0);
  const auto group = std::make_shared<threads::Group>(run, everybody);
  std::mutex mutex;
  std::exception_ptr first;
  const auto run_rank = [&](int rank) {
    threads::ThreadCommunicator communicator(group, rank);
    try {
      body(communicator);
      run->end_of(rank);
    } catch (...) {
      {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
      }
      run->break_off(fmt::format("another rank failed (rank {})", rank));
    }
  };
  {
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < world_size; ++rank) ranks.emplace_back(run_rank, rank);
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace ringtrain
