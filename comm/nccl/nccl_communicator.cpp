#include "comm/nccl/nccl_communicator.h"

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <fmt/format.h>

#include "comm/agreement.h"
#include "comm/nccl/nccl_errors.h"
#include "common/errors.h"

namespace ringtrain::nccl {
namespace {

constexpr std::chrono::milliseconds connect_limit = std::chrono::minutes(2);
constexpr std::chrono::milliseconds launch_limit = std::chrono::minutes(2);

ncclDataType_t type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kHalf:
      return ncclFloat16;
    case at::kLong:
      return ncclInt64;
    case at::kInt:
      return ncclInt32;
    default:
      return ncclUint8;
  }
}

ncclRedOp_t operation_of(ReduceOp op) {
  return op == ReduceOp::sum ? ncclSum : op == ReduceOp::max ? ncclMax : ncclMin;
}

std::size_t count_of(const at::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); }

// A collective on its stream.
class Pending : public Work::State {
 public:
  Pending(at::cuda::CUDAEvent done, c10::Device device, ncclComm_t communicator, const char* call)
      : done_(std::move(done)), device_(device), communicator_(communicator), call_(call) {}
  ~Pending() override {
    try {
      order();
    } catch (...) {  // dropped unwaited: silently
    }
  }
  void wait() override {
    order();
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(communicator_, &state), "ncclCommGetAsyncError", communicator_);
    check(state, call_, communicator_);
  }

 private:
  void order() {
    if (std::exchange(ordered_, true)) return;
    process_.require("Work::wait");
    const c10::cuda::CUDAGuard guard(device_);
    done_.block(c10::cuda::getCurrentCUDAStream(device_.index()));
  }
  at::cuda::CUDAEvent done_;
  c10::Device device_;
  ncclComm_t communicator_;
  const char* call_;
  bool ordered_ = false;
  OwnProcess process_;
};

// NCCL's id of the group: made by rank 0, the same on every rank.
ncclUniqueId shared_id(Communicator& control) {
  ncclUniqueId id{};
  together(control, "asking NCCL for an id", [&] {
    if (control.rank() == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId", nullptr);
  });
  const at::Tensor bytes =
      at::from_blob(id.internal, {static_cast<std::int64_t>(sizeof(id.internal))}, at::kByte);
  control.broadcast(bytes, 0).wait();
  control.barrier();
  return id;
}

}  // namespace

NcclCommunicator::NcclCommunicator(std::unique_ptr<Communicator> control, c10::Device device)
    : control_(std::move(control)),
      device_(device),
      stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())) {
  const c10::cuda::CUDAGuard guard(device_);
  ncclUniqueId id = shared_id(*control_);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;  // else a rank that never comes would be waited for without a limit
  try {
    together(*control_, fmt::format("connecting {} by NCCL", device_.str()), [&] {
      check(ncclCommInitRankConfig(&communicator_, world_size(), id, rank(), &config),
            "ncclCommInitRankConfig", nullptr);
      wait_until_done(communicator_, "ncclCommInitRankConfig", connect_limit);
    });
  } catch (...) {
    give_up();
    throw;
  }
}

NcclCommunicator::~NcclCommunicator() { give_up(); }

void NcclCommunicator::give_up() noexcept {
  if (communicator_ && process().here()) ncclCommAbort(std::exchange(communicator_, nullptr));
}

template <class Launch>
Work NcclCommunicator::launch(const char* call, const Launch& body) {
  if (!communicator_)
    throw CommError(
        fmt::format("{}: the communicator was given up after an error; start again with --resume", call));
  const c10::cuda::CUDAGuard guard(device_);
  try {
    at::cuda::CUDAEvent ready, done;
    ready.record(c10::cuda::getCurrentCUDAStream(device_.index()));
    ready.block(stream_);
    check(body(), call, communicator_);
    wait_until_done(communicator_, call, launch_limit);  // on the host alone; at once, but for the first call
    done.record(stream_);
    return Work(std::make_unique<Pending>(std::move(done), device_, communicator_, call));
  } catch (const CommError& error) {
    give_up();
    throw CommError(fmt::format("rank {} of {}, {}: {}", rank(), world_size(), device_.str(), error.what()));
  }
}

Work NcclCommunicator::do_all_reduce(const at::Tensor& tensor, ReduceOp op) {
  return launch("ncclAllReduce", [&] {
    return ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), count_of(tensor), type_of(tensor),
                         operation_of(op), communicator_, stream_.stream());
  });
}

Work NcclCommunicator::do_broadcast(const at::Tensor& tensor, int root) {
  return launch("ncclBroadcast", [&] {
    return ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), count_of(tensor), type_of(tensor), root,
                         communicator_, stream_.stream());
  });
}

Work NcclCommunicator::do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  return launch("ncclReduceScatter", [&] {
    return ncclReduceScatter(input.const_data_ptr(), output.data_ptr(), count_of(output), type_of(input),
                             ncclSum, communicator_, stream_.stream());
  });
}

Work NcclCommunicator::do_all_gather(const at::Tensor& output, const at::Tensor& input) {
  return launch("ncclAllGather", [&] {
    return ncclAllGather(input.const_data_ptr(), output.data_ptr(), count_of(input), type_of(input),
                         communicator_, stream_.stream());
  });
}

Work NcclCommunicator::do_all_to_all(const at::Tensor& output, const at::Tensor& input) {
  return launch("ncclAlltoAll", [&] {
    return ncclAlltoAll(input.const_data_ptr(), output.data_ptr(),
                        count_of(input) / static_cast<std::size_t>(world_size()), type_of(input),
                        communicator_, stream_.stream());
  });
}

void NcclCommunicator::barrier() {
  require_usable("barrier");
  const c10::cuda::CUDAGuard guard(device_);
  stream_.synchronize();
  control_->barrier();
}

std::unique_ptr<Communicator> NcclCommunicator::duplicate() {
  require_usable("duplicate");
  return std::make_unique<NcclCommunicator>(control_->duplicate(), device_);
}

std::unique_ptr<Communicator> NcclCommunicator::do_split(const std::vector<int>& members) {
  auto control = split_of(*control_, members);
  return control ? std::make_unique<NcclCommunicator>(std::move(control), device_) : nullptr;
}

void NcclCommunicator::abort(int exit_code) noexcept {
  give_up();
  control_->abort(exit_code);
}

}  // namespace ringtrain::nccl
