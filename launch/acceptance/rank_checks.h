#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "comm/world.h"

namespace ringtrain::acceptance {

/// What ranks check among themselves, on the communicator that training would take there.
struct RankOptions {
  bool share_gpus = false;
  bool quick = false;  ///< smaller sizes
};

/// Every collective, type and size against values that each rank computes by itself: {backend, devices,
/// cases, failures [text]}. Throws CommError where a collective fails outright. Collective.
nlohmann::json check_collectives(World& world, const RankOptions& options);

/// All-reduce by size: {backend, rows [{bytes, seconds, bus_bytes_a_second}]}. Collective.
nlohmann::json measure_bandwidth(World& world, const RankOptions& options);

/// What a rank's answer begins with on the standard output, so that it is found among other lines.
inline constexpr const char* kAnswer = "ringtrain-acceptance: ";

}  // namespace ringtrain::acceptance
