#pragma once

#include <optional>

#include "trainer/data_kinds/data_kind.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// What a run's data need to know of it. It refers to `config` and `fitted`.
DataRequest data_request_of(const RunConfig& config, const std::optional<Preprocessing>& fitted,
                            int ranks_of_host);

}  // namespace ringtrain
