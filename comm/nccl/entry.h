#pragma once

#include <string>

#include "comm/communicator.h"

namespace ringtrain::nccl {

/// The one function that libringtrain_nccl.so exports. Makes the communicator, owned by the caller; throws
/// CommError.
using EntryPoint = Communicator* (*)(Communicator& control, const std::string& device);
inline constexpr const char* entry_point_name = "ringtrain_make_nccl_communicator";

}  // namespace ringtrain::nccl
