#include "data/table/column_order.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

/// Where each of the wanted columns is among `names`; those that are not there go to `missing`.
template <class Column>
std::vector<std::int64_t> places_of(const std::vector<Column>& wanted, const std::vector<std::string>& names,
                                    std::vector<std::string>& missing) {
  std::vector<std::int64_t> places;
  for (const auto& column : wanted) {
    const auto found = std::find(names.begin(), names.end(), column.name);
    if (found == names.end())
      missing.push_back(column.name);
    else
      places.push_back(found - names.begin());
  }
  return places;
}

template <class Column>
std::vector<std::string> names_of(const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace

std::vector<std::string> order_columns(const Preprocessing& preprocessing, Table& table) {
  const auto numeric = names_of(preprocessing.numeric), words = names_of(preprocessing.categorical);
  if (table.numeric_names == numeric && table.categorical_names == words) return {};
  std::vector<std::string> missing, unknown;
  const auto number_places = places_of(preprocessing.numeric, table.numeric_names, missing);
  const auto word_places = places_of(preprocessing.categorical, table.categorical_names, missing);
  if (!missing.empty())
    throw DataError(fmt::format(
        "the columns {} that the checkpoint was trained on are not among the features; give the file these "
        "columns, and data.features as they were",
        join(missing)));
  const auto collect = [&unknown](const auto& names, const auto& known) {
    for (const auto& name : names)
      if (std::find(known.begin(), known.end(), name) == known.end()) unknown.push_back(name);
  };
  collect(table.numeric_names, numeric);
  collect(table.categorical_names, words);
  table.numeric = table.numeric.index_select(1, at::tensor(number_places, at::kLong)).contiguous();
  table.numeric_names = numeric;
  std::vector<std::vector<std::string>> ordered;
  for (const auto place : word_places) ordered.push_back(table.categorical[static_cast<std::size_t>(place)]);
  table.categorical = std::move(ordered);
  table.categorical_names = words;
  return unknown;
}

}  // namespace ringtrain
