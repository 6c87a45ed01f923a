#include "serving/server/grpc_calls.h"

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {

/// How long a message that is on its way may take when the server ends.
static constexpr auto kArrival = std::chrono::seconds(1);

std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) throw DataError("the message cannot be read");
  std::string text;
  for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

void SilentCalls::end(std::chrono::system_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  ended_ = true;
  deadline_ = deadline;
  none_.wait_until(lock, std::min(deadline, std::chrono::system_clock::now() + kArrival),
                   [this] { return calls_.empty(); });
  for (auto* call : calls_) call->TryCancel();
}

}  // namespace ringtrain
