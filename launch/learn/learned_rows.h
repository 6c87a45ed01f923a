#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/learn/stream_row.h"

namespace ringtrain {

/// Which rows were learned from: the first and the last position in each source, in order, and how many lie
/// between. Rows between them that were not learned from are in the quarantine, or were held out.
class LearnedRows {
 public:
  void add(const std::vector<StreamRow>& rows);
  /// [{"source", "partition", "first", "last", "rows"}, ...].
  nlohmann::ordered_json to_json() const { return json_; }
  void restore(const nlohmann::ordered_json& json) { json_ = json; }

 private:
  nlohmann::ordered_json json_ = nlohmann::ordered_json::array();
};

}  // namespace ringtrain
