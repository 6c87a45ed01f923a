#include "launch/learn/learned_rows.h"

namespace ringtrain {

void LearnedRows::add(const std::vector<StreamRow>& rows) {
  for (const auto& row : rows) {
    const auto& [source, partition, offset] = row.position;
    const bool goes_on =
        !json_.empty() && json_.back().at("source") == source && json_.back().at("partition") == partition;
    if (!goes_on)
      json_.push_back(
          {{"source", source}, {"partition", partition}, {"first", offset}, {"last", offset}, {"rows", 0}});
    auto& last = json_.back();
    last["last"] = offset;
    last["rows"] = last.at("rows").get<std::int64_t>() + 1;
  }
}

}  // namespace ringtrain
