#pragma once

#include <cstdint>
#include <string>

#include "common/config.h"

namespace ringtrain {

struct CheckpointConfig {
  std::int64_t every_steps = 0;
  std::int64_t keep = 3, keep_every = 0;
  std::string metric = "loss";
  bool at_start = false;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
