#include "data/table/table_files.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "common/errors.h"
#include "common/hash.h"
#include "common/text.h"
#include "storage/storage.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

[[noreturn]] void refuse_pattern(const Location& pattern) {
  throw DataError(
      fmt::format("{}: no {} has such a name; {}", pattern.string(), pattern.is_remote() ? "object" : "file",
                  pattern.is_remote() ? "check the bucket and the names"
                                      : "a relative path starts at the folder that the command is run in"));
}

std::vector<Location> matches_of(const fs::path& pattern) {
  ::glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &found);
  std::vector<Location> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result == GLOB_ABORTED || result == GLOB_NOSPACE)
    throw DataError(fmt::format("{}: its folders cannot be read", pattern.string()));
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) refuse_pattern(pattern);
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

TableFile with_folder_columns(const Location& file, const fs::path& below) {
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
const bool* form_of_ending(const Location& file) {
  static constexpr bool csv = false, parquet = true;
  if (is_parquet(file)) return &parquet;
  const auto ending = file.extension() == ".gz" ? file.stem().extension() : file.extension();
  return ending == ".csv" || ending == ".tsv" ? &csv : nullptr;
}

void require_tables(const Location& folder, const std::vector<Location>& files) {
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
Location fixed_part(const Location& pattern) {
  auto fixed = pattern;
  for (auto at = pattern;; at = at.parent_path()) {
    if (is_pattern(at.filename().string())) fixed = at.parent_path();
    if (at.parent_path() == at) return fixed;
  }
}

void add_folder(std::vector<TableFile>& files, const Location& folder, const Location& base) {
  auto found = files_in(folder);
  require_tables(folder, found);
  std::error_code unknown;
  for (const auto& file : found)
    if (file.is_remote() || fs::file_size(file.local(), unknown) > 0)
      files.push_back(with_folder_columns(file, file.lexically_relative(base)));
}

/// Names that Spark and Hive write for themselves.
bool is_hidden(const fs::path& below) {
  return std::any_of(below.begin(), below.end(), [](const fs::path& name) {
    return name.string().starts_with('.') || name.string().starts_with('_');
  });
}

/// Of objects in a folder those that hold rows, as files_in finds files.
std::vector<Location> objects_in(const Location& folder) {
  std::vector<Location> files;
  bool any = false;
  for (const auto& file : storage_of(folder)->list(folder)) {
    if (is_hidden(file.place.lexically_relative(folder))) continue;
    any = true;
    if (file.bytes > 0) files.push_back(file.place);
  }
  if (!any) throw DataError(fmt::format("the folder {} holds no files", folder.string()));
  return files;
}

/// The objects that a pattern fits, and those in folders that it fits, as glob finds files.
std::vector<TableFile> objects_of_pattern(const Location& pattern) {
  const auto base = fixed_part(pattern);
  const auto wanted = pattern.lexically_relative(base);
  const auto depth = std::distance(wanted.begin(), wanted.end());
  std::vector<TableFile> files;
  std::vector<Location> folders;
  for (const auto& file : storage_of(base)->list(base)) {
    const auto below = file.place.lexically_relative(base);
    if (std::distance(below.begin(), below.end()) < depth) continue;
    fs::path head;
    for (auto part = below.begin(); part != std::next(below.begin(), depth); ++part) head /= *part;
    if (::fnmatch(wanted.c_str(), head.c_str(), FNM_PATHNAME | FNM_PERIOD) != 0) continue;
    if (head == below)
      files.push_back(with_folder_columns(file.place, below));
    else if (folders.empty() || !(folders.back() == base / head))
      folders.push_back(base / head);
  }
  for (const auto& folder : folders) add_folder(files, folder, base);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<TableFile> remote_files(const Location& place) {
  const bool pattern = is_pattern(place.filename().string()) || !(fixed_part(place) == place);
  const auto found = storage_of(place)->find(place);
  std::vector<TableFile> files;
  if (found && found->is_folder)
    add_folder(files, place, place);
  else if (!found && pattern)
    files = objects_of_pattern(place);
  else
    return {{place, {}}};
  if (files.empty() && pattern) refuse_pattern(place);
  return files;
}

void require_same_folder_columns(const Location& place, const std::vector<TableFile>& files) {
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

bool is_parquet(const Location& file) { return file.extension() == ".parquet" || file.extension() == ".pq"; }

std::string name_in(const Location& place, const Location& file) {
  const auto base = is_pattern(place.string()) ? fixed_part(place) : place;
  const auto below = file.lexically_relative(base);
  return below.empty() || below.string().starts_with("..") || below == "." ? file.string() : below.string();
}

std::vector<Location> files_in(const Location& folder) {
  if (folder.is_remote()) return objects_in(folder);
  std::vector<Location> files;
  for (auto entry = fs::recursive_directory_iterator(folder.local());
       entry != fs::recursive_directory_iterator(); ++entry) {
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

std::vector<TableFile> table_files(const Location& place) {
  std::error_code error;
  std::vector<TableFile> files;
  const auto status = place.is_remote() ? fs::file_status() : fs::status(place.local(), error);
  if (place.is_remote()) {
    files = remote_files(place);
    if (files.size() == 1 && files[0].path == place) return files;
  } else if (fs::is_directory(status)) {
    add_folder(files, place, place);
  } else if (!fs::exists(status) && is_pattern(place.string())) {
    const auto base = fixed_part(place);
    for (const auto& match : matches_of(place.local())) {
      if (fs::is_directory(match.local()))
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

std::string hash_table_files(const Location& place) {
  const auto files = table_files(place);
  if (files.size() == 1 && files[0].folder_columns.empty()) return hash_stored(files[0].path);
  Hasher all;
  for (const auto& file : files) {
    for (const auto& [name, value] : file.folder_columns) all.add(name + "=" + value + "\n");
    all.add(hash_stored(file.path) + "\n");
  }
  return all.text();
}

}  // namespace ringtrain
