#pragma once

#include <c10/cuda/CUDAException.h>
#include <nccl.h>

#include <chrono>
#include <string>

namespace ringtrain::nccl {

/// "ncclAllReduce failed: unhandled system error (last error: ...)"; `communicator` may be null.
std::string error_text(const char* call, ncclResult_t result, ncclComm_t communicator);

/// Throws CommError unless `result` is ncclSuccess or ncclInProgress.
void check(ncclResult_t result, const char* call, ncclComm_t communicator);

/// Waits until a call on a non-blocking communicator has been carried out on the host. Throws CommError when
/// it failed, or is not done after `limit`.
void wait_until_done(ncclComm_t communicator, const char* call, std::chrono::milliseconds limit);

}  // namespace ringtrain::nccl
