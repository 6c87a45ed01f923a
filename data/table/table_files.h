#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/location.h"

namespace ringtrain {

/// A file of a table, and the columns that the names of its folders hold, as Hive and Spark write them:
/// year=2024/month=03/part-0.parquet. A value is text; "" is a missing one (__HIVE_DEFAULT_PARTITION__).
struct TableFile {
  Location path;
  std::vector<std::pair<std::string, std::string>> folder_columns;  ///< name and value, the outermost first
};

/// All files in a folder and below, by their names as bytes. What begins with '.' or '_' is left out, as
/// Spark's _SUCCESS. Throws DataError where there are none.
std::vector<Location> files_in(const Location& folder);

/// The files that hold the rows of `place`, in the order in which they are read: one file, "-", a folder with
/// all below it, or a pattern (*, ?, [abc]) of files and folders where no file has that very name. Empty
/// files of a folder are passed over. In an object store a folder is what objects are below, and "/" stands
/// between folders. Throws DataError: for files in a folder that are no tables, or of two
/// forms, for nothing that a pattern fits, and for folders that name different columns.
std::vector<TableFile> table_files(const Location& place);

/// Of the content of the file, as hash_file; of several files that of their hashes and folder columns, in
/// order: their names do not matter. Throws DataError.
std::string hash_table_files(const Location& place);

/// Whether a file's name says that it is Parquet: .parquet or .pq.
bool is_parquet(const Location& file);

/// The name of a file as a person knows it beside the others of `place`.
std::string name_in(const Location& place, const Location& file);

}  // namespace ringtrain
