#include "launch/commands/version_origin.h"

#include <fmt/format.h>

#include <string>

#include "common/errors.h"
#include "common/hash.h"
#include "serving/export/exporter.h"
#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {
namespace fs = std::filesystem;

fs::path origin_of(const Manifest& manifest, const fs::path& version) {
  const auto& provenance = manifest.provenance;
  const auto step = provenance.value("step", std::int64_t{-1});
  const std::string name = fmt::format("step-{}", step);
  const fs::path own = version / kTrainingFolder / name, theirs = provenance.value("checkpoint", "");
  const auto key = fmt::format("{}/{}/manifest.json", kTrainingFolder, name);
  if (manifest.files.contains(key)) {
    if (!fs::exists(version / key))
      throw CheckpointError(
          fmt::format("{} is missing: copy the version's whole folder from where it was "
                      "exported",
                      (version / key).string()));
    if (hash_file(version / key) != manifest.files[key].get<std::string>())
      throw CheckpointError(
          fmt::format("{} is not the one that was exported: copy the version's whole folder "
                      "from where it was exported",
                      (version / key).string()));
    return fs::absolute(own);
  }
  if (theirs.empty() || step < 0)
    throw CheckpointError(
        fmt::format("{}/manifest.json names no checkpoint to go on from; train anew", version.string()));
  const auto folder = fs::is_directory(own) ? own : theirs;
  if (!fs::is_directory(folder))
    throw CheckpointError(
        fmt::format("{} was exported without its checkpoint, and {} is gone. Bring that folder here, as {}, "
                    "or train anew",
                    version.string(), theirs.string(), own.string()));
  if (CheckpointStore(folder.parent_path()).hash(step) != provenance.value("checkpoint_hash", ""))
    throw CheckpointError(fmt::format("{}: the checkpoint {} is not the one that it was exported from",
                                      version.string(), folder.string()));
  return fs::absolute(folder);
}

}  // namespace ringtrain
