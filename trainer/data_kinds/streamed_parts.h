#pragma once

#include <string>

#include "comm/communicator.h"
#include "data/data_config.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain {

/// The data of a run whose tables are read in blocks (data.streaming): index, split and statistics are looked
/// up beside the data or made, shared among the ranks. Throws, on all ranks alike, ConfigError where the
/// windows do not fit into data.streaming.memory_mib; DataError. Collective.
PreparedData prepare_streamed(const TableConfig& config, const DataRequest& request, Communicator& control);

/// Of the content of all files, as their indexes say it; one that is not there is made.
std::string hash_of_streamed(const TableConfig& config);

}  // namespace ringtrain
