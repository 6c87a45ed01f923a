#pragma once

#include "comm/averaging/gradient_averager.h"
#include "comm/ring/options.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// The `comm:` block in the terms of the folders that carry it out. Its values were checked when it was read.
RingOptions ring_options(const CommConfig& config);
AveragerOptions averager_options(const CommConfig& config);

}  // namespace ringtrain
