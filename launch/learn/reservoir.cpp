#include "launch/learn/reservoir.h"

#include "common/hash.h"

namespace ringtrain {
namespace {

constexpr std::uint64_t kPlaces = 1, kDraws = 2;

/// Below `count`, without the bias of a remainder that would matter.
std::int64_t below(std::int64_t count, std::uint64_t hash) {
  return static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(count));
}

}  // namespace

void Reservoir::add(const StreamRow& row) {
  const auto number = given_++;
  if (number < size_) {
    rows_.push_back(row);
    return;
  }
  const auto place = below(number + 1, seed_of({seed_, kPlaces, static_cast<std::uint64_t>(number)}));
  if (place < size_) rows_[static_cast<std::size_t>(place)] = row;
}

std::vector<StreamRow> Reservoir::draw(std::int64_t step, std::int64_t count) const {
  std::vector<StreamRow> drawn;
  if (rows_.empty()) return drawn;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto hash =
        seed_of({seed_, kDraws, static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(i)});
    drawn.push_back(rows_[static_cast<std::size_t>(below(static_cast<std::int64_t>(rows_.size()), hash))]);
  }
  return drawn;
}

nlohmann::ordered_json Reservoir::to_json() const {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : rows_) rows.push_back(row.to_json());
  return {{"given", given_}, {"rows", std::move(rows)}};
}

void Reservoir::restore(const nlohmann::ordered_json& json) {
  given_ = json.at("given").get<std::int64_t>();
  rows_.clear();
  for (const auto& row : json.at("rows")) rows_.push_back(StreamRow::from_json(row));
}

}  // namespace ringtrain
