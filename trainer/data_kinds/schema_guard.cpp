#include "trainer/data_kinds/schema_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/output_file.h"
#include "common/text.h"
#include "data/profile/schema_check.h"

namespace ringtrain {
namespace {

/// JSON lines, made with the first row.
class Quarantine {
 public:
  explicit Quarantine(std::string file) : file_(std::move(file)) {}
  void add(const std::string& data, const BadRow& row) {
    if (!out_) out_.emplace(file_);
    auto values = nlohmann::ordered_json::object();
    for (const auto& [name, value] : row.values) values[name] = value;
    const nlohmann::ordered_json line{
        {"file", data}, {"row", row.row + 1}, {"why", row.why}, {"values", values}};
    out_->write(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  void finish() {
    if (out_) out_->commit();
  }

 private:
  std::string file_;
  std::optional<OutputFile> out_;
};

void require_mendable(const SchemaReport& report, const std::string& file) {
  std::vector<std::string> lines;
  for (const auto& violation : report.violations)
    if (!violation.of_rows) lines.push_back(violation.text());
  if (!lines.empty())
    throw DataError(fmt::format("{} is not as data.schema says, which leaving out rows does not mend:\n  {}",
                                file, join(lines, "\n  ")));
  if (static_cast<std::int64_t>(report.bad_rows.size()) == report.rows)
    throw DataError(
        fmt::format("{}: no row is as data.schema says:\n  {}", file, join({report.text()}, "\n  ")));
}

KeptOut guarded(const DataSchema& schema, const TableConfig& config) {
  KeptOut kept_out;
  const bool keeps_out = schema.on_violation == "quarantine";
  Quarantine quarantine(schema.quarantine_file);
  std::vector<std::string> refused;
  for (const auto& file : {config.train_file, config.validation_file, config.test_file}) {
    if (file.empty()) continue;
    const auto add = [&](const BadRow& row) { quarantine.add(file, row); };
    const auto report = hold_against(schema, Location(file), config.csv,
                                     keeps_out ? std::function<void(const BadRow&)>(add) : nullptr);
    if (report.good()) continue;
    if (keeps_out) {
      require_mendable(report, file);
      log::warn(
          fmt::format("data {}: {} of {} rows are not as data.schema says and are left out; they are in {}",
                      file, with_commas(static_cast<std::int64_t>(report.bad_rows.size())),
                      with_commas(report.rows), schema.quarantine_file));
      kept_out[file] = report.bad_rows;
    }
    for (const auto& violation : report.violations) {
      const auto line = fmt::format("{}: {}", file, violation.text());
      if (schema.on_violation == "refuse")
        refused.push_back(line);
      else
        log::warn(fmt::format("data.schema: {}", line));
    }
  }
  if (!refused.empty())
    throw DataError(
        fmt::format("the data are not as data.schema says:\n  {}\nMend the data or the schema, or set "
                    "data.schema.on_violation: warn or quarantine",
                    join(refused, "\n  ")));
  quarantine.finish();
  return kept_out;
}

void leave_out(const Table& table, std::vector<std::int64_t>& rows,
               const std::vector<std::int64_t>& kept_out) {
  std::erase_if(rows, [&](std::int64_t row) {
    return std::binary_search(kept_out.begin(), kept_out.end(), table.file_row(row));
  });
}

}  // namespace

KeptOut guard_rows(const DataSchema& schema, const TableConfig& config, Communicator& control) {
  if (schema.empty()) return {};
  std::string rows;
  together(control, "holding the data against data.schema", [&] {
    if (control.rank() == 0) rows = nlohmann::json(guarded(schema.resolved(), config)).dump();
  });
  return nlohmann::json::parse(broadcast_string(control, rows, 0)).get<KeptOut>();
}

void leave_out(TableParts& parts, const TableConfig& config, const KeptOut& kept_out) {
  const auto of_file = [&](const std::string& file) {
    const auto found = kept_out.find(file);
    return found == kept_out.end() ? std::vector<std::int64_t>() : found->second;
  };
  const bool split = config.validation_file.empty() && config.test_file.empty();
  leave_out(parts.train, parts.split.train, of_file(config.train_file));
  leave_out(parts.of_validation(), parts.split.validation,
            of_file(split ? config.train_file : config.validation_file));
  leave_out(parts.of_test(), parts.split.test, of_file(split ? config.train_file : config.test_file));
  if (parts.split.train.empty() && !kept_out.empty())
    throw DataError(fmt::format("{}: data.schema leaves no training row", config.train_file));
}

}  // namespace ringtrain
