#include "comm/nccl/nccl_errors.h"

#include <fmt/format.h>

#include <thread>

#include "common/errors.h"

namespace ringtrain::nccl {

std::string error_text(const char* call, ncclResult_t result, ncclComm_t communicator) {
  const char* last = ncclGetLastError(communicator);
  return fmt::format("{} failed: {}{}", call, ncclGetErrorString(result),
                     last && *last ? fmt::format(" (last error: {})", last)
                                   : " (NCCL_DEBUG=WARN in the environment tells more)");
}

void check(ncclResult_t result, const char* call, ncclComm_t communicator) {
  if (result != ncclSuccess && result != ncclInProgress)
    throw CommError(error_text(call, result, communicator));
}

void wait_until_done(ncclComm_t communicator, const char* call, std::chrono::milliseconds limit) {
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(communicator, &state), "ncclCommGetAsyncError", communicator);
    if (state == ncclSuccess) return;
    if (state != ncclInProgress) throw CommError(error_text(call, state, communicator));
    const auto waited = std::chrono::steady_clock::now() - start;
    if (waited > limit)
      throw CommError(
          fmt::format("{} is not done after {} s: another rank has not arrived, or the network between the "
                      "ranks is blocked (NCCL_SOCKET_IFNAME chooses the network, NCCL_DEBUG=INFO tells more)",
                      call, std::chrono::duration_cast<std::chrono::seconds>(limit).count()));
    // The first calls are awaited for milliseconds to seconds, later ones not at all.
    if (waited > std::chrono::milliseconds(1))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    else
      std::this_thread::yield();
  }
}

}  // namespace ringtrain::nccl
