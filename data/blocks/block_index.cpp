#include "data/blocks/block_index.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/progress.h"
#include "common/text.h"
#include "data/order/share.h"
#include "data/table/arrow_input.h"
#include "data/table/csv_header.h"
#include "data/table/csv_scanner.h"
#include "data/table/parquet_file.h"
#include "storage/storage.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kVersion = 1;

std::int64_t nanoseconds_of(const fs::path& file) {
  const auto time = std::chrono::file_clock::to_sys(fs::last_write_time(file));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

std::vector<BlockIndex::File> files_now(const Location& place) {
  std::vector<BlockIndex::File> files;
  for (auto& file : table_files(place)) {
    if (file.path.is_remote()) {
      auto found = storage_of(file.path)->find(file.path);
      if (!found || found->is_folder) open_file(file.path);  // says what is wrong
      files.push_back({std::move(file), found->bytes, found->modified, 0, std::move(found->etag)});
      continue;
    }
    const auto& path = file.path.local();
    std::error_code error;
    const auto bytes = fs::file_size(path, error);
    if (error) {
      open_file(file.path);  // says what is wrong
      throw DataError(fmt::format("cannot read {}: {}", file.path.string(), error.message()));
    }
    const auto modified = nanoseconds_of(path);
    files.push_back({std::move(file), static_cast<std::int64_t>(bytes), modified, 0, {}});
  }
  return files;
}

std::string how_cut(const CsvConfig& csv, std::int64_t block_bytes) {
  return json({csv.delimiter, csv.quote, csv.encoding, block_bytes}).dump();
}

/// Rows of a row group that are decoded at once: so few that the first batch of many lanes comes soon, so
/// many that passing over those before them costs little.
constexpr std::int64_t kMostRows = 1 << 17;

std::vector<FilePart> parts_of_parquet(const Location& file) {
  const auto reader = open_parquet(file, 1024);
  const auto meta = reader->parquet_reader()->metadata();
  std::vector<FilePart> parts;
  std::int64_t rows = 0;
  for (int g = 0; g < meta->num_row_groups(); ++g) {
    const auto group = meta->RowGroup(g);
    FilePart part{.first_row = rows, .rows = group->num_rows(), .begin = INT64_MAX, .group = g};
    for (int c = 0; c < group->num_columns(); ++c) {
      const auto column = group->ColumnChunk(c);
      auto begin = column->data_page_offset();
      if (column->has_dictionary_page() && column->dictionary_page_offset() > 0)
        begin = std::min(begin, column->dictionary_page_offset());
      part.begin = std::min(part.begin, begin);
      part.end = std::max(part.end, begin + column->total_compressed_size());
    }
    const auto pieces = (part.rows + kMostRows - 1) / kMostRows;
    for (std::int64_t p = 0; p < pieces; ++p) {
      const auto share = even_share(group->num_rows(), p, pieces);
      part.first_row = rows + share.begin;
      part.rows = share.size();
      part.skip = share.begin;
      parts.push_back(part);
    }
    rows += group->num_rows();
  }
  return parts;
}

std::vector<FilePart> pieces_of_csv(const Location& file, std::int64_t bytes, const CsvConfig& csv,
                                    std::int64_t block_bytes) {
  CsvScanner scanner(file, csv);
  read_header(scanner);
  const auto first = scanner.next_begins();
  const bool can_be_cut =
      first && file.extension() != ".gz" && scanner.dialect().encoding == TextEncoding::utf8;
  std::vector<FilePart> parts;
  FilePart part;
  const auto begin_at = [&](std::int64_t row, std::int64_t byte, std::int64_t line) {
    part = {.first_row = row, .begin = byte, .end = bytes, .line = line};
  };
  begin_at(0, first.value_or(0), scanner.next_line());
  while (scanner.skip()) {
    ++part.rows;
    const auto next = scanner.next_begins();
    if (!can_be_cut || !next || *next - part.begin < block_bytes) continue;
    part.end = *next;
    parts.push_back(part);
    begin_at(part.first_row + part.rows, *next, scanner.next_line());
  }
  if (part.rows > 0) parts.push_back(part);
  if (!can_be_cut && !parts.empty()) parts[0].begin = parts[0].end = 0;
  return parts;
}

std::string hash_of_bytes(const Location& file, const FilePart& part) {
  if (part.is_whole()) return hash_stored(file);
  constexpr std::int64_t at_once = 1 << 22;
  const auto input = open_file(file);
  Hasher hasher;
  for (auto at = part.begin; at < part.end; at += at_once) {
    const auto bytes = input->ReadAt(at, std::min(at_once, part.end - at));
    if (!bytes.ok())
      throw DataError(fmt::format("reading {} failed: {}", file.string(), bytes.status().message()));
    hasher.add({reinterpret_cast<const char*>((*bytes)->data()), static_cast<std::size_t>((*bytes)->size())});
  }
  return hasher.text();
}

json to_json(const FilePart& part) {
  return {part.first_row, part.rows, part.begin, part.end, part.line, part.group, part.skip};
}

FilePart part_of(const json& j) {
  return {.first_row = j.at(0),
          .rows = j.at(1),
          .begin = j.at(2),
          .end = j.at(3),
          .line = j.at(4),
          .group = j.at(5),
          .skip = j.at(6)};
}

/// What each rank made of its things, by their numbers: rank r has r, r + N, ...
std::vector<json> gather_shared(Communicator& control, const std::vector<json>& mine, std::size_t count) {
  const auto texts = all_gather_strings(control, json(mine).dump());
  std::vector<json> all(count), of_ranks;
  for (const auto& text : texts) of_ranks.push_back(json::parse(text));
  for (std::size_t i = 0; i < count; ++i) all[i] = of_ranks[i % texts.size()].at(i / texts.size());
  return all;
}

/// Does `make(i)` for each of this rank's share of `count` things.
template <class Make>
std::vector<json> shared_work(Communicator& control, const char* phase, std::size_t count, Make make) {
  std::vector<json> mine;
  const auto ranks = static_cast<std::size_t>(control.world_size());
  together(control, phase, [&] {
    std::optional<Progress> progress;
    if (control.rank() == 0 && count > ranks) progress.emplace(phase, static_cast<std::int64_t>(count));
    for (auto i = static_cast<std::size_t>(control.rank()); i < count; i += ranks) {
      mine.push_back(make(i));
      if (progress) progress->update(static_cast<std::int64_t>(std::min(count, i + ranks)));
    }
    if (progress) progress->finish();
  });
  return gather_shared(control, mine, count);
}

}  // namespace

