#include "serving/server/rollout_key.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "serving/log/json_cell.h"

namespace ringtrain {

static bool knows(const LoadedVersion& version, const std::string& column) {
  if (version.rows) return version.rows->has(column);
  const auto& signature = version.predictor->manifest().preprocessing.signature;
  return signature && signature->find(column) != nullptr;
}

static std::string first_cell(const rapidjson::Value& value) {
  if (!value.IsArray()) return cell_of(value);
  return value.Empty() ? "" : first_cell(value[0]);
}

std::string take_key(rapidjson::Value& rows, const std::string& column, const LoadedVersion& version) {
  const bool stays = knows(version, column);
  const auto take = [&](rapidjson::Value& object) {
    const auto member = object.FindMember(column.c_str());
    if (member == object.MemberEnd()) return std::string();
    auto key = first_cell(member->value);
    if (!stays) object.EraseMember(member);
    return key;
  };
  if (rows.IsObject()) return take(rows);
  std::string first;
  if (!rows.IsArray()) return first;
  for (rapidjson::SizeType r = 0; r < rows.Size(); ++r) {
    if (!rows[r].IsObject()) continue;
    auto key = take(rows[r]);
    if (r == 0) first = std::move(key);
  }
  return first;
}

std::string take_key(std::vector<InferTensor>& inputs, const std::string& column,
                     const LoadedVersion& version) {
  const auto found =
      std::find_if(inputs.begin(), inputs.end(), [&](const InferTensor& one) { return one.name == column; });
  if (found == inputs.end()) return "";
  std::string key = found->strings.empty() ? "" : found->strings.front();
  if (found->values.defined() && found->values.numel() > 0 &&
      at::isIntegralType(found->values.scalar_type(), false))
    key = std::to_string(found->values.reshape({-1})[0].item<std::int64_t>());
  const bool is_logged = version.log && version.log->options().columns.key == column;
  if (!knows(version, column) && !is_logged) inputs.erase(found);
  return key;
}

}  // namespace ringtrain
