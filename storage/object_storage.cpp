#include "storage/object_storage.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/errors.h"
#include "common/output_file.h"
#include "storage/arrow_files.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kAtOnce = std::int64_t{4} << 20;

StoredFile stored(const Location& place, const arrow::fs::FileInfo& info) {
  const auto since = info.mtime().time_since_epoch();
  return {.place = place,
          .is_folder = info.IsDirectory(),
          .bytes = std::max<std::int64_t>(info.size(), 0),
          .modified = std::chrono::duration_cast<std::chrono::nanoseconds>(since).count()};
}

std::string etag_of(arrow::io::RandomAccessFile& file) {
  const auto metadata = file.ReadMetadata().ValueOr(nullptr);
  if (!metadata) return "";
  auto tag = metadata->Get("ETag").ValueOr("");
  if (tag.empty()) tag = metadata->Get("etag").ValueOr("");
  return tag;
}

}  // namespace

void read_object(const Location& place, const std::function<void(std::string_view)>& take) {
  const auto file = open_object(place);
  while (true) {
    const auto bytes = file->Read(kAtOnce);
    require_done(bytes.status(), place);
    if ((*bytes)->size() == 0) {
      char none = 0;
      require_done(file->Read(1, &none).status(), place);  // is it still the same
      return;
    }
    take(std::string_view(reinterpret_cast<const char*>((*bytes)->data()),
                          static_cast<std::size_t>((*bytes)->size())));
  }
}

std::optional<StoredFile> ObjectStorage::find(const Location& place) const {
  arrow::fs::FileInfo info;
  const auto path = place.path_in_store();
  require_done(tried(store_, place,
                     [&]() -> arrow::Status {
                       ARROW_ASSIGN_OR_RAISE(info, store_.files->GetFileInfo(path));
                       return arrow::Status::OK();
                     }),
               place);
  if (info.type() == arrow::fs::FileType::NotFound) return std::nullopt;
  auto found = stored(place, info);
  if (!found.is_folder) found.etag = etag_of(*open_object(place));
  return found;
}

std::vector<StoredFile> ObjectStorage::list(const Location& folder) const {
  arrow::fs::FileSelector below;
  const auto path = folder.path_in_store();
  below.base_dir = path;
  below.allow_not_found = true;
  below.recursive = true;
  arrow::fs::FileInfoVector infos;
  require_done(tried(store_, folder,
                     [&]() -> arrow::Status {
                       ARROW_ASSIGN_OR_RAISE(infos, store_.files->GetFileInfo(below));
                       return arrow::Status::OK();
                     }),
               folder);
  std::vector<StoredFile> files;
  for (const auto& info : infos)
    if (info.IsFile() && info.path().starts_with(path + "/"))
      files.push_back(stored(folder / info.path().substr(path.size() + 1), info));
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  return files;
}

std::string ObjectStorage::read(const Location& file) const {
  std::string content;
  read_object(file, [&](std::string_view piece) { content += piece; });
  return content;
}

void ObjectStorage::fetch(const Location& file, const std::filesystem::path& to) const {
  OutputFile out(to);
  read_object(file, [&](std::string_view piece) { out.write(piece); });
  out.commit();
}

void ObjectStorage::put_pieces(
    const Location& file,
    const std::function<void(const std::function<arrow::Status(std::string_view)>&)>& pieces) const {
  require_done(tried(store_, file,
                     [&]() -> arrow::Status {
                       ARROW_ASSIGN_OR_RAISE(auto out, store_.files->OpenOutputStream(file.path_in_store()));
                       arrow::Status written;
                       try {
                         pieces([&](std::string_view piece) {
                           written &= out->Write(piece.data(), static_cast<std::int64_t>(piece.size()));
                           return written;
                         });
                       } catch (...) {
                         static_cast<void>(out->Abort());  // a half must not be closed to a whole
                         throw;
                       }
                       if (!written.ok()) {
                         static_cast<void>(out->Abort());
                         return written;
                       }
                       return out->Close();
                     }),
               file);
}

void ObjectStorage::put(const Location& file, std::string_view content) const {
  put_pieces(file, [&](const auto& write) { static_cast<void>(write(content)); });
}

void ObjectStorage::put_file(const Location& file, const std::filesystem::path& from) const {
  put_pieces(file, [&](const auto& write) {
    std::ifstream in(from, std::ios::binary);
    if (!in) throw DataError(fmt::format("cannot read {}: {}", from.string(), std::strerror(errno)));
    std::string piece(static_cast<std::size_t>(kAtOnce), '\0');
    while (in.read(piece.data(), kAtOnce) || in.gcount() > 0)
      if (!write(std::string_view(piece).substr(0, static_cast<std::size_t>(in.gcount()))).ok()) return;
    if (in.bad()) throw DataError(fmt::format("reading {} failed: {}", from.string(), std::strerror(errno)));
  });
}

void ObjectStorage::remove(const Location& file) const {
  const auto status = tried(store_, file, [&] { return store_.files->DeleteFile(file.path_in_store()); });
  if (!status.ok() && find(file)) require_done(status, file);
}

}  // namespace ringtrain
