#include "data/table/table_files.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cctype>

#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

std::vector<fs::path> matches_of(const fs::path& pattern) {
  ::glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &found);
  std::vector<fs::path> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result == GLOB_ABORTED || result == GLOB_NOSPACE)
    throw DataError(fmt::format("{}: its folders cannot be read", pattern.string()));
  std::sort(paths.begin(), paths.end());
  if (paths.empty())
    throw DataError(fmt::format(
        "{}: no file has such a name; a relative path starts at the folder that the command is run in",
        pattern.string()));
  return paths;
}

/// %3A is a colon: what Hive writes for characters that a folder's name should not have.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

TableFile with_folder_columns(const fs::path& file, const fs::path& below) {
  TableFile table{file, {}};
  for (const auto& part : below.parent_path()) {
    const auto name = part.string();
    const auto equals = name.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    auto value = unescaped(name.substr(equals + 1));
    if (value == "__HIVE_DEFAULT_PARTITION__") value.clear();
    table.folder_columns.emplace_back(unescaped(name.substr(0, equals)), std::move(value));
  }
  return table;
}

/// .csv, .tsv (also .gz): false; .parquet: true; nothing for another ending.
const bool* form_of_ending(const fs::path& file) {
  static constexpr bool csv = false, parquet = true;
  if (is_parquet(file)) return &parquet;
  const auto ending = file.extension() == ".gz" ? file.stem().extension() : file.extension();
  return ending == ".csv" || ending == ".tsv" ? &csv : nullptr;
}

void require_tables(const fs::path& folder, const std::vector<fs::path>& files) {
  std::vector<std::string> others;
  for (const auto& file : files)
    if (!form_of_ending(file)) others.push_back(name_in(folder, file));
  const auto pattern = [&](const char* ending) { return (folder / ("*" + std::string(ending))).string(); };
  if (!others.empty()) {
    const auto more = others.size() > 5 ? others.size() - 5 : 0;
    others.resize(others.size() - more);
    throw DataError(fmt::format(
        "the folder {} holds files that are no tables by their names (.csv, .tsv, "
        ".parquet): {}{}; say which ones by a pattern such as {}",
        folder.string(), join(others), more > 0 ? fmt::format(" and {} more", more) : "", pattern(".csv")));
  }
  for (const auto& file : files)
    if (*form_of_ending(file) != *form_of_ending(files[0]))
      throw DataError(fmt::format(
          "the folder {} holds tables of two forms, such as {} and {}; say which ones "
          "by a pattern such as {}",
          folder.string(), name_in(folder, files[0]), name_in(folder, file), pattern(".parquet")));
}

/// Where a pattern's fixed folders end.
fs::path fixed_part(const fs::path& pattern) {
  fs::path fixed;
  for (const auto& part : pattern) {
    if (is_pattern(part.string())) break;
    fixed /= part;
  }
  return fixed;
}

void add_folder(std::vector<TableFile>& files, const fs::path& folder, const fs::path& base) {
  auto found = files_in(folder);
  require_tables(folder, found);
  std::error_code unknown;
  for (const auto& file : found)
    if (fs::file_size(file, unknown) > 0)
      files.push_back(with_folder_columns(file, file.lexically_relative(base)));
}

void require_same_folder_columns(const fs::path& place, const std::vector<TableFile>& files) {
  const auto names = [](const TableFile& file) {
    std::vector<std::string> all;
    for (const auto& [name, value] : file.folder_columns) all.push_back(name);
    return all;
  };
  for (const auto& file : files)
    if (names(file) != names(files[0]))
      throw DataError(fmt::format("{}: the folders of {} and of {} do not name the same columns (NAME=VALUE)",
                                  place.string(), name_in(place, files[0].path), name_in(place, file.path)));
}

}  // namespace

bool is_parquet(const fs::path& file) { return file.extension() == ".parquet" || file.extension() == ".pq"; }

std::string name_in(const fs::path& place, const fs::path& file) {
  const auto base = is_pattern(place.string()) ? fixed_part(place) : place;
  const auto below = file.lexically_relative(base);
  return below.empty() || below.string().starts_with("..") || below == "." ? file.string() : below.string();
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator();
       ++entry) {
    const auto name = entry->path().filename().string();
    if (name.starts_with('.') || name.starts_with('_')) {
      if (entry->is_directory()) entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      files.push_back(entry->path());
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) throw DataError(fmt::format("the folder {} holds no files", folder.string()));
  return files;
}

std::vector<TableFile> table_files(const fs::path& place) {
  std::error_code error;
  const auto status = fs::status(place, error);
  std::vector<TableFile> files;
  if (fs::is_directory(status)) {
    add_folder(files, place, place);
  } else if (!fs::exists(status) && is_pattern(place.string())) {
    const auto base = fixed_part(place);
    for (const auto& match : matches_of(place)) {
      if (fs::is_directory(match))
        add_folder(files, match, base);
      else
        files.push_back(with_folder_columns(match, match.lexically_relative(base)));
    }
  } else {
    return {{place, {}}};
  }
  if (files.empty()) throw DataError(fmt::format("{}: all of its files are empty", place.string()));
  require_same_folder_columns(place, files);
  return files;
}

std::string hash_table_files(const fs::path& place) {
  const auto files = table_files(place);
  if (files.size() == 1 && files[0].folder_columns.empty()) return hash_file(files[0].path);
  Hasher all;
  for (const auto& file : files) {
    for (const auto& [name, value] : file.folder_columns) all.add(name + "=" + value + "\n");
    all.add(hash_file(file.path) + "\n");
  }
  return all.text();
}

}  // namespace ringtrain
