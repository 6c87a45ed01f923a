#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "data/data_config.h"
#include "data/table/column_stream.h"
#include "storage/location.h"

namespace ringtrain {

/// What of a table is read at once: up to 131,072 rows of a row group of Parquet; of a CSV file in UTF-8 a
/// piece that begins at a row and ends behind one; of other CSV files (packed, of another encoding) the whole
/// file.
struct Block {
  std::int64_t file = 0;       ///< its place in BlockIndex::files
  std::int64_t first_row = 0;  ///< rows of the table before it
  FilePart part;               ///< its rows are counted in `part.rows`
  std::string hash;            ///< XXH3 of the bytes that hold it
};

/// The files of a table, in order, and the blocks into which they are cut.
struct BlockIndex {
  struct File {
    TableFile file;
    std::int64_t bytes = 0;
    std::int64_t modified = 0;  ///< nanoseconds since 1970
    std::int64_t first_row = 0;
    std::string etag{};  ///< of an object
  };
  Location place;   ///< data.train_file
  std::string cut;  ///< how CSV files were read and cut
  std::vector<File> files;
  std::vector<Block> blocks;

  std::int64_t rows() const;
  /// Of the content of all blocks, in order; names and times do not matter.
  std::string hash() const;
  nlohmann::json to_json() const;
  /// Throws DataError for what is no index.
  static BlockIndex from_json(const nlohmann::json& json);
};

/// Where the index of a table is kept: index.json in the folder `_ringtrain` beside the data.
Location index_file(const Location& place);

/// The index that `file` holds, where it is there and the table's files have the size and the time (objects
/// the ETag, too) that it says and would be cut as it says.
std::optional<BlockIndex> current_index(const Location& file, const Location& place, const CsvConfig& csv,
                                        std::int64_t block_bytes);

/// Cuts the files of `place`, each by one rank, and hashes the blocks, shared among them. A file without rows
/// has no block. Throws DataError on all ranks alike. Collective.
BlockIndex make_index(const Location& place, const CsvConfig& csv, std::int64_t block_bytes,
                      Communicator& control);

/// The current index; else it is made and kept in the first of `files` that can be written. Collective.
BlockIndex open_index(const std::vector<Location>& files, const Location& place, const CsvConfig& csv,
                      std::int64_t block_bytes, Communicator& control);

/// The rows of a block. Throws DataError where the file is no longer as the index says.
std::unique_ptr<ColumnStream> open_block(const BlockIndex& index, const Block& block, WantedColumns wanted);

/// Throws DataError that names file and rows, where the bytes that hold a block are not those that it was
/// cut from.
void require_same_bytes(const BlockIndex& index, const Block& block);

}  // namespace ringtrain
