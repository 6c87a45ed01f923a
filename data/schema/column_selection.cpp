#include "data/schema/column_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

using Names = std::vector<std::string>;

/// Whether a pattern is a name as it stands, without stars, nor what is written so that they are no stars.
bool is_name(const std::string& pattern) { return pattern.find_first_of("*\\") == std::string::npos; }

/// The columns that some patterns name.
class Patterns {
 public:
  explicit Patterns(const Names& patterns) {
    for (const auto& pattern : patterns) (is_name(pattern) ? exact_ : with_stars_).insert(pattern);
  }
  bool exactly(const std::string& name) const { return exact_.contains(name); }
  bool match(const std::string& name) const {
    return exactly(name) || std::any_of(with_stars_.begin(), with_stars_.end(),
                                        [&](const auto& pattern) { return matches(pattern, name); });
  }

 private:
  std::unordered_set<std::string> exact_, with_stars_;
};

/// The names of a file as an error lists them.
std::string listed(const Names& names) {
  constexpr std::size_t most = 30;
  if (names.size() <= most) return join(names);
  return fmt::format("{} and {} more", join({names.begin(), names.begin() + most}),
                     with_commas(static_cast<long long>(names.size() - most)));
}

std::string no_column(const std::string& file, const std::string& name, std::string_view field,
                      const Names& header) {
  const auto meant = did_you_mean(name, header);
  return fmt::format("{} has no column '{}' (data.{}).{}", file, name, field,
                     meant.empty() ? " It has: " + listed(header) : meant);
}

void find_unmatched(const TableConfig& config, const Names& header, std::string_view field,
                    const Names& patterns, Names& problems) {
  const std::unordered_set<std::string_view> names(header.begin(), header.end());
  for (const auto& pattern : patterns) {
    const bool found = is_name(pattern) ? names.contains(pattern)
                                        : std::any_of(header.begin(), header.end(), [&](const auto& name) {
                                            return matches(pattern, name);
                                          });
    if (!found)
      problems.push_back(no_column(config.train_file, pattern, fmt::format("features.{}", field), header));
  }
}

}  // namespace

ColumnSelection select_columns(const TableConfig& config, const FileColumns& columns) {
  const auto& header = columns.names;
  Names problems;
  const auto require = [&](const std::string& name, std::string_view field) {
    if (std::find(header.begin(), header.end(), name) == header.end())
      problems.push_back(no_column(config.train_file, name, field, header));
  };
  for (const auto& target : config.targets) require(target, "target");
  if (!config.weight.empty()) require(config.weight, "weight");
  if (!config.split.group.empty()) require(config.split.group, "split.group");
  if (!config.split.time.empty()) require(config.split.time, "split.time");
  find_unmatched(config, header, "numeric", config.features.numeric, problems);
  find_unmatched(config, header, "categorical", config.features.categorical, problems);
  find_unmatched(config, header, "date", config.features.date, problems);
  find_unmatched(config, header, "ignore", config.features.ignore, problems);
  if (!problems.empty()) throw DataError(join(problems, "\n  "));

  const Patterns numeric(config.features.numeric), categorical(config.features.categorical),
      date(config.features.date), ignore(config.features.ignore);
  const std::unordered_set<std::string_view> index(columns.index.begin(), columns.index.end());
  ColumnSelection selection{.numeric = {},
                            .categorical = {},
                            .targets = config.targets,
                            .weight = config.weight,
                            .left_out = {},
                            .ignored = {},
                            .group = config.split.group,
                            .time = config.split.time};
  const std::unordered_set<std::string_view> targets(config.targets.begin(), config.targets.end());
  Names dates;
  for (const auto& name : header) {
    if (targets.contains(name)) continue;
    if (name == config.weight || ignore.match(name))
      selection.ignored.push_back(name);
    else if (index.contains(name) && !numeric.exactly(name) && !categorical.exactly(name) &&
             !date.exactly(name))
      selection.left_out.push_back(name);
    else if (date.match(name))
      dates.push_back(name);
    else if (categorical.match(name))
      selection.categorical.push_back(name);
    else if (numeric.match(name))
      selection.numeric.emplace_back(name);
    else
      selection.ignored.push_back(name);
  }
  selection.ignored.insert(selection.ignored.end(), selection.left_out.begin(), selection.left_out.end());
  for (const auto& name : dates)
    for (const auto& [part, suffix] : {std::pair{DatePart::year, "year"},
                                       {DatePart::month, "month"},
                                       {DatePart::weekday, "weekday"},
                                       {DatePart::hour, "hour"},
                                       {DatePart::days, "days"}})
      selection.numeric.emplace_back(name + "." + suffix, name, part);
  if (selection.numeric.empty() && selection.categorical.empty())
    throw DataError(fmt::format("{}: no column is left as a feature; see data.features. It has: {}",
                                config.train_file, listed(header)));
  encodings_of(config.features, selection.categorical);  // before anything is read
  return selection;
}

