#include "serving/log/log_export.h"

#include <algorithm>
#include <set>

#include "common/files.h"
#include "common/text.h"
#include "serving/log/feedback_join.h"
#include "serving/log/parquet_text.h"

namespace ringtrain {
namespace {

using Fate = FeedbackJoin::Fate;
constexpr const char* kWhat = "the log cannot be exported";

std::string model_of(const LogExport& wanted, const std::vector<log_files::LogFile>& files) {
  std::set<std::string> models;
  for (const auto& file : files)
    if (file.version > 0) models.insert(file.model);
  const std::vector<std::string> known(models.begin(), models.end());
  if (known.empty())
    throw DataError(fmt::format("{} has no requests yet; a server writes them after log.rotate_seconds",
                                wanted.folder.string()));
  if (wanted.model.empty() && known.size() > 1)
    throw DataError(
        fmt::format("{} has the models {}; choose one with --model", wanted.folder.string(), join(known)));
  const auto& name = wanted.model.empty() ? known.front() : wanted.model;
  if (!models.contains(name))
    throw DataError(fmt::format("{} has no model '{}'; there are: {}.{}", wanted.folder.string(), name,
                                join(known), did_you_mean(name, known)));
  return name;
}

/// A file of requests, and where its rows stand among all.
struct Piece {
  std::shared_ptr<arrow::Table> table;  ///< in one chunk
  std::int64_t version = 0;
  std::string target;
  std::size_t first = 0;

  template <class Array>
  std::shared_ptr<Array> column(const char* name) const {
    const auto found = table->GetColumnByName(name);
    return found && found->num_chunks() > 0 ? std::static_pointer_cast<Array>(found->chunk(0)) : nullptr;
  }
};

class Exporting {
 public:
  explicit Exporting(const LogExport& wanted) : wanted_(wanted) {
    const auto files = log_files::list(wanted.folder);
    const auto model = model_of(wanted, files);
    for (const auto& file : files) {
      if (file.model != model) continue;
      if (file.version > 0) {
        add_requests(file);
        continue;
      }
      auto more = read_feedback_file(file.path, model);
      feedback_.insert(feedback_.end(), std::make_move_iterator(more.begin()),
                       std::make_move_iterator(more.end()));
    }
  }

  std::shared_ptr<arrow::Table> table(LogExportCounts& counts) {
    std::vector<Fate> fates;
    const auto truths = join_.join(feedback_, wanted_.feedback_limit, fates, counts.replaced);
    counts.joined = std::count(fates.begin(), fates.end(), Fate::joined);
    counts.early = std::count(fates.begin(), fates.end(), Fate::early);
    counts.late = std::count(fates.begin(), fates.end(), Fate::late);
    counts.unknown = std::count(fates.begin(), fates.end(), Fate::unknown);
    std::vector<std::shared_ptr<arrow::Table>> tables;
    for (const auto& piece : pieces_)
      if (!wanted_.version || *wanted_.version == piece.version)
        tables.push_back(with_truth(piece, truths, counts));
    if (tables.empty())
      throw DataError(fmt::format("no row of version {} was kept", wanted_.version.value_or(0)));
    auto options = arrow::ConcatenateTablesOptions::Defaults();
    options.unify_schemas = true;
    options.field_merge_options = arrow::Field::MergeOptions::Permissive();
    const auto all = require_arrow(arrow::ConcatenateTables(tables, options), kWhat);
    counts.rows = all->num_rows();
    return all;
  }

 private:
  void add_requests(const log_files::LogFile& file) {
    const auto notes = read_parquet_summary(file.path).notes;
    const auto target = notes.find(log_files::kTarget);
    Piece piece{.table = require_arrow(read_parquet_table(file.path)->CombineChunks(), file.path.string()),
                .version = file.version,
                .target = target == notes.end() ? "label" : target->second,
                .first = rows_};
    const auto ids = piece.column<arrow::StringArray>("request.id");
    const auto keys = piece.column<arrow::StringArray>("request.key");
    const auto rows = piece.column<arrow::Int32Array>("request.row");
    const auto times = piece.column<arrow::TimestampArray>("request.time");
    if (piece.table->num_rows() == 0) return;
    if (!ids || !rows || !times)
      throw DataError(fmt::format("{} is no file of a request log", file.path.string()));
    for (std::int64_t r = 0; r < piece.table->num_rows(); ++r)
      join_.add_row(ids->GetString(r), rows->Value(r), keys && !keys->IsNull(r) ? keys->GetString(r) : "",
                    UtcTime(std::chrono::milliseconds(times->Value(r))));
    rows_ += static_cast<std::size_t>(piece.table->num_rows());
    pieces_.push_back(std::move(piece));
  }

  bool is_wanted(UtcTime time, const Feedback* truth) const {
    return (!wanted_.from || time >= *wanted_.from) && (!wanted_.to || time < *wanted_.to) &&
           (!wanted_.labelled_only || truth);
  }

  /// The wanted rows of a piece, with their version, label and its time.
  std::shared_ptr<arrow::Table> with_truth(const Piece& piece, const std::vector<const Feedback*>& truths,
                                           LogExportCounts& counts) const {
    arrow::Int64Builder versions;
    arrow::StringBuilder labels;
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"),
                                  arrow::default_memory_pool());
    const auto asked = piece.column<arrow::TimestampArray>("request.time");
    std::vector<std::shared_ptr<arrow::Table>> kept;
    std::int64_t begin = -1;  // of the rows that are kept, one behind the other
    const auto cut = [&](std::int64_t end) {
      if (begin >= 0) kept.push_back(piece.table->Slice(begin, end - begin));
      begin = -1;
    };
    for (std::int64_t r = 0; r < piece.table->num_rows(); ++r) {
      const auto* truth = truths[piece.first + static_cast<std::size_t>(r)];
      if (!is_wanted(UtcTime(std::chrono::milliseconds(asked->Value(r))), truth)) {
        cut(r);
        continue;
      }
      if (begin < 0) begin = r;
      require_arrow(versions.Append(piece.version), kWhat);
      require_arrow(truth ? labels.Append(truth->label) : labels.AppendNull(), kWhat);
      require_arrow(truth ? times.Append(milliseconds_of(truth->time)) : times.AppendNull(), kWhat);
      if (truth) ++counts.labelled;
    }
    cut(piece.table->num_rows());
    auto table =
        kept.empty() ? piece.table->Slice(0, 0) : require_arrow(arrow::ConcatenateTables(kept), kWhat);
    const auto add = [&table](const std::string& name, arrow::ArrayBuilder& builder) {
      const auto array = require_arrow(builder.Finish(), kWhat);
      table = require_arrow(table->AddColumn(table->num_columns(), arrow::field(name, array->type()),
                                             std::make_shared<arrow::ChunkedArray>(array)),
                            kWhat);
    };
    add("request.version", versions);
    add(piece.target, labels);
    add("feedback.time", times);
    return table;
  }

  const LogExport& wanted_;
  std::vector<Piece> pieces_;
  std::vector<Feedback> feedback_;
  FeedbackJoin join_;
  std::size_t rows_ = 0;
};

}  // namespace

LogExportCounts export_log(const LogExport& wanted, const std::filesystem::path& output) {
  LogExportCounts counts;
  const auto table = Exporting(wanted).table(counts);
  const auto ending = output.extension();
  const bool parquet = ending == ".parquet" || ending == ".pq";
  write_file_atomically(output, parquet ? parquet_text(*table) : csv_text(*table));
  return counts;
}

}  // namespace ringtrain
