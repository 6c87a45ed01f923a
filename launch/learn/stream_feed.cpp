#include "launch/learn/stream_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/log.h"
#include "common/text.h"
#include "data/schema/excerpt.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

ordered_json rows_json(const std::deque<StreamRow>& rows) {
  auto json = ordered_json::array();
  for (const auto& row : rows) json.push_back(row.to_json());
  return json;
}

std::deque<StreamRow> rows_of(const ordered_json& json) {
  std::deque<StreamRow> rows;
  for (const auto& row : json) rows.push_back(StreamRow::from_json(row));
  return rows;
}

std::int64_t bytes_before(const ordered_json& state) {
  return state.is_null() ? 0 : state.at("quarantine_bytes").get<std::int64_t>();
}

}  // namespace

std::int64_t StreamCounts::refused() const {
  std::int64_t sum = 0;
  for (const auto& [guard, rows] : quarantined) sum += rows;
  return sum;
}

ordered_json StreamCounts::to_json() const {
  return {{"read", read},
          {"learned", learned},
          {"held_out", held_out},
          {"without_truth", without_truth},
          {"quarantined", quarantined}};
}

StreamCounts StreamCounts::from_json(const ordered_json& json) {
  StreamCounts counts;
  counts.read = json.at("read").get<std::int64_t>();
  counts.learned = json.at("learned").get<std::int64_t>();
  counts.held_out = json.at("held_out").get<std::int64_t>();
  counts.without_truth = json.at("without_truth").get<std::int64_t>();
  for (const auto& [guard, rows] : json.at("quarantined").items())
    counts.quarantined[guard] = rows.get<std::int64_t>();
  return counts;
}

StreamFeed::StreamFeed(std::unique_ptr<StreamSource> source, const Options& options,
                       const ordered_json& state)
    : source_(std::move(source)),
      reader_(options.schema, options.columns),
      range_(options.schema, options.learn.guards.far),
      key_(options.learn.guards.key_share, options.learn.guards.key_rows),
      learn_(options.learn),
      quarantine_(options.quarantine, bytes_before(state)) {
  if (state.is_null()) return;
  source_->seek(state.at("position"));
  key_.restore(state.at("keys"));
  pending_ = rows_of(state.at("pending"));
  held_out_ = rows_of(state.at("held_out"));
  counts_ = StreamCounts::from_json(state.at("counts"));
  accepted_ = state.at("accepted").get<std::int64_t>();
  time_ = state.at("time").get<double>();
  last_source_ = state.at("source").get<std::string>();
  first_refused_ = state.at("first_refused").get<std::string>();
}

ordered_json StreamFeed::state() {
  quarantine_.sync();
  return {{"position", source_->position()},
          {"quarantine_bytes", quarantine_.bytes()},
          {"keys", key_.to_json()},
          {"pending", rows_json(pending_)},
          {"held_out", rows_json(held_out_)},
          {"counts", counts_.to_json()},
          {"accepted", accepted_},
          {"time", time_},
          {"source", last_source_},
          {"first_refused", first_refused_}};
}

StreamSource::Next StreamFeed::fill(std::int64_t count, std::optional<std::int64_t> read,
                                    const std::function<bool()>& stop,
                                    const std::function<void(const std::string&)>& new_source) {
  StreamRecord record;
  while (read ? counts_.read < *read : waiting() < count) {
    if (stop()) return StreamSource::Next::nothing_yet;
    const auto next = source_->next(record);
    if (next != StreamSource::Next::record) return next;
    if (record.position.source != last_source_) {
      new_source(record.position.source);
      last_source_ = record.position.source;
    }
    deal(record);
  }
  return StreamSource::Next::record;
}

std::vector<StreamRow> StreamFeed::take(std::int64_t count) {
  const auto end = pending_.begin() + std::min(count, waiting());
  std::vector<StreamRow> rows(std::make_move_iterator(pending_.begin()), std::make_move_iterator(end));
  pending_.erase(pending_.begin(), end);
  counts_.learned += static_cast<std::int64_t>(rows.size());
  return rows;
}

void StreamFeed::deal(const StreamRecord& record) {
  ++counts_.read;
  StreamRow row;
  std::string why;
  const auto outcome = reader_.read(record, row, why);
  if (outcome == RowReader::Outcome::refused) return quarantine(record, "schema", why);
  if (why = range_.why_refused(row); !why.empty()) return quarantine(record, "range", why);
  if (outcome == RowReader::Outcome::without_truth) {
    ++counts_.without_truth;
    return;
  }
  if (!key_.takes(row.key))
    return quarantine(
        record, "key",
        fmt::format("{} of the last {} rows are {} already (learn.guards.key_share: {})",
                    with_commas(key_.most()), with_commas(learn_.guards.key_rows),
                    learn_.guards.key.empty() ? "equal to it" : "of the same " + learn_.guards.key,
                    learn_.guards.key_share));
  time_ = std::max(time_, row.time);
  if (++accepted_ % learn_.hold_out_every != 0) {
    pending_.push_back(std::move(row));
    return;
  }
  ++counts_.held_out;
  held_out_.push_back(std::move(row));
  if (static_cast<std::int64_t>(held_out_.size()) > learn_.held_out_rows) held_out_.pop_front();
}

void StreamFeed::quarantine(const StreamRecord& record, const std::string& guard, const std::string& why) {
  const auto& at = record.position;
  const ordered_json line{{"source", at.source}, {"partition", at.partition},
                          {"offset", at.offset}, {"guard", guard},
                          {"why", why},          {"row", record.text}};
  quarantine_.add(line.dump(-1, ' ', false, ordered_json::error_handler_t::replace), false);
  if (++counts_.quarantined[guard] == 1)
    log::warn(fmt::format("{} at {}: quarantined: {}. {} has it and others of its kind", at.source, at.offset,
                          why, quarantine_.path().string()));
  if (first_refused_.empty()) first_refused_ = fmt::format("{} at byte {}: {}", at.source, at.offset, why);
}

std::int64_t StreamFeed::day() const {
  if (!learn_.guards.time.empty()) return static_cast<std::int64_t>(std::floor(time_));
  return counts_.read / learn_.guards.day_rows;
}

}  // namespace ringtrain
