#pragma once

#include <optional>
#include <vector>

#include "comm/communicator.h"

namespace ringtrain {

/// Who is in this rank's group: the ranks that give the same `color`, in the order of `key`, then of rank.
/// Empty where this rank gives none. Throws CommError, on all ranks, where a color is negative. Collective.
std::vector<int> members_of_group(Communicator& communicator, std::optional<int> color, int key);

}  // namespace ringtrain