std::vector<Encoding> encodings_of(const FeaturesConfig& features, const Names& columns) {
  struct Choice {
    const char* name;
    Encoding encoding;
    const Names& patterns;
  };
  const std::array<Choice, 3> choices{{{"one_hot", Encoding::one_hot, features.encodings.one_hot},
                                       {"embedding", Encoding::embedding, features.encodings.embedding},
                                       {"hash", Encoding::hash, features.encodings.hash}}};
  Names problems;
  std::vector<Encoding> encodings;
  for (const auto& choice : choices)
    for (const auto& pattern : choice.patterns)
      if (std::none_of(columns.begin(), columns.end(),
                       [&](const auto& column) { return matches(pattern, column); }))
        problems.push_back(fmt::format(
            "data.features.encodings.{}: no categorical column is called '{}'.{}", choice.name, pattern,
            columns.empty() ? " There is none; list it under data.features.categorical, too"
                            : fmt::format(" They are: {} (data.features.categorical)", listed(columns))));
  for (const auto& column : columns) {
    Names lists;
    auto& encoding = encodings.emplace_back(Encoding::one_hot);
    for (const auto& choice : choices)
      if (features.encoding == choice.name) encoding = choice.encoding;
    for (const auto& choice : choices) {
      if (!Patterns(choice.patterns).match(column)) continue;
      encoding = choice.encoding;
      lists.emplace_back(choice.name);
    }
    if (lists.size() > 1)
      problems.push_back(
          fmt::format("data.features.encodings: '{}' is matched by the lists {}; one of them "
                      "has to leave it out",
                      column, join(lists, " and ")));
  }
  if (!problems.empty()) throw DataError(join(problems, "\n  "));
  return encodings;
}

WantedColumns columns_of_schema(const Preprocessing& schema, const CsvConfig& csv) {
  WantedColumns wanted;
  wanted.csv = csv;
  wanted.reading = schema.reading;
  for (const auto& column : schema.numeric)
    wanted.numeric.emplace_back(column.name, column.column(), column.part);
  for (const auto& column : schema.categorical) wanted.categorical.push_back(column.name);
  return wanted;
}

ColumnSelection select_columns(const Preprocessing& schema, const TableConfig& config,
                               const FileColumns& columns) {
  if (!schema.targets.empty() && schema.targets.size() != config.targets.size())
    throw DataError(fmt::format("data.target names {} column{} ({}), but the model was trained with {} ({})",
                                config.targets.size(), config.targets.size() == 1 ? "" : "s",
                                listed(config.targets), schema.targets.size(), listed(schema.targets)));
  auto wanted = columns_of_schema(schema);
  ColumnSelection selection{.numeric = std::move(wanted.numeric),
                            .categorical = std::move(wanted.categorical),
                            .targets = config.targets,
                            .weight = config.weight,
                            .left_out = {},
                            .group = config.split.group,
                            .time = config.split.time};
  std::unordered_set<std::string_view> missing(config.targets.begin(), config.targets.end());
  for (const auto* own : {&config.weight, &config.split.group, &config.split.time})
    if (!own->empty()) missing.insert(*own);
  for (const auto& field : selection.numeric) missing.insert(field.column);
  for (const auto& name : selection.categorical) missing.insert(name);
  for (const auto& name : columns.names)
    if (missing.erase(name) == 0) selection.left_out.push_back(name);
  if (missing.empty()) return selection;
  Names lacking;
  const auto lacks = [&](const std::string& name) {
    if (missing.erase(name) == 0) return;
    const auto meant = nearest(name, selection.left_out);
    lacking.push_back(fmt::format("'{}'{}", name, meant.empty() ? "" : fmt::format(" (is it '{}'?)", meant)));
  };
  for (const auto& target : config.targets) lacks(target);
  for (const auto* own : {&config.weight, &config.split.group, &config.split.time})
    if (!own->empty()) lacks(*own);
  for (const auto& field : selection.numeric) lacks(field.column);
  for (const auto& name : selection.categorical) lacks(name);
  throw DataError(
      fmt::format("{} lacks {} {} that the model was trained with. Columns are found by their names; "
                  "rename {} in the file. It has: {}",
                  config.train_file, lacking.size() == 1 ? "the column" : "the columns", listed(lacking),
                  lacking.size() == 1 ? "it" : "them", listed(columns.names)));
}

}  // namespace ringtrain
