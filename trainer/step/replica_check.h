#pragma once

#include <cstdint>

#include "comm/communicator.h"
#include "trainer/step/replica.h"

namespace ringtrain {

/// Looks whether all ranks hold the same weights: bit for bit, by a checksum of each flat buffer in one pass.
/// Throws CommError on all ranks that names the ranks with other weights than most have (of two: than rank 0)
/// and the first tensor that differs. Collective.
void check_replicas(const Replica& replica, Communicator& control, std::int64_t step);

}  // namespace ringtrain
