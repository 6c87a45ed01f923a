#pragma once

#include <functional>

#include "comm/communicator.h"
#include "comm/ring/options.h"

namespace ringtrain {

/// As run_as_threads, with the algorithms of the MPI backend: threads stand for the ranks of hosts of
/// `options.ranks_per_host` ranks each (0: one host), messages between hosts are copies. For tests, where a
/// thread sanitizer sees what processes would share. A group of its ranks (`split`) is one of plain threads.
void run_as_ring_of_threads(int world_size, const RingOptions& options,
                            const std::function<void(Communicator&)>& body);

}  // namespace ringtrain
