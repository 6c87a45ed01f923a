#include "trainer/checks/identifiers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "data/profile/column_roles.h"

namespace ringtrain::checks {
namespace {

/// With fewer rows all being different is no surprise.
constexpr std::size_t kTellingRows = 30;

bool is_whole(double value) { return std::abs(value - std::round(value)) <= 1e-3 + 1e-6 * std::abs(value); }

std::string why_identifier(const Columns& columns, std::size_t c, const ColumnPart& rows) {
  const auto& place = columns.names[c];
  std::vector<double> values;
  for (const double value : rows.columns[c]) values.push_back(std::round(columns.raw(c, value)));
  const std::set<double> distinct(values.begin(), values.end());
  if (place.category) {
    const bool many = 10 * distinct.size() > 5 * values.size();
    return many ? fmt::format("{} different words in {} rows", distinct.size(), values.size()) : "";
  }
  if (distinct.size() < values.size()) return "";
  for (const double value : rows.columns[c])
    if (!is_whole(columns.raw(c, value))) return "";
  if (is_called_id(place.name)) return "all values are different whole numbers, and it is called so";
  if (columns.whole && *distinct.rbegin() - *distinct.begin() + 1 == static_cast<double>(distinct.size()))
    return fmt::format("it counts from {} to {} without gaps", *distinct.begin(), *distinct.rbegin());
  std::vector<std::size_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return rows.places[a] < rows.places[b]; });
  bool rises = true;
  for (std::size_t i = 1; i < order.size(); ++i) rises &= values[order[i]] > values[order[i - 1]];
  return rises ? "whole numbers that rise from row to row" : "";
}

}  // namespace

std::vector<Identifier> identifiers_of(const Columns& columns) {
  std::vector<Identifier> found;
  // Of the same file, unless the parts have files of their own: then rows of the first one.
  std::set<std::int64_t> places;
  std::size_t rows = 0;
  for (const auto& part : columns.parts) {
    places.insert(part.places.begin(), part.places.end());
    rows += part.rows();
  }
  const auto all = places.size() == rows ? columns.joined(rows) : columns.train();
  if (all.rows() < kTellingRows) return found;
  for (std::size_t c = 0; c < columns.names.size(); ++c)
    if (auto why = why_identifier(columns, c, all); !why.empty()) found.push_back({c, std::move(why)});
  return found;
}

}  // namespace ringtrain::checks