std::int64_t BlockIndex::rows() const {
  return blocks.empty() ? 0 : blocks.back().first_row + blocks.back().part.rows;
}

std::string BlockIndex::hash() const {
  Hasher hasher;
  for (const auto& file : files)
    for (const auto& [name, value] : file.file.folder_columns) hasher.add(name + "=" + value + "\n");
  for (const auto& block : blocks) hasher.add(fmt::format("{} {}\n", block.hash, block.part.rows));
  return hasher.text();
}

json BlockIndex::to_json() const {
  json j = {{"version", kVersion}, {"place", place.string()}, {"cut", cut}};
  for (const auto& file : files) {
    j["files"].push_back({{"path", file.file.path.string()},
                          {"columns", file.file.folder_columns},
                          {"bytes", file.bytes},
                          {"modified", file.modified},
                          {"first_row", file.first_row}});
    if (!file.etag.empty()) j["files"].back()["etag"] = file.etag;
  }
  j["blocks"] = json::array();
  for (const auto& block : blocks)
    j["blocks"].push_back({{"file", block.file},
                           {"first_row", block.first_row},
                           {"rows", block.part.rows},
                           {"part", ringtrain::to_json(block.part)},
                           {"hash", block.hash}});
  return j;
}

BlockIndex BlockIndex::from_json(const json& j) {
  try {
    if (j.at("version") != kVersion)
      throw DataError(fmt::format("an index of version {}; this ringtrain reads version {}",
                                  j.at("version").dump(), kVersion));
    BlockIndex index{
        .place = j.at("place").get<std::string>(), .cut = j.at("cut"), .files = {}, .blocks = {}};
    for (const auto& file : j.at("files"))
      index.files.push_back({{file.at("path").get<std::string>(), file.at("columns")},
                             file.at("bytes"),
                             file.at("modified"),
                             file.at("first_row"),
                             file.value("etag", "")});
    for (const auto& block : j.at("blocks"))
      index.blocks.push_back(
          {block.at("file"), block.at("first_row"), part_of(block.at("part")), block.at("hash")});
    return index;
  } catch (const json::exception& error) {
    throw DataError(fmt::format("it is no index of blocks: {}", error.what()));
  }
}

Location index_file(const Location& place) {
  std::error_code error;
  bool is_folder = false, exists = false;
  if (place.is_remote()) {
    const auto found = storage_of(place)->find(place);
    exists = found.has_value();
    is_folder = found && found->is_folder;
  } else {
    is_folder = fs::is_directory(place.local(), error);
    exists = is_folder || fs::exists(place.local(), error);
  }
  if (is_folder) return place / "_ringtrain" / "index.json";
  if (exists) return place.parent_path() / "_ringtrain" / (place.filename().string() + ".index.json");
  const auto first = table_files(place).at(0).path;  // a pattern
  return first.parent_path() / "_ringtrain" / (hash_text(place.string()) + ".index.json");
}

