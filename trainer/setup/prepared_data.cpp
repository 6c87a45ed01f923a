#include "trainer/setup/prepared_data.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "comm/agreement.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/order/split.h"
#include "data/schema/fit.h"
#include "data/table/table_dataset.h"
#include "trainer/setup/prepared_tokens.h"
#include "trainer/tasks/task.h"

namespace ringtrain {
namespace {

std::vector<std::int64_t> count_classes(const Table& table, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> counts(table.labels.size());
  const auto* classes = table.target.const_data_ptr<std::int64_t>();
  for (const auto row : rows) ++counts[static_cast<std::size_t>(classes[row])];
  return counts;
}

std::string describe_counts(const PreparedData& data) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < data.class_counts.size() && i < 12; ++i)
    parts.push_back(fmt::format("{}: {}", data.preprocessing.labels[i], with_commas(data.class_counts[i])));
  return parts.empty()
             ? ""
             : fmt::format(" ({}{})", join(parts), parts.size() < data.class_counts.size() ? ", ..." : "");
}

}  // namespace

PreparedData prepare_data(const RunConfig& config, Communicator& control,
                          const std::optional<Preprocessing>& fitted) {
  if (config.data.format == "tokens") return prepare_tokens(config, control, fitted);
  PreparedData data;
  Table table;
  Split split;
  const auto type = config.trainer.precision == "float64" ? at::kDouble : at::kFloat;
  together(control, "reading the data", [&] {
    table = read_table(config.data, target_kind(config.task), type);
    split = make_split(config.data.split, table, static_cast<std::uint64_t>(config.seed));
    data.file_hash = hash_file(config.data.train_file);
  });
  agree_on(control, "the content of " + config.data.train_file + " (its hash)", data.file_hash);
  together(control, "taking the checkpoint's preprocessing", [&] {
    if (!fitted) return;
    data.preprocessing = *fitted;
    if (fitted->labels != table.labels)
      throw DataError(fmt::format("{}: the classes of '{}' are {}, but the checkpoint was trained on {}",
                                  config.data.train_file, config.data.target, join(table.labels),
                                  join(fitted->labels)));
  });
  // Its collectives come before its errors, which are the same on all ranks.
  together(control, "fitting the preprocessing", [&] {
    if (!fitted) data.preprocessing = fit_preprocessing(config.data, table, split.train, control);
  });
  together(control, "preparing the data", [&] {
    if (target_kind(config.task) == TargetKind::classes)
      data.class_counts = count_classes(table, split.train);
    data.train = std::make_unique<TableDataset>(table, data.preprocessing, split.train);
    data.validation = std::make_unique<TableDataset>(table, data.preprocessing, split.validation);
    data.test = std::make_unique<TableDataset>(table, data.preprocessing, split.test);
  });
  log::info(fmt::format("data {}: {} rows, {} features; train {}{}, validation {}, test {}",
                        config.data.train_file, with_commas(table.rows()), data.preprocessing.width(),
                        with_commas(data.train->size()), describe_counts(data),
                        with_commas(data.validation->size()), with_commas(data.test->size())));
  return data;
}

}  // namespace ringtrain
