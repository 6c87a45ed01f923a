#include "data/schema/column_selection.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

bool any_matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& p) { return matches(p, name); });
}

void require_matches(const DataConfig& config, const std::vector<std::string>& header, std::string_view field,
                     const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns)
    if (std::none_of(header.begin(), header.end(),
                     [&](const std::string& name) { return matches(pattern, name); }))
      throw DataError(fmt::format("{} has no column '{}' (data.features.{}).{}", config.train_file, pattern,
                                  field, did_you_mean(pattern, header)));
}

}  // namespace

ColumnSelection select_columns(const DataConfig& config, const std::vector<std::string>& header) {
  if (std::find(header.begin(), header.end(), config.target) == header.end())
    throw DataError(fmt::format("{} has no column '{}' (data.target).{}", config.train_file, config.target,
                                did_you_mean(config.target, header)));
  require_matches(config, header, "numeric", config.features.numeric);
  require_matches(config, header, "categorical", config.features.categorical);
  require_matches(config, header, "ignore", config.features.ignore);

  ColumnSelection selection{.numeric = {}, .categorical = {}, .target = config.target};
  for (const auto& name : header) {
    if (name == config.target || any_matches(config.features.ignore, name)) continue;
    if (any_matches(config.features.categorical, name))
      selection.categorical.push_back(name);
    else if (any_matches(config.features.numeric, name))
      selection.numeric.push_back(name);
  }
  if (selection.numeric.empty() && selection.categorical.empty())
    throw DataError(fmt::format("{}: no column is left as a feature; see data.features", config.train_file));
  return selection;
}

}  // namespace ringtrain
