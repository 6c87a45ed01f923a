#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ringtrain {

/// A file of a table, and the columns that the names of its folders hold, as Hive and Spark write them:
/// year=2024/month=03/part-0.parquet. A value is text; "" is a missing one (__HIVE_DEFAULT_PARTITION__).
struct TableFile {
  std::filesystem::path path;
  std::vector<std::pair<std::string, std::string>> folder_columns;  ///< name and value, the outermost first
};

/// All files in a folder and below, by their names as bytes. What begins with '.' or '_' is left out, as
/// Spark's _SUCCESS. Throws DataError where there are none.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);

/// The files that hold the rows of `place`, in the order in which they are read: one file, "-", a folder with
/// all below it, or a pattern (*, ?, [abc]) of files and folders where no file has that very name. Empty
/// files of a folder are passed over. Throws DataError: for files in a folder that are no tables, or of two
/// forms, for nothing that a pattern fits, and for folders that name different columns.
std::vector<TableFile> table_files(const std::filesystem::path& place);

/// Of the content of the file, as hash_file; of several files that of their hashes and folder columns, in
/// order: their names do not matter. Throws DataError.
std::string hash_table_files(const std::filesystem::path& place);

/// Whether a file's name says that it is Parquet: .parquet or .pq.
bool is_parquet(const std::filesystem::path& file);

/// The name of a file as a person knows it beside the others of `place`.
std::string name_in(const std::filesystem::path& place, const std::filesystem::path& file);

}  // namespace ringtrain
