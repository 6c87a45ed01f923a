#include "data/profile/column_types.h"

#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "common/errors.h"
#include "data/profile/table_profile.h"
#include "data/schema/values.h"
#include "data/table/arrow_values.h"
#include "data/table/csv_scanner.h"
#include "data/table/parquet_file.h"

namespace ringtrain {

bool is_table_file(const std::filesystem::path& file) {
  const auto name = file.extension() == ".gz" ? file.stem() : file;
  return name.extension() == ".csv" || name.extension() == ".tsv" || is_parquet(file);
}

std::vector<ColumnType> column_types(const std::filesystem::path& file) {
  std::vector<ColumnType> types;
  if (!is_parquet(file)) {
    CsvScanner scanner(file);
    for (auto& name : read_header(scanner, file))
      types.push_back({.name = std::move(name), .reading = ColumnType::Reading::words, .type = ""});
    return types;
  }
  std::shared_ptr<arrow::Schema> schema;
  require_read(open_parquet(file, 1)->GetSchema(&schema), file);
  for (const auto& field : schema->fields())
    types.push_back({.name = field->name(),
                     .reading = is_word(*field->type())     ? ColumnType::Reading::words
                                : is_number(*field->type()) ? ColumnType::Reading::numbers
                                                            : ColumnType::Reading::none,
                     .type = field->type()->ToString()});
  return types;
}

std::unique_ptr<ColumnStream> open_typed(const std::filesystem::path& file, const WantedColumns& wanted) {
  return is_parquet(file) ? open_parquet_columns(file, wanted) : open_csv_columns(file, wanted);
}

std::optional<double> number_of(const std::string& text) { return parse_number(text); }

}  // namespace ringtrain
