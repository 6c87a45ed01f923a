#include "comm/ring/ring_communicator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "comm/collective_call.h"

namespace ringtrain::ring {
namespace {

constexpr std::int64_t piece_bytes = 1 << 20;  // of the sizes measured the fastest: docs/comm.md

}  // namespace

RingCommunicator::RingCommunicator(const Factory& factory, const Regroup& regroup)
    : factory_(factory), regroup_(regroup), parts_(factory()) {
  staging_ = parts_.neighbours->allocate(2 * piece_bytes, at::TensorOptions(at::kByte));
  token_ = at::zeros({1}, at::TensorOptions(at::kLong));
  pipeline_ = std::make_unique<Pipeline>(parts_.seat, parts_.thread);
}

// In a child process its lock may be held and its thread awaited by nobody that is there.
RingCommunicator::~RingCommunicator() {
  if (!process().here()) (void)pipeline_.release();
}

void RingCommunicator::do_compare(const CollectiveCall& mine) {
  if (parts_.seat.several_hosts) return compare_of(*parts_.base, mine);
  if (mine.kind == CollectiveCall::Kind::all_reduce && mine.numel > 0) return;
  token_.zero_();
  Work(*pipeline_, pipeline_->begin(token_, ReduceOp::sum, mine)).wait();
}

// Ends when all have announced it.
void RingCommunicator::barrier() {
  require_usable("barrier");
  do_compare({.kind = CollectiveCall::Kind::barrier});
}

std::unique_ptr<Communicator> RingCommunicator::duplicate() {
  require_usable("duplicate");
  do_compare({.kind = CollectiveCall::Kind::duplicate});
  return std::make_unique<RingCommunicator>(factory_, regroup_);
}

at::Tensor RingCommunicator::allocate(std::int64_t numel, const at::TensorOptions& options) {
  if (!options.device().is_cpu()) return Communicator::allocate(numel, options);
  require_usable("allocate");
  do_compare(CollectiveCall::allocate(numel, c10::typeMetaToScalarType(options.dtype())));
  return parts_.neighbours->allocate(numel, options);
}

Work RingCommunicator::do_all_reduce(const at::Tensor& tensor, ReduceOp op) {
  if (tensor.numel() == 0) return {};
  if (tensor.nbytes() <= payload_bytes || parts_.neighbours->place_of(tensor.data_ptr(), tensor.nbytes()))
    return {*pipeline_, pipeline_->begin(tensor, op, CollectiveCall::all_reduce(tensor, op))};
  reduce_in_pieces(tensor, op);
  return {};
}

// One piece is copied in or out while the other one is reduced.
void RingCommunicator::reduce_in_pieces(const at::Tensor& tensor, ReduceOp op) {
  const auto size = static_cast<std::int64_t>(tensor.element_size());
  const std::int64_t piece = piece_bytes / size;
  auto* data = static_cast<std::byte*>(tensor.data_ptr());
  const CollectiveCall what = CollectiveCall::all_reduce(tensor, op);
  const at::Tensor staging = staging_.view(tensor.scalar_type());
  struct Piece {
    Work work;
    at::Tensor staged;
    std::byte* target = nullptr;
  } under_way[2];
  const auto end = [](Piece& one) {
    one.work.wait();
    if (one.target)
      std::memcpy(std::exchange(one.target, nullptr), one.staged.data_ptr(), one.staged.nbytes());
  };
  std::int64_t number = 0;
  for (std::int64_t offset = 0; offset < tensor.numel(); offset += piece, ++number) {
    Piece& one = under_way[number % 2];
    end(one);
    one.staged = staging.narrow(0, number % 2 * piece, std::min(piece, tensor.numel() - offset));
    one.target = data + offset * size;
    std::memcpy(one.staged.data_ptr(), one.target, one.staged.nbytes());
    one.work = Work(*pipeline_, pipeline_->begin(one.staged, op, what));
  }
  end(under_way[number % 2]);
  end(under_way[(number + 1) % 2]);
}

}  // namespace ringtrain::ring
