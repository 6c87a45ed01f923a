#include "launch/report/asked_model.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/text.h"
#include "data/table/table_files.h"
#include "launch/commands/labelled_table.h"
#include "serving/repository/model_repository.h"
#include "storage/storage.h"

namespace ringtrain::report {
namespace {

namespace fs = std::filesystem;

/// Whether this run made the version: its checkpoint is the run's, or its configuration is; or it lies in the
/// run's own folder. What was there before the run began is an earlier one's.
bool is_of(const RunRecord& record, const fs::path& version, const std::string& config_hash,
           bool in_own_folder) {
  nlohmann::json from;
  try {
    from = Manifest::read(version).provenance;
  } catch (const Error&) {
    return false;  // a broken version of a repository is somebody else's concern
  }
  if (!from.is_object()) return in_own_folder;
  const auto created = from.value("created", std::string());
  if (!record.starts.empty() && record.starts.back().value("step", 0) == 0 && !created.empty() &&
      created.substr(0, 19) < record.starts.back().value("time", std::string()).substr(0, 19))
    return false;
  std::error_code none;
  const auto checkpoint = fs::path(from.value("checkpoint", std::string()));
  return in_own_folder || from.value("config_hash", std::string()) == config_hash ||
         fs::equivalent(checkpoint.parent_path().parent_path(), record.folder, none);
}

std::int64_t bytes_of(const TableConfig& config) {
  std::int64_t bytes = 0;
  for (const auto& place : {config.train_file, config.validation_file, config.test_file})
    if (!place.empty())
      for (const auto& file : table_files(place)) bytes += stored_bytes(file.path);
  return bytes;
}

void require_small(const TableConfig& config, const Effort& effort) {
  if (!effort.most_bytes) return;
  const auto bytes = bytes_of(config);
  if (bytes <= *effort.most_bytes) return;
  throw DataError(fmt::format("the data are {}, too much to read again at the end of a run",
                              human_bytes(static_cast<double>(bytes))));
}

}  // namespace

std::optional<fs::path> exported_version(const RunRecord& record) {
  auto name = record.setting("export.name");
  if (name.empty()) name = record.name;
  const auto elsewhere = record.setting("export.repository");
  const auto config_file = record.folder / "config.yaml";
  const auto hash = fs::exists(config_file) ? hash_text(read_file(config_file)) : "";
  for (const bool own : {elsewhere.empty(), true}) {
    const auto model = (own ? record.folder / "export" : fs::path(elsewhere)) / name;
    auto numbers = fs::is_directory(model) ? versions(model) : std::vector<std::int64_t>();
    std::sort(numbers.rbegin(), numbers.rend());
    for (const auto number : numbers) {
      const auto folder = model / std::to_string(number);
      if (is_of(record, folder, hash, own)) return folder;
    }
  }
  return std::nullopt;
}

std::vector<std::int64_t> sampled(std::vector<std::int64_t> rows, std::int64_t most) {
  if (static_cast<std::int64_t>(rows.size()) <= most) return rows;
  const auto hash = [](std::int64_t row) {
    return mix64(static_cast<std::uint64_t>(row) ^ 0x7265706f7274ULL);
  };
  std::nth_element(rows.begin(), rows.begin() + most, rows.end(),
                   [&](std::int64_t a, std::int64_t b) { return hash(a) < hash(b); });
  rows.resize(static_cast<std::size_t>(most));
  std::sort(rows.begin(), rows.end());
  return rows;
}

Table rows_of_table(const Table& table, const std::vector<std::int64_t>& rows) {
  Table part;
  part.numeric_names = table.numeric_names;
  part.categorical_names = table.categorical_names;
  part.target_names = table.target_names;
  part.labels = table.labels;
  const auto places = at::tensor(rows, at::kLong);
  part.numeric = table.numeric.index_select(0, places);
  for (const auto& column : table.exact)
    part.exact.push_back(column.defined() ? column.index_select(0, places) : at::Tensor());
  for (const auto& column : table.categorical) {
    auto& words = part.categorical.emplace_back();
    for (const auto row : rows) words.push_back(column[static_cast<std::size_t>(row)]);
  }
  if (table.target.defined()) part.target = table.target.index_select(0, places);
  if (table.weight.defined()) part.weight = table.weight.index_select(0, places);
  for (const auto row : rows) part.file_rows.push_back(table.file_row(row));
  return part;
}

std::vector<double> numeric_column(const Table& table, std::int64_t column,
                                   const std::vector<std::int64_t>& rows) {
  const auto c = static_cast<std::size_t>(column);
  const bool exact = c < table.exact.size() && table.exact[c].defined();
  const auto whole = exact ? table.exact[c] : table.numeric.select(1, column);
  const auto part = whole.index_select(0, at::tensor(rows, at::kLong)).to(at::kDouble).contiguous();
  return {part.const_data_ptr<double>(), part.const_data_ptr<double>() + part.numel()};
}

AskedModel::AskedModel(const RunRecord& record, const Catalogue& catalogue, const Effort& effort)
    : catalogue_(catalogue) {
  read(record, effort);
}

void AskedModel::read(const RunRecord& record, const Effort& effort) {
  const auto folder = exported_version(record);
  if (!folder) throw ConfigError("the run has exported no model (yet)");
  const auto config_file = record.folder / "config.yaml";
  const auto config = RunConfig::from_text(read_file(config_file), config_file.string(), catalogue_);
  catalogue_.tasks = config.task.kinds;  // those of its plugins too
  const auto table = config.data.kind().table(config.data.train_file);
  if (!table) throw ConfigError("its data are no table of columns");
  require_small(*table, effort);
  predictor_ = std::make_unique<Predictor>(folder->string());
  seed_ = static_cast<std::uint64_t>(config.seed);
  const std::optional<Preprocessing> fitted = manifest().preprocessing;
  parts_ = read_parts(
      *table, {config.data.train_file, config.task.kind(), config.model.kind(), seed_, at::kFloat, fitted});
  const auto ask = [&](const std::string& name, const std::string& file, const Table& rows_of,
                       const std::vector<std::int64_t>& rows) {
    if (rows.empty()) return;
    const auto most = affordable(rows_of, rows, effort);
    answered_.push_back({name, file.empty() ? table->train_file : file, &rows_of,
                         static_cast<std::int64_t>(rows.size()),
                         answered_rows(rows_of, sampled(rows, most))});
  };
  ask("validation", table->validation_file, parts_.of_validation(), parts_.split.validation);
  ask("test", table->test_file, parts_.of_test(), parts_.split.test);
}

ModelAnswers AskedModel::answered_rows(const Table& table, std::vector<std::int64_t> rows) const {
  return answer_rows(*predictor_, *ringtrain::rows_of_table(table, std::move(rows), manifest().preprocessing),
                     catalogue_);
}

ModelAnswers AskedModel::answered_rows(const Table& table) const {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  return answered_rows(table, std::move(rows));
}

/// How many rows of a part can be answered in half of the time that is left, as a few of them show.
std::int64_t AskedModel::affordable(const Table& table, const std::vector<std::int64_t>& rows,
                                    const Effort& effort) {
  if (!effort.until) return effort.most_rows;
  constexpr std::int64_t some = 64;
  using Seconds = std::chrono::duration<double>;
  for (int i = 0; i < 2; ++i) {  // the first answers prepare the model
    const auto begin = std::chrono::steady_clock::now();
    answered_rows(table, sampled(rows, some));
    const double left = Seconds(*effort.until - std::chrono::steady_clock::now()).count();
    const double took = std::max(Seconds(std::chrono::steady_clock::now() - begin).count(), 1e-6);
    if (i == 0) continue;
    const auto most = static_cast<std::int64_t>(
        std::clamp(left / 2 / took * some, 256.0, static_cast<double>(effort.most_rows)));
    whole_ = whole_ && most >= static_cast<std::int64_t>(rows.size());
    return most;
  }
  return effort.most_rows;
}

const AnsweredPart* AskedModel::shown() const { return answered_.empty() ? nullptr : &answered_.back(); }

}  // namespace ringtrain::report
