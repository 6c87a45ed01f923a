#include "serving/server/request_keys.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "serving/log/json_cell.h"

namespace ringtrain {

static bool is_column(const Preprocessing& preprocessing, const std::string& name) {
  const auto is_it = [&](const auto& column) { return column.name == name; };
  return std::any_of(preprocessing.numeric.begin(), preprocessing.numeric.end(), is_it) ||
         std::any_of(preprocessing.categorical.begin(), preprocessing.categorical.end(), is_it);
}

std::vector<std::string> keys_of_instances(const rapidjson::Value& instances, const std::string& key) {
  std::vector<std::string> keys;
  if (key.empty() || !instances.IsArray()) return keys;
  bool any = false;
  for (const auto& row : instances.GetArray()) {
    const auto* found = row.IsObject() && row.HasMember(key.c_str()) ? &row[key.c_str()] : nullptr;
    keys.push_back(found ? cell_of(*found) : "");
    any = any || found;
  }
  if (!any) keys.clear();
  return keys;
}

std::vector<std::string> keys_of_inputs(const rapidjson::Value& inputs, const std::string& key) {
  if (key.empty() || inputs.IsArray()) return keys_of_instances(inputs, key);
  std::vector<std::string> keys;
  if (!inputs.IsObject() || !inputs.HasMember(key.c_str()) || !inputs[key.c_str()].IsArray()) return keys;
  for (const auto& value : inputs[key.c_str()].GetArray())
    keys.push_back(cell_of(value.IsArray() && value.Size() == 1 ? value[0] : value));
  return keys;
}

std::vector<std::string> take_keys(std::vector<InferTensor>& inputs, const std::string& key,
                                   const Preprocessing& preprocessing) {
  std::vector<std::string> keys;
  const auto found =
      std::find_if(inputs.begin(), inputs.end(), [&](const InferTensor& one) { return one.name == key; });
  if (key.empty() || found == inputs.end()) return keys;
  keys = found->strings;
  if (found->values.defined() && at::isIntegralType(found->values.scalar_type(), false)) {
    const at::Tensor whole = found->values.to(at::kLong).contiguous();
    for (std::int64_t i = 0; i < whole.numel(); ++i)
      keys.push_back(std::to_string(whole.const_data_ptr<std::int64_t>()[i]));
  }
  if (!is_column(preprocessing, key)) inputs.erase(found);
  return keys;
}

}  // namespace ringtrain
