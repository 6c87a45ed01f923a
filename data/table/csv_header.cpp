#include "data/table/csv_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "common/text.h"
#include "data/schema/excerpt.h"
#include "data/schema/reading.h"

namespace ringtrain {
namespace {

/// "1, 2, 3 and 40 more".
std::string first_of(const std::vector<std::string>& all) {
  constexpr std::size_t shown = 10;
  if (all.size() <= shown) return join(all);
  return fmt::format("{} and {} more", join({all.begin(), all.begin() + shown}),
                     with_commas(static_cast<long long>(all.size() - shown)));
}

/// What is said of the names that occur more than once, with their places; "" where none does.
std::string double_names(const std::vector<std::string>& names) {
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return names[a] < names[b]; });
  std::vector<std::pair<std::size_t, std::string>> found;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t stop = i + 1;
    while (stop < order.size() && names[order[stop]] == names[order[i]]) ++stop;
    if (stop - i > 1 && !names[order[i]].empty()) {
      std::vector<std::string> places;
      for (auto at = i; at < stop; ++at) places.push_back(with_commas(static_cast<long long>(order[at]) + 1));
      found.emplace_back(order[i],
                         fmt::format("{} (columns {})", excerpt(names[order[i]]), first_of(places)));
    }
    i = stop;
  }
  if (found.empty()) return "";
  std::sort(found.begin(), found.end());
  std::vector<std::string> texts;
  for (auto& [place, text] : found) texts.push_back(std::move(text));
  return fmt::format("names that occur more than once: {}; rename all but one", first_of(texts));
}

}  // namespace

std::vector<std::string> read_header(CsvScanner& scanner) {
  std::vector<std::string_view> fields;
  if (!scanner.next(fields))
    throw DataError(fmt::format("{} is empty; a CSV file with a header line is expected", scanner.name()));
  std::vector<std::string> names, nameless, problems;
  for (const auto field : fields) {
    names.emplace_back(trimmed(field));
    if (names.back().empty()) nameless.push_back(with_commas(static_cast<long long>(names.size())));
  }
  if (!nameless.empty())
    problems.push_back(fmt::format("{} without a name: {} of {}",
                                   nameless.size() == 1 ? "a column" : "columns", first_of(nameless),
                                   with_commas(static_cast<long long>(names.size()))));
  if (auto twice = double_names(names); !twice.empty()) problems.push_back(std::move(twice));
  if (!problems.empty())
    throw DataError(fmt::format("{}: {} has {}", scanner.name(), scanner.place(), join(problems, ", and ")));
  scanner.name_columns(names);
  return names;
}

}  // namespace ringtrain
