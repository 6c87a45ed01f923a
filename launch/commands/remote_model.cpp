#include "launch/commands/remote_model.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "storage/folder_copy.h"
#include "storage/storage.h"

namespace ringtrain {

std::string local_model(const std::string& text) {
  const Location named(text);
  if (!named.is_remote()) return text;
  const auto last = named.filename().string();
  const auto at = last.find('@');
  const auto place = at == std::string::npos ? named : named.parent_path() / last.substr(0, at);
  const auto folder = cache_of(place, "models");
  if (storage_of(place)->list(place).empty())
    throw ExportError(
        fmt::format("{}: there is no exported model; name the folder of a repository, a model or a "
                    "version, such as s3://bucket/jobs/cards/export/cards",
                    text));
  const CopyLock lock(folder, /*waits=*/true);  // ranks and others of this machine take the same
  FolderCopy(place, folder).fetch("");
  return folder.string() + (at == std::string::npos ? "" : last.substr(at));
}

}  // namespace ringtrain