std::optional<BlockIndex> current_index(const Location& file, const Location& place, const CsvConfig& csv,
                                        std::int64_t block_bytes) {
  std::error_code error;
  const auto storage = storage_of(file);
  if (file.is_remote() ? !storage->find(file) : !fs::exists(file.local(), error)) return std::nullopt;
  BlockIndex index;
  try {
    index = BlockIndex::from_json(json::parse(storage->read(file)));
  } catch (const std::exception& problem) {
    log::warn(fmt::format("{}: {}; it is made anew", file.string(), problem.what()));
    return std::nullopt;
  }
  const auto now = files_now(place);
  const bool same = index.cut == how_cut(csv, block_bytes) &&
                    std::equal(now.begin(), now.end(), index.files.begin(), index.files.end(),
                               [](const auto& a, const auto& b) {
                                 return a.file.path == b.file.path && a.bytes == b.bytes &&
                                        a.modified == b.modified && a.etag == b.etag &&
                                        a.file.folder_columns == b.file.folder_columns;
                               });
  if (!same) return std::nullopt;
  index.place = place;
  return index;
}

BlockIndex make_index(const Location& place, const CsvConfig& csv, std::int64_t block_bytes,
                      Communicator& control) {
  BlockIndex index{.place = place, .cut = how_cut(csv, block_bytes), .files = {}, .blocks = {}};
  together(control, "looking for the files", [&] { index.files = files_now(place); });
  std::string names;
  for (const auto& file : index.files) names += fmt::format("{} {}\n", file.file.path.string(), file.bytes);
  agree_on(control, "the files of " + place.string() + " (hash of names and sizes)", hash_text(names));
  const auto parts = shared_work(control, "finding the blocks, file", index.files.size(), [&](std::size_t i) {
    const auto& file = index.files[i];
    json list = json::array();
    for (const auto& part : is_parquet(file.file.path)
                                ? parts_of_parquet(file.file.path)
                                : pieces_of_csv(file.file.path, file.bytes, csv, block_bytes))
      list.push_back(to_json(part));
    return list;
  });
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    index.files[i].first_row = rows;
    for (const auto& one : parts[i]) {
      const auto part = part_of(one);
      index.blocks.push_back(
          {static_cast<std::int64_t>(i), index.files[i].first_row + part.first_row, part, ""});
      rows += part.rows;
    }
  }
  // The blocks of a row group have its bytes, and so its hash.
  std::vector<std::size_t> hashed;
  for (std::size_t b = 0; b < index.blocks.size(); ++b)
    if (index.blocks[b].part.skip == 0) hashed.push_back(b);
  const auto hashes = shared_work(control, "hashing the data, part", hashed.size(), [&](std::size_t i) {
    const auto& block = index.blocks[hashed[i]];
    return json(hash_of_bytes(index.files[static_cast<std::size_t>(block.file)].file.path, block.part));
  });
  for (std::size_t i = 0; i < hashed.size(); ++i) index.blocks[hashed[i]].hash = hashes[i];
  for (std::size_t b = 1; b < index.blocks.size(); ++b)
    if (index.blocks[b].part.skip > 0) index.blocks[b].hash = index.blocks[b - 1].hash;
  if (index.blocks.empty()) throw DataError(fmt::format("{} has columns but no rows", place.string()));
  return index;
}

BlockIndex open_index(const std::vector<Location>& files, const Location& place, const CsvConfig& csv,
                      std::int64_t block_bytes, Communicator& control) {
  std::string text;
  together(control, "looking for the index", [&] {
    if (control.rank() != 0) return;
    for (const auto& file : files)
      if (const auto index = current_index(file, place, csv, block_bytes)) {
        text = index->to_json().dump();
        return;
      }
  });
  text = broadcast_string(control, text, 0);
  if (!text.empty()) {
    auto index = BlockIndex::from_json(json::parse(text));
    index.place = place;
    return index;
  }
  auto index = make_index(place, csv, block_bytes, control);
  if (control.rank() != 0) return index;
  for (const auto& file : files) try {
      storage_of(file)->put(file, index.to_json().dump(1) + "\n");
      log::info(fmt::format("data {}: the index of {} blocks is kept in {}", place.string(),
                            with_commas(static_cast<long long>(index.blocks.size())), file.string()));
      break;
    } catch (const std::exception&) {  // the next one; without any it is made anew each time
    }
  return index;
}

std::unique_ptr<ColumnStream> open_block(const BlockIndex& index, const Block& block, WantedColumns wanted) {
  const auto& file = index.files.at(static_cast<std::size_t>(block.file));
  return open_part_columns(index.place, file.file, file.first_row, block.part, std::move(wanted));
}

void require_same_bytes(const BlockIndex& index, const Block& block) {
  const auto& file = index.files.at(static_cast<std::size_t>(block.file));
  if (hash_of_bytes(file.file.path, block.part) == block.hash) return;
  throw DataError(fmt::format(
      "{}: rows {} to {} are not those that its index was made of: the file has changed or is damaged. Bring "
      "it back, or begin a new run, which makes the index anew",
      file.file.path.string(), with_commas(block.part.first_row + 1),
      with_commas(block.part.first_row + block.part.rows)));
}

}  // namespace ringtrain
