#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "serving/batch/row_batch.h"
#include "storage/location.h"

namespace ringtrain {

/// Rows of one or more files, batch by batch, in constant memory.
class RowSource {
 public:
  virtual ~RowSource() = default;
  /// Replaces `batch` by the next rows, at most `most`, of one file; false at the end. A row that cannot be
  /// answered has its error. Throws DataError when a file cannot be read on.
  virtual bool next(RowBatch& batch, std::int64_t most) = 0;
  /// Passes over the rows that `next` would give; false at the end.
  virtual bool skip(std::int64_t most) = 0;
  /// Bytes of the files read so far, about.
  virtual std::int64_t bytes() const = 0;
};

enum class RowForm { json_lines, csv, parquet };

struct RowFile {
  Location path;
  RowForm form;
};

/// What is taken from each row beside the model's columns.
struct RowOptions {
  std::string key;            ///< the field that is carried to the answer; "" for none
  bool may_lack_key = false;  ///< a JSON row without that field has the key ""; else it cannot be answered
  std::vector<std::string> dropped;  ///< fields of JSON rows that are ignored
  CsvConfig csv;                     ///< how CSV files are written
};

/// The files that `paths` name: files, and those in folders and the folders in them, by name; what begins
/// with . or _ is passed over there, as Spark and Hive do. `form`: of all of them, or null for that of the
/// name's ending: .csv, .parquet, .jsonl, .ndjson, .json; CSV and JSON lines also with .gz. Throws DataError
/// for what is not there, an ending that means nothing, and a folder without files. "-" is the standard
/// input.
std::vector<RowFile> find_row_files(const std::vector<Location>& paths, const RowForm* form);

/// Rows of files, one after another. All are opened once first, so that a file that cannot be answered is
/// found before the first answer. Throws DataError, ConfigError for a table and a model that reads tokens or
/// named tensors.
/// `preprocessing` outlives the source.
std::unique_ptr<RowSource> open_row_files(std::vector<RowFile> files, const Preprocessing& preprocessing,
                                          const RowOptions& options);

/// Rows of a stream of JSON lines.
std::unique_ptr<RowSource> open_json_lines(std::istream& in, const Preprocessing& preprocessing,
                                           const RowOptions& options);

}  // namespace ringtrain
