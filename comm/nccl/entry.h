#pragma once

#include <functional>
#include <string>

#include "comm/communicator.h"
#include "comm/device_graph.h"

namespace ringtrain::nccl {

/// What libringtrain_nccl.so exports: one function, which gives this table. What its functions return is the
/// caller's; `device`: "cuda:N".
struct Entry {
  /// Throws CommError.
  Communicator* (*make_communicator)(Communicator& control, const std::string& device);
  void (*use_own_stream)(const std::string& device);
  /// Throws what `work` throws, and CommError.
  DeviceGraph* (*record)(const std::string& device, const std::function<void()>& work);
};
using EntryPoint = const Entry* (*)();
inline constexpr const char* entry_point_name = "ringtrain_nccl_entry";

}  // namespace ringtrain::nccl
