#pragma once

#include <rapidjson/document.h>

#include <string>
#include <vector>

#include "serving/repository/manifest.h"
#include "serving/server/infer_tensor.h"

/// The column that tells rows apart (log.key), in requests of each kind: one key for each row, "" where a row
/// has none; no keys at all where the column is not given.
namespace ringtrain {

/// Of {"instances": …}, rows by names.
std::vector<std::string> keys_of_instances(const rapidjson::Value& instances, const std::string& key);
/// Of {"inputs": …}, columns by names, or an array of rows.
std::vector<std::string> keys_of_inputs(const rapidjson::Value& inputs, const std::string& key);
/// Of an input by the column's name, BYTES or whole numbers; it is taken away where the model has no such
/// column.
std::vector<std::string> take_keys(std::vector<InferTensor>& inputs, const std::string& key,
                                   const Preprocessing& preprocessing);

}  // namespace ringtrain
