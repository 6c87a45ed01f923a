#include "data/table/column_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {

std::vector<std::size_t> places_of_columns(const std::filesystem::path& file,
                                           const std::vector<std::string>& header,
                                           const WantedColumns& wanted) {
  std::vector<std::string> names = wanted.numeric;
  names.insert(names.end(), wanted.categorical.begin(), wanted.categorical.end());
  if (!wanted.key.empty() && std::find(header.begin(), header.end(), wanted.key) == header.end())
    throw DataError(
        fmt::format("{} lacks the column '{}' (--key); it has: {}", file.string(), wanted.key, join(header)));
  std::vector<std::string> lacking;
  std::vector<std::size_t> places;
  for (const auto& name : names) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) lacking.push_back("'" + name + "'");
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  if (!lacking.empty())
    throw DataError(fmt::format("{} lacks {} {} that the model takes; it has: {}", file.string(),
                                lacking.size() == 1 ? "the column" : "columns", join(lacking), join(header)));
  if (!wanted.key.empty())
    places.push_back(
        static_cast<std::size_t>(std::find(header.begin(), header.end(), wanted.key) - header.begin()));
  return places;
}

}  // namespace ringtrain
