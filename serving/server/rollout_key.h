#pragma once

#include <rapidjson/document.h>

#include <string>
#include <vector>

#include "serving/server/infer_tensor.h"
#include "serving/server/loaded_version.h"

/// The field by which a canary tells its requests apart (RolloutTrial::key), in requests of each kind: the
/// first row's value, "" where it is not given. It is taken away where `version` does not know it.
namespace ringtrain {

/// Of {"instances": …} or {"inputs": …}: rows by names, or columns by names.
std::string take_key(rapidjson::Value& rows, const std::string& column, const LoadedVersion& version);
/// Of an input by the column's name, BYTES or whole numbers.
std::string take_key(std::vector<InferTensor>& inputs, const std::string& column,
                     const LoadedVersion& version);

}  // namespace ringtrain
