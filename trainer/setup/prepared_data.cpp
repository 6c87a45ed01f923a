#include "trainer/setup/prepared_data.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "comm/agreement.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/order/split.h"
#include "data/schema/classes.h"
#include "data/schema/fit.h"
#include "data/schema/target_scale.h"
#include "data/table/column_order.h"
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

bool is_binary(const RunConfig& config) { return config.task.type == "binary_classification"; }

/// Which class is which number: that of the checkpoint, by name, or what task.positive asks for. After the
/// split, which does not depend on it.
void choose_classes(const RunConfig& config, const std::optional<Preprocessing>& fitted, Table& table) {
  const std::string& positive = config.task.positive;
  const bool chosen = is_binary(config) && !positive.empty() && table.labels.size() == 2;
  if (!fitted) {
    if (chosen) order_classes(with_positive(table.labels, positive), table.labels, table.target);
    return;
  }
  if (!std::is_permutation(fitted->labels.begin(), fitted->labels.end(), table.labels.begin(),
                           table.labels.end()))
    throw DataError(fmt::format("{}: the classes of '{}' are {}, but the checkpoint was trained on {}",
                                config.data.train_file, config.data.target, shortened(table.labels),
                                shortened(fitted->labels)));
  if (chosen && with_positive(fitted->labels, positive) != fitted->labels)
    throw ConfigError(fmt::format(
        "task.positive: '{}', but of the checkpoint '{}' is the positive class; leave task.positive out, or "
        "train anew",
        positive, fitted->labels.back()));
  order_classes(fitted->labels, table.labels, table.target);
}

/// Why class 1 is class 1.
std::string positive_class(const RunConfig& config, const std::vector<std::string>& labels, bool fitted) {
  const bool numbers = std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    return label.find_first_not_of("-0123456789") == std::string::npos;
  });
  return fmt::format("positive class: '{}' ({})", labels.back(),
                     fitted                          ? "the checkpoint's"
                     : !config.task.positive.empty() ? "task.positive"
                     : numbers                       ? "the larger number; task.positive chooses"
                                                     : "the second by text; task.positive chooses");
}

/// Takes a table as the checkpoint's preprocessing knows it.
void take_columns(const RunConfig& config, const Preprocessing& fitted, Table& table) {
  try {
    const auto unknown = order_columns(fitted, table);
    if (!unknown.empty())
      log::info(fmt::format("data {}: left out, since the checkpoint was trained without: {}",
                            config.data.train_file, join(unknown)));
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", config.data.train_file, error.what()));
  }
}

void tell_target(const RunConfig& config, const Preprocessing& preprocessing, bool fitted) {
  if (is_binary(config) && preprocessing.labels.size() == 2)
    log::info(positive_class(config, preprocessing.labels, fitted));
  if (config.task.type != "regression") return;
  if (preprocessing.scales_target())
    log::info(fmt::format("target '{}': the network learns (target - {:.6g}) / {:.6g}{}", config.data.target,
                          preprocessing.target_shift, preprocessing.target_scale,
                          fitted ? ", as in the checkpoint" : "; task.scale_target"));
  else if (fitted && config.task.scale_target)
    log::info(fmt::format("target '{}': it is not scaled, as in the checkpoint", config.data.target));
}

}  // namespace

std::string data_hash(const DataConfig& data) {
  return data.format == "tokens" ? token_data_hash(data) : hash_file(data.train_file);
}

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
    data.file_hash = data_hash(config.data);
  });
  agree_on(control, "the content of " + config.data.train_file + " (its hash)", data.file_hash);
  together(control, fitted ? "taking the checkpoint's preprocessing" : "naming the classes", [&] {
    choose_classes(config, fitted, table);
    if (!fitted) return;
    take_columns(config, *fitted, table);
    data.preprocessing = *fitted;
    data.preprocessing.target = table.target_name;
  });
  // Its collectives come before its errors, which are the same on all ranks.
  together(control, "fitting the preprocessing", [&] {
    if (fitted) return;
    data.preprocessing = fit_preprocessing(config.data, table, split.train, control);
    if (config.task.type != "regression" || !config.task.scale_target) return;
    const auto scale = fit_target_scale(table.target, split.train, control);
    data.preprocessing.target_shift = scale.shift;
    data.preprocessing.target_scale = scale.scale;
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
  tell_target(config, data.preprocessing, fitted.has_value());
  return data;
}

}  // namespace ringtrain
