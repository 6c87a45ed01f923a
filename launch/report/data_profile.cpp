#include "launch/report/data_profile.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "data/profile/distribution.h"
#include "launch/report/measures.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostColumns = 80;

struct PartRows {
  const Table& table;
  const std::vector<std::int64_t>& rows;
};
using Parts = std::array<PartRows, 3>;

struct NumberSummary {
  std::int64_t missing = 0, present = 0;
  double low = INFINITY, high = -INFINITY, mean = 0, squares = 0;
  void take(double number) {
    if (std::isnan(number)) {
      ++missing;
      return;
    }
    ++present;
    low = std::min(low, number);
    high = std::max(high, number);
    const double before = number - mean;  // Welford 1962
    mean += before / static_cast<double>(present);
    squares += before * (number - mean);
  }
  double deviation() const { return present > 0 ? std::sqrt(squares / static_cast<double>(present)) : NAN; }
};

ordered_json summary_json(const std::string& name, const Parts& parts,
                          const std::function<std::vector<double>(const PartRows&)>& numbers) {
  ordered_json json{{"name", name}};
  for (const auto& part : parts) {
    NumberSummary summary;
    for (const double number : numbers(part)) summary.take(number);
    const bool any = summary.present > 0;
    json["missing"].push_back(summary.missing);
    json["low"].push_back(finite(any ? summary.low : NAN));
    json["mean"].push_back(finite(any ? summary.mean : NAN));
    json["high"].push_back(finite(any ? summary.high : NAN));
    json["deviation"].push_back(finite(summary.deviation()));
  }
  return json;
}

ordered_json words_json(const CategoricalColumn* column, const std::string& name, std::size_t place,
                        const Parts& parts) {
  ordered_json json{{"name", name}};
  for (std::size_t p = 0; p < parts.size(); ++p) {
    std::int64_t missing = 0, unseen = 0;
    const auto counts = count_words(parts[p].table.categorical[place], parts[p].rows, missing);
    for (const auto& [word, rows] : counts)
      if (column && !column->knows(word)) unseen += rows;
    json["missing"].push_back(missing);
    json["different"].push_back(counts.size());
    json["unseen"].push_back(unseen);
    if (p > 0 || counts.empty()) continue;
    const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second < b.second : a.first > b.first;
    });
    json["most"] = most->first;
    json["most_rows"] = most->second;
  }
  return json;
}

ordered_json classes_json(const Table& train, const Parts& parts) {
  ordered_json classes = ordered_json::array();
  for (std::size_t k = 0; k < train.labels.size(); ++k) {
    ordered_json entry{{"name", train.labels[k]}};
    for (const auto& part : parts) {
      std::int64_t count = 0;
      const auto& target = part.table.target;
      for (const auto row : part.rows)
        count += part.table.has_classes()
                     ? target.const_data_ptr<std::int64_t>()[row] == static_cast<std::int64_t>(k)
                     : target.select(1, static_cast<std::int64_t>(k))
                               .const_data_ptr<float>()[row * target.stride(0)] > 0.5F;
      entry["rows"].push_back(count);
    }
    classes.push_back(std::move(entry));
  }
  return classes;
}

ordered_json targets_json(const Parts& parts) {
  const auto& train = parts[0].table;
  if (!train.labels.empty())
    return {{"name", train.target_names.empty() ? "" : train.target_names[0]},
            {"classes", classes_json(train, parts)}};
  ordered_json targets = ordered_json::array();
  for (std::size_t k = 0; k < train.target_names.size(); ++k)
    targets.push_back(summary_json(train.target_names[k], parts, [k](const PartRows& part) {
      const auto column = part.table.target.dim() > 1
                              ? part.table.target.select(1, static_cast<std::int64_t>(k))
                              : part.table.target;
      const auto some = column.index_select(0, at::tensor(part.rows, at::kLong)).to(at::kDouble).contiguous();
      return std::vector<double>(some.const_data_ptr<double>(), some.const_data_ptr<double>() + some.numel());
    }));
  return {{"numbers", targets}};
}

}  // namespace

ordered_json data_profile_of(const AskedModel& model, const RunRecord& record) {
  const auto& tables = model.parts();
  const Parts parts{PartRows{tables.train, tables.split.train},
                    PartRows{tables.of_validation(), tables.split.validation},
                    PartRows{tables.of_test(), tables.split.test}};
  const auto& train = tables.train;
  ordered_json json;
  for (const char* key : {"data.train_file", "data.validation_file", "data.test_file"})
    if (const auto file = record.setting(key); !file.empty()) json["files"].push_back(file);
  for (const auto& part : parts) json["rows"].push_back(part.rows.size());
  json["dropped"] = train.dropped_rows;
  json["target"] = targets_json(parts);
  json["numeric"] = json["categorical"] = ordered_json::array();
  const std::size_t words = std::min(train.categorical_names.size(), kMostColumns);
  const std::size_t numbers = std::min(train.numeric_names.size(), kMostColumns - words / 2);
  for (std::size_t c = 0; c < numbers; ++c)
    json["numeric"].push_back(summary_json(train.numeric_names[c].name, parts, [c](const PartRows& part) {
      return numeric_column(part.table, static_cast<std::int64_t>(c), part.rows);
    }));
  const auto& schema = model.manifest().preprocessing.categorical;
  for (std::size_t c = 0; c < words; ++c)
    json["categorical"].push_back(
        words_json(c < schema.size() ? &schema[c] : nullptr, train.categorical_names[c], c, parts));
  json["more_columns"] = train.numeric_names.size() - numbers + train.categorical_names.size() - words;
  return json;
}

}  // namespace ringtrain::report
