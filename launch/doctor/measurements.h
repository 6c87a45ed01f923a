#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "comm/world.h"

namespace ringtrain::doctor {

/// Between two hosts, by their first ranks.
struct Link {
  int a = 0, b = 0;  ///< numbers of hosts
  /// One MPI stream, the better of two turns.
  double forth = 0, back = 0;  ///< bytes a second, from a to b and from b to a
  double latency_s = 0;        ///< half a round trip of 8 bytes
  double slower() const { return std::min(forth, back); }
};

/// Which ranks are whose.
struct Layout {
  std::vector<std::string> hosts;  ///< in the order of their first ranks
  std::vector<int> first_ranks;
  std::vector<int> host_of;  ///< by rank
  std::vector<int> ranks;    ///< of each host
};
/// Collective.
Layout find_layout(World& world);

/// One link after the other, so that none disturbs another: all pairs of up to 8 hosts, of more the
/// neighbours in a ring. About half a second a link. Collective; the result is rank 0's.
std::vector<Link> measure_links(const World& world, const Layout& layout);

/// How far each host's clock is ahead of the first one's, in seconds. Collective; rank 0's.
std::vector<double> measure_clocks(const World& world, const Layout& layout);

/// All-reduce over all ranks, as training does it.
struct AllReduce {
  double latency_s = 0;           ///< of 4 KiB
  double bus_bytes_a_second = 0;  ///< of 16 MiB: 2 (N-1)/N × bytes / time
};
AllReduce measure_all_reduce(World& world);

}  // namespace ringtrain::doctor
