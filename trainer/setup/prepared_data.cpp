#include "trainer/setup/prepared_data.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "comm/agreement.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/schema/fit.h"
#include "trainer/setup/table_parts.h"
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

/// What is worth a line of the log.
void tell(const RunConfig& config, const PreparedData& data, const TableParts& parts) {
  const auto& file = config.data.train_file;
  if (!parts.train.note.empty()) log::info(fmt::format("data {}: {}", file, parts.train.note));
  if (parts.train.dropped_rows > 0)
    log::info(fmt::format("data {}: {} rows without a target are left out (data.missing.target: drop)", file,
                          with_commas(parts.train.dropped_rows)));
  std::vector<std::string> wide;
  for (const auto& column : data.preprocessing.numeric)
    if (column.wide) wide.push_back(column.name);
  if (!wide.empty())
    log::info(fmt::format("data {}: {} {} more digits than float32 holds: read and scaled in float64; the "
                          "exported model takes its numbers as float64 (FP64)",
                          file, join(wide), wide.size() == 1 ? "needs" : "need"));
}

}  // namespace

PreparedData prepare_data(const RunConfig& config, Communicator& control,
                          const std::optional<Preprocessing>& fitted) {
  if (config.data.format == "tokens") return prepare_tokens(config, control, fitted);
  PreparedData data;
  TableParts parts;
  const auto type = config.trainer.precision == "float64" ? at::kDouble : at::kFloat;
  together(control, "reading the data", [&] {
    parts = read_parts(config, type, fitted ? &*fitted : nullptr);
    data.file_hash = parts.hash;
  });
  const Table& table = parts.train;
  agree_on(control, "the content of " + config.data.train_file + " (its hash)", data.file_hash);
  if (fitted) data.preprocessing = *fitted;
  // Its collectives come before its errors, which are the same on all ranks.
  together(control, "fitting the preprocessing", [&] {
    if (!fitted) data.preprocessing = fit_preprocessing(config.data, table, parts.split.train, control);
  });
  together(control, "preparing the data", [&] {
    if (data.preprocessing.refuse_unseen) refuse_unseen(parts, data.preprocessing, config.data);
    if (target_kind(config.task) == TargetKind::classes)
      data.class_counts = count_classes(table, parts.split.train);
    data.train = std::make_unique<TableDataset>(table, data.preprocessing, parts.split.train);
    data.validation =
        std::make_unique<TableDataset>(parts.of_validation(), data.preprocessing, parts.split.validation);
    data.test = std::make_unique<TableDataset>(parts.of_test(), data.preprocessing, parts.split.test);
    data.test_sample = sample_of(parts.of_test(), data.preprocessing, parts.split.test);
  });
  tell(config, data, parts);
  log::info(fmt::format("data {}: {} rows, {} features; train {}{}, validation {}, test {}",
                        config.data.train_file, with_commas(table.rows()), data.preprocessing.width(),
                        with_commas(data.train->size()), describe_counts(data),
                        with_commas(data.validation->size()), with_commas(data.test->size())));
  return data;
}

}  // namespace ringtrain
