#include "launch/commands/labelled_table.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "data/schema/vocabulary.h"
#include "launch/commands/model_evaluation.h"

namespace ringtrain {
namespace {

/// Words that training did not see are refused, where the model was trained so.
void refuse_unseen(const Table& table, const Preprocessing& schema, const std::string& file) {
  for (std::size_t c = 0; c < table.categorical.size(); ++c)
    for (std::int64_t row = 0; row < table.rows(); ++row) {
      const auto& word = table.categorical[c][static_cast<std::size_t>(row)];
      if (!word.empty() && !schema.categorical[c].knows(word))
        throw DataError(
            fmt::format("{}: row {}, column '{}': training did not see {} there (data.unseen: error)", file,
                        with_commas(table.file_row(row) + 1), schema.categorical[c].name, excerpt(word)));
    }
}

class RowsOfTable : public LabelledRows {
 public:
  RowsOfTable(Table table, std::vector<std::int64_t> rows, at::ScalarType numeric_type)
      : table_(std::move(table)), rows_(std::move(rows)), numeric_type_(numeric_type) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  Piece read(std::int64_t begin, std::int64_t most) const override {
    const auto count = std::min(most, size() - begin);
    Piece piece;
    piece.places.assign(rows_.begin() + begin, rows_.begin() + begin + count);
    piece.rows.numeric = table_.numbers(piece.places, numeric_type_);
    for (const auto& column : table_.categorical) {
      auto& words = piece.rows.categorical.emplace_back();
      for (const auto place : piece.places) words.push_back(column[static_cast<std::size_t>(place)]);
    }
    piece.targets = table_.target.index_select(0, at::tensor(piece.places, at::kLong))
                        .to(at::kDouble)
                        .reshape({count, -1});
    return piece;
  }

 private:
  Table table_;
  std::vector<std::int64_t> rows_;
  at::ScalarType numeric_type_;
};

}  // namespace

Table read_labelled(const LabelledRequest& request, const std::string& missing_target) {
  const auto& preprocessing = request.manifest.preprocessing;
  TableConfig config;
  config.train_file = request.data;
  config.targets = preprocessing.targets;
  config.missing.target = missing_target;
  config.split = request.split;
  auto table = read_table(config, task_of(request.manifest, request.catalogue).kind().target(), at::kFloat,
                          &preprocessing);
  if (!table.note.empty()) log::info(fmt::format("data {}: {}", config.train_file, table.note));
  if (table.dropped_rows > 0)
    log::info(fmt::format("data {}: {} rows without a target are left out", config.train_file,
                          with_commas(table.dropped_rows)));
  use_labels(table, preprocessing.labels, config.train_file);
  if (preprocessing.refuse_unseen) refuse_unseen(table, preprocessing, config.train_file);
  return table;
}

std::unique_ptr<LabelledRows> rows_of_table(Table table, std::vector<std::int64_t> rows,
                                            const Preprocessing& schema) {
  return std::make_unique<RowsOfTable>(std::move(table), std::move(rows), schema.numeric_type());
}

}  // namespace ringtrain
