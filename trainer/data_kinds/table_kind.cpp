
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "comm/agreement.h"
#include "common/log.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/fit.h"
#include "data/schema/target_scale.h"
#include "data/table/table_dataset.h"
#include "data/table/table_files.h"
#include "storage/storage.h"
#include "trainer/data_kinds/data_kind.h"
#include "trainer/data_kinds/schema_guard.h"
#include "trainer/data_kinds/streamed_parts.h"
#include "trainer/data_kinds/table_parts.h"

namespace ringtrain {
namespace {

/// Rows of each class, or with each label.
std::vector<std::int64_t> count_classes(const Table& table, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> counts(table.labels.size());
  if (table.target.is_floating_point()) {
    const at::Tensor sums =
        table.target.index_select(0, at::tensor(rows, at::kLong)).sum(0, false, at::kDouble);
    for (std::size_t k = 0; k < counts.size(); ++k)
      counts[k] = static_cast<std::int64_t>(sums[static_cast<std::int64_t>(k)].item<double>());
    return counts;
  }
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

/// ", 2 columns of codes (shop: 1,204, city: 32,769)"; "" for none.
std::string describe_codes(const std::vector<CodedColumn>& columns) {
  std::vector<std::string> parts;
  for (const auto& column : columns)
    parts.push_back(fmt::format("{}: {}", column.name, with_commas(column.codes)));
  return parts.empty() ? ""
                       : fmt::format(", {} column{} of codes ({})", parts.size(),
                                     parts.size() == 1 ? "" : "s", shortened(parts, 12));
}

/// How often each row of the training part appears (data.sampling); empty: once.
std::vector<double> weights_of_sampling(const TableConfig& config, const Table& table,
                                        const std::vector<std::int64_t>& rows,
                                        const std::vector<std::int64_t>& class_counts) {
  std::vector<double> weights;
  if (config.sampling == "weight") {
    const auto* all = table.weight.const_data_ptr<double>();
    for (const auto row : rows) weights.push_back(all[row]);
  } else if (config.sampling == "balanced") {
    if (!table.has_classes())
      throw ConfigError(
          "data.sampling: balanced needs a task with classes, of which each row has one; use all, or weight "
          "with a column of your own");
    const auto* classes = table.target.const_data_ptr<std::int64_t>();
    for (const auto row : rows)
      weights.push_back(1.0 / static_cast<double>(class_counts[static_cast<std::size_t>(classes[row])]));
  }
  return weights;
}

/// What is worth a line of the log.
void tell(const TableConfig& config, const PreparedData& data) {
  const auto& file = config.train_file;
  const auto& left_out = data.left_out;
  if (!left_out.note.empty()) log::info(fmt::format("data {}: {}", file, left_out.note));
  if (left_out.dropped_rows > 0)
    log::info(fmt::format("data {}: {} rows without a target are left out (data.missing.target: drop)", file,
                          with_commas(left_out.dropped_rows)));
  if (left_out.bad_rows > 0)
    log::warn(fmt::format("data {}: {} rows are left out (data.bad_rows: skip), first {}", file,
                          with_commas(left_out.bad_rows), left_out.first_bad_row));
  std::vector<std::string> wide;
  for (const auto& column : data.preprocessing.numeric)
    if (column.wide) wide.push_back(column.name);
  if (!wide.empty())
    log::info(fmt::format(
        "data {}: {} {} more digits than float32 holds: read and scaled in float64; the "
        "exported model takes its numbers as float64 (FP64), which OpenVINO and TensorRT do not compute",
        file, join(wide), wide.size() == 1 ? "needs" : "need"));
}

/// Throws ConfigError where task.positive is not the checkpoint's positive class.
void require_same_positive(const DataRequest& request) {
  const auto& fitted = request.fitted;
  const auto positive = request.task.positive_class().value_or("");
  if (!fitted || positive.empty() || fitted->labels.size() != 2) return;
  if (with_positive(fitted->labels, positive) != fitted->labels)
    throw ConfigError(fmt::format(
        "task.positive: '{}', but of the checkpoint '{}' is the positive class; leave task.positive out, or "
        "train anew",
        positive, fitted->labels.back()));
}

/// Which class is which number: that of the checkpoint, by name, which the tables have already, or what
/// task.positive asks for. After the split, which does not depend on it.
void choose_classes(const TableConfig& config, const DataRequest& request, TableParts& parts) {
  require_same_positive(request);
  const auto positive = request.task.positive_class().value_or("");
  if (positive.empty() || parts.train.labels.size() != 2) return;
  const auto labels = with_positive(parts.train.labels, positive);
  use_labels(parts.train, labels, config.train_file);
  if (parts.validation) use_labels(*parts.validation, labels, config.validation_file);
  if (parts.test) use_labels(*parts.test, labels, config.test_file);
}

/// Why class 1 is class 1.
std::string why_positive(const std::string& chosen, const std::vector<std::string>& labels, bool fitted) {
  const bool numbers = std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    return label.find_first_not_of("-0123456789") == std::string::npos;
  });
  return fmt::format("positive class: '{}' ({})", labels.back(),
                     fitted            ? "the checkpoint's"
                     : !chosen.empty() ? "task.positive"
                     : numbers         ? "the larger number; task.positive chooses"
                                       : "the second by text; task.positive chooses");
}

/// How well the order of a table in blocks mixes its rows.
void tell_mixing(const EpochOrder& order, const EpochOrder::Options& options) {
  const auto mixing = order.mixing();
  const auto rows = [](double count) { return with_commas(std::llround(count)); };
  log::info(fmt::format(
      "rows come from {} lane{} in windows of {}: neighbours in the file are about {} rows apart in an epoch "
      "({:.0f}% of the {} of a table in memory); more data.streaming.lanes or a larger window mix better",
      options.lanes, options.lanes == 1 ? "" : "s", with_commas(options.window), rows(mixing.apart),
      100 * mixing.apart / mixing.at_best, rows(mixing.at_best)));
}

void tell_target(const TaskKind& task, const Preprocessing& preprocessing, bool fitted) {
  const auto positive = task.positive_class();
  if (positive && preprocessing.labels.size() == 2)
    log::info(why_positive(*positive, preprocessing.labels, fitted));
  for (std::size_t i = 0; i < preprocessing.targets.size(); ++i) {
    const auto& name = preprocessing.targets[i];
    const auto scale = preprocessing.scale_of(i);
    if (preprocessing.scales_target())
      log::info(fmt::format("target '{}': the network learns (target - {:.6g}) / {:.6g}{}", name, scale.shift,
                            scale.scale, fitted ? ", as in the checkpoint" : "; task.scale_target"));
    else if (fitted && task.scales_target())
      log::info(fmt::format("target '{}': it is not scaled, as in the checkpoint", name));
  }
}

void tell_parts(const TableConfig& config, const PreparedData& data, std::int64_t rows) {
  log::info(fmt::format("data {}: {} rows, {} features{}; train {}{}, validation {}, test {}",
                        config.train_file, with_commas(rows), data.preprocessing.width(),
                        describe_codes(data.categories), with_commas(data.train->size()),
                        describe_counts(data), with_commas(data.validation->size()),
                        with_commas(data.test->size())));
}

std::string hash_of(const TableConfig& config) {
  if (config.streaming.enabled) return hash_of_streamed(config);
  std::string hash = hash_table_files(config.train_file);
  for (const auto& file : {config.validation_file, config.test_file})
    if (!file.empty()) hash += "+" + hash_table_files(file);
  return hash;
}

/// Files that hardly fit into the memory of the ranks of a host, of which each reads all of them.
void warn_of_size(const TableConfig& config, int ranks_of_host) {
  // Of a million rows of numbers, 282 MB of CSV, each rank held 960 MB; Parquet is packed.
  constexpr double kOfCsv = 3.4, kOfPacked = 8;
  double bytes = 0;
  for (const auto& place : {config.train_file, config.validation_file, config.test_file}) {
    if (place.empty()) continue;
    for (const auto& file : table_files(place)) {
      const bool packed = is_parquet(file.path) || file.path.extension() == ".gz";
      bytes += static_cast<double>(stored_bytes(file.path)) * (packed ? kOfPacked : kOfCsv);
    }
  }
  const auto host =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double all = bytes * std::max(1, ranks_of_host);
  if (all > 0.8 * host)
    log::warn(
        fmt::format("data {}: all of it in the memory of each rank would take about {:.1f} GiB of the "
                    "host's {:.1f}; data.streaming: {{enabled: true}} reads it as it is needed",
                    config.train_file, all / (1 << 30), host / (1 << 30)));
}

/// A model that has no tables for coded columns is told which encoding it takes.
void require_tables(const std::vector<CodedColumn>& columns, const ModelKind& model, bool fitted) {
  if (columns.empty() || model.takes_categories()) return;
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back("'" + column.name + "'");
  throw ConfigError(fmt::format(
      "model.type: {} has no tables for the embedded or hashed columns {}; {}, or use model.type: mlp",
      model.name(), shortened(names, 5),
      fitted ? "the checkpoint's schema has them: train anew with the encoding one_hot"
             : "give them the encoding one_hot (data.features.encoding and data.features.encodings)"));
}

PreparedData prepare_table(const TableConfig& config, const KeptOut& kept_out, const DataRequest& request,
                           Communicator& control) {
  if (config.streaming.enabled) {
    together(control, "naming the classes", [&] { require_same_positive(request); });
    auto data = prepare_streamed(config, request, control);
    together(control, "preparing the data",
             [&] { require_tables(data.categories, request.model, request.fitted.has_value()); });
    tell(config, data);
    tell_parts(config, data, data.train_file_rows);
    tell_mixing(EpochOrder(data.order), data.order);
    tell_target(request.task, data.preprocessing, request.fitted.has_value());
    return data;
  }
  if (control.rank() == 0) warn_of_size(config, request.ranks_of_host);
  const auto& fitted = request.fitted;
  PreparedData data;
  TableParts parts;
  together(control, "reading the data", [&] {
    parts = read_parts(config, request);
    leave_out(parts, config, kept_out);
    data.file_hash = hash_of(config);
  });
  if (control.rank() == 0 && !parts.split.warning.empty()) log::warn(parts.split.warning);
  const Table& table = parts.train;
  agree_on(control, "the content of " + config.train_file + " (its hash)", data.file_hash);
  together(control, fitted ? "taking the checkpoint's preprocessing" : "naming the classes", [&] {
    choose_classes(config, request, parts);
    if (!fitted) return;
    data.preprocessing = *fitted;
    data.preprocessing.targets = table.target_names;
  });
  // Its collectives come before its errors, which are the same on all ranks.
  together(control, "fitting the preprocessing", [&] {
    if (fitted) return;
    data.preprocessing = fit_preprocessing(config, table, parts.split.train, control);
    if (!request.task.scales_target()) return;
    data.preprocessing.target_scales = fit_target_scale(table.target, parts.split.train, control);
  });
  together(control, "preparing the data", [&] {
    if (data.preprocessing.refuse_unseen) refuse_unseen(parts, data.preprocessing, config);
    if (!table.labels.empty()) data.class_counts = count_classes(table, parts.split.train);
    data.features = data.preprocessing.width();
    data.categories = data.preprocessing.coded();
    require_tables(data.categories, request.model, fitted.has_value());
    auto train = std::make_unique<TableDataset>(table, data.preprocessing, parts.split.train);
    data.order.weights = weights_of_sampling(config, table, parts.split.train, data.class_counts);
    if (config.sampling == "weight") train->drop_weights();
    if (control.rank() == 0) train->keep_profile(profile_of(table, parts.split.train));
    data.train = std::move(train);
    data.validation =
        std::make_unique<TableDataset>(parts.of_validation(), data.preprocessing, parts.split.validation);
    data.test = std::make_unique<TableDataset>(parts.of_test(), data.preprocessing, parts.split.test);
    data.test_sample = sample_of(parts.of_test(), data.preprocessing, parts.split.test);
  });
  data.left_out = {table.note, table.dropped_rows, table.bad_rows, table.first_bad_row};
  tell(config, data);
  tell_parts(config, data, table.rows());
  tell_target(request.task, data.preprocessing, fitted.has_value());
  return data;
}

class TableKind : public DataKind {
 public:
  std::shared_ptr<DataKind> clone() const override { return std::make_shared<TableKind>(*this); }
  std::string name() const override { return "csv"; }
  std::string doc() const override { return "A table: rows of features and a target."; }
  void describe(config::Visitor& v) override {
    config_.describe(v);
    v.section("schema", "What the rows have to be like (docs/data.md).", schema_);
    v.require("schema", schema_.on_violation != "quarantine" || !config_.streaming.enabled,
              "on_violation: quarantine is for tables in memory; with data.streaming use refuse or warn");
  }

  bool can_be_exported() const override { return true; }
  std::optional<TableConfig> table(const std::string& train_file) const override {
    auto config = config_;
    config.train_file = train_file;
    if (schema_.on_violation == "quarantine" && !schema_.empty()) {
      // What cannot be read is among the rows that are written there.
      config.bad_rows = "skip";
      config.most_bad_rows = std::numeric_limits<std::int64_t>::max();
    }
    return config;
  }
  std::string hash(const std::string& train_file) const override { return hash_of(*table(train_file)); }
  PreparedData prepare(const DataRequest& request, Communicator& control) const override {
    const auto config = *table(request.train_file);
    return prepare_table(config, guard_rows(schema_, config, control), request, control);
  }

 private:
  TableConfig config_;
  DataSchema schema_;
};

}  // namespace

std::shared_ptr<DataKind> table_kind() { return std::make_shared<TableKind>(); }

}  // namespace ringtrain
