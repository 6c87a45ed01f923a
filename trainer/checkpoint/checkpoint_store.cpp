#include "trainer/checkpoint/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "trainer/checkpoint/checked_file.h"
#include "trainer/checkpoint/checkpoint_parts.h"
#include "trainer/checkpoint/job_lock.h"

namespace ringtrain {
namespace {

/// What schema.json was called in version 0.1.
constexpr const char* kOldSchema = "preprocessing.json";

namespace fs = std::filesystem;
constexpr int kFormat = 1;
constexpr std::chrono::seconds kPatience{120};  // with another rank's disk

std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with("step-")) return {};
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size()) return {};
  return step;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

std::uint64_t bytes_of(const NamedTensors& tensors) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes() + name.size() + 128;
  return bytes;
}

/// Reads the files that the manifest lists, verified.
std::map<std::string, std::string> read_verified(const fs::path& folder) {
  const auto damaged = [&folder](const fs::path& file, std::string_view why) {
    return CheckpointError(
        fmt::format("checkpoint {} is damaged: {} {}", folder.string(), file.string(), why));
  };
  if (!fs::is_directory(folder))
    throw CheckpointError(fmt::format("there is no checkpoint {}", folder.string()));
  if (!fs::exists(folder / "manifest.json")) throw damaged("manifest.json", "is missing");
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json"), nullptr, false);
  if (!manifest.is_object()) throw damaged("manifest.json", "is not a manifest");
  // Before all else: another format may have none of what follows.
  const auto format = manifest.value("format", nlohmann::json());
  if (format != kFormat)
    throw CheckpointError(fmt::format(
        "checkpoint {} has format {}; this ringtrain reads format {}{}", folder.string(), format.dump(),
        kFormat, format.is_number_integer() && format > kFormat ? "; use a newer ringtrain" : ""));
  if (!manifest.contains("files") || !manifest["files"].is_object())
    throw damaged("manifest.json", "is not a manifest");
  std::map<std::string, std::string> files;
  for (const auto& [name, entry] : manifest["files"].items()) {
    if (!is_plain_name(name)) throw damaged("manifest.json", "names a file elsewhere");
    if (!entry.is_object() || !entry.contains("bytes") || !entry["bytes"].is_number_unsigned() ||
        !entry.contains("xxh3") || !entry["xxh3"].is_string())
      throw damaged("manifest.json", "is not a manifest");
    if (!fs::is_regular_file(folder / name)) throw damaged(name, "is missing");
    auto content = read_file(folder / name);
    if (const auto bytes = entry["bytes"].get<std::uint64_t>(); content.size() != bytes)
      throw damaged(name, fmt::format("has {} bytes, not {}", content.size(), bytes));
    if (hash_text(content) != entry["xxh3"].get<std::string>())
      throw damaged(name, "does not match its checksum");
    files[name] = std::move(content);
  }
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json", "config.yaml"})
    if (!files.contains(name)) throw damaged("manifest.json", fmt::format("lists no {}", name));
  if (!files.contains("schema.json") && !files.contains(kOldSchema))
    throw damaged("manifest.json", "lists no schema.json");
  return files;
}

/// The same without keeping them in memory: whether the disk gives back what was written.
void verify(const fs::path& folder) {
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json"), nullptr, false);
  if (!manifest.is_object())
    throw CheckpointError(
        fmt::format("{} does not read back as it was written", (folder / "manifest.json").string()));
  for (const auto& [name, entry] : manifest.at("files").items())
    if (hash_file(folder / name) != entry.at("xxh3").get<std::string>())
      throw CheckpointError(fmt::format("{} does not read back as it was written", (folder / name).string()));
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder) : folder_(std::move(folder)) {}

fs::path CheckpointStore::folder_of(std::int64_t step) const {
  return folder_ / fmt::format("step-{}", step);
}

std::vector<std::int64_t> CheckpointStore::steps() const {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (const auto step = step_of(entry.path().filename().string()); step && entry.is_directory())
      steps.push_back(*step);
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<std::int64_t> CheckpointStore::best() const {
  if (!fs::exists(folder_ / "best")) return {};
  auto name = read_file(folder_ / "best");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  const auto step = step_of(name);
  return step && fs::is_directory(folder_ / name) ? step : std::nullopt;
}

bool CheckpointStore::mark_best(std::int64_t step) const {
  const auto folder = folder_of(step);
  if (!fs::is_directory(folder)) return false;
  require_lock();
  write_file_atomically(folder_ / "best", folder.filename().string() + "\n");
  return true;
}

fs::path CheckpointStore::save(const Checkpoint& checkpoint, bool is_best, const Retention& retention,
                               int parts) const {
  fs::path folder = folder_of(checkpoint.step);
  try {
    require_room(checkpoint);
    StagedFolder staged(folder);
    write(checkpoint, staged.path(), parts);
    verify(staged.path());
    require_lock();
    // One of this step is there only when it was damaged and training went on from an older one.
    if (fs::exists(folder)) remove(folder);
    staged.commit();
    require_lock();
    write_file_atomically(folder_ / "latest", folder.filename().string() + "\n");
    if (is_best) mark_best(checkpoint.step);
    apply(retention, checkpoint.step);
  } catch (const CheckpointError&) {
    throw;
  } catch (const JobTakenError&) {
    throw;
  } catch (const std::exception& error) {  // of the file system
    throw CheckpointError(error.what());
  }
  return folder;
}

void CheckpointStore::require_lock() const {
  if (lock_ != nullptr) lock_->require();
}

/// A disk that fills up is found before the first byte; what others write meanwhile cannot be known.
void CheckpointStore::require_room(const Checkpoint& checkpoint) const {
  const auto needed = bytes_of(checkpoint.weights) + bytes_of(checkpoint.optimizer) + (1 << 20);
  std::error_code error;
  const auto space = fs::space(folder_, error);
  if (!error && space.available < needed)
    throw CheckpointError(fmt::format("no room for a checkpoint in {}: it takes {}, {} are free",
                                      folder_.string(), human_bytes(static_cast<double>(needed)),
                                      human_bytes(static_cast<double>(space.available))));
}

void CheckpointStore::write(const Checkpoint& checkpoint, const fs::path& folder, int parts) const {
  nlohmann::json files;
  const auto record = [&files](const char* name, const CheckedFile::Record& made) {
    files[name] = {{"bytes", made.bytes}, {"xxh3", made.xxh3}};
  };
  const auto write_tensors = [&](const char* name, const NamedTensors& tensors) {
    CheckedFile file(folder / name);
    write_safetensors(tensors, {{"format", "pt"}}, [&file](std::string_view bytes) { file.write(bytes); });
    record(name, file.finish());
  };
  const auto write_text = [&](const char* name, const std::string& text) {
    CheckedFile file(folder / name);
    file.write(text);
    record(name, file.finish());
  };
  write_tensors("model.safetensors", checkpoint.weights);
  write_tensors("optimizer.safetensors", checkpoint.optimizer);
  write_text("state.json",
             nlohmann::json{{"step", checkpoint.step}, {"progress", checkpoint.progress}}.dump(1) + "\n");
  write_text("schema.json", checkpoint.preprocessing.dump(1) + "\n");
  write_text("config.yaml", checkpoint.config);
  if (parts > 1)
    for (const auto& part : take_parts(parts_of(checkpoint.step), parts, folder, kPatience))
      record(part.name.c_str(), part.record);
  write_text("manifest.json", nlohmann::json{{"format", kFormat}, {"files", files}}.dump(1) + "\n");
}

fs::path CheckpointStore::parts_of(std::int64_t step) const {
  return folder_ / fmt::format(".step-{}.parts", step);
}

void CheckpointStore::save_part(std::int64_t step, int rank, const NamedTensors& optimizer) const {
  write_part(parts_of(step), rank, optimizer);
}

/// First out of sight, so that a process that is killed here leaves no half of one.
void CheckpointStore::remove(const fs::path& folder) const {
  const fs::path hidden = folder_ / fmt::format(".{}.removed", folder.filename().string());
  fs::remove_all(hidden);
  fs::rename(folder, hidden);
  fs::remove_all(hidden);
}

void CheckpointStore::apply(const Retention& retention, std::int64_t newest) const {
  const auto all = steps();
  const auto spared = best();
  for (std::size_t i = 0; i + static_cast<std::size_t>(retention.keep) < all.size(); ++i) {
    const bool kept = retention.keep_every > 0 && all[i] % retention.keep_every == 0;
    if (all[i] != spared && all[i] != newest && !kept) remove(folder_of(all[i]));
  }
}

void CheckpointStore::remove_leftovers() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto name = entry.path().filename().string();
    const bool is_pointer = name.starts_with("latest.") || name.starts_with("best.");
    if (name.starts_with(".step-") || (is_pointer && name.ends_with(".tmp")))
      fs::remove_all(entry.path(), error);
  }
}

void CheckpointStore::clear() const {
  require_lock();
  for (const auto& entry : fs::directory_iterator(folder_)) fs::remove_all(entry.path());
}

static Checkpoint load_from(const fs::path& folder, std::int64_t step) {
  const auto files = read_verified(folder);
  Checkpoint checkpoint;
  const auto state = nlohmann::json::parse(files.at("state.json"), nullptr, false);
  checkpoint.preprocessing = nlohmann::json::parse(
      files.at(files.contains("schema.json") ? "schema.json" : kOldSchema), nullptr, false);
  if (!state.is_object() || state.value("step", nlohmann::json()) != step || !state.contains("progress") ||
      !state["progress"].is_object() || !checkpoint.preprocessing.is_object())
    throw CheckpointError(
        fmt::format("checkpoint {} is damaged: state.json does not belong to it", folder.string()));
  checkpoint.step = step;
  checkpoint.progress = state["progress"];
  checkpoint.config = files.at("config.yaml");
  checkpoint.weights =
      read_safetensors(files.at("model.safetensors"), (folder / "model.safetensors").string());
  NamedTensors optimizer;
  for (const auto& [name, content] : files)
    if (name.starts_with("optimizer")) optimizer.merge(read_safetensors(content, (folder / name).string()));
  checkpoint.optimizer = join_pieces(optimizer, checkpoint.weights, folder.string());
  return checkpoint;
}

Checkpoint CheckpointStore::load(std::int64_t step) const {
  const fs::path folder = folder_of(step);
  try {
    return load_from(folder, step);
  } catch (const CheckpointError&) {
    throw;
  } catch (const std::exception& error) {  // of the file system
    throw CheckpointError(fmt::format("checkpoint {} cannot be read: {}", folder.string(), error.what()));
  }
}

Checkpoint CheckpointStore::load_newest() const {
  const auto all = steps();
  if (all.empty())
    throw CheckpointError(
        fmt::format("there is no checkpoint in {}; start without --resume", folder_.string()));
  std::string problems;
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    try {
      return load(*step);
    } catch (const Error& error) {
      log::warn(fmt::format("{}; trying the one before it", error.what()));
      problems += fmt::format("\n  {}", error.what());
    }
  }
  throw CheckpointError(fmt::format("none of the {} checkpoints in {} can be loaded:{}", all.size(),
                                    folder_.string(), problems));
}

void CheckpointStore::copy_without_optimizer(std::int64_t step, const fs::path& to) const {
  const fs::path from = folder_of(step), target = to / from.filename();
  try {
    auto files = nlohmann::json::parse(read_file(from / "manifest.json")).at("files");
    fs::create_directories(target);
    for (auto entry = files.begin(); entry != files.end();) {
      if (entry.key().starts_with("optimizer")) {
        entry = files.erase(entry);
        continue;
      }
      fs::copy_file(from / entry.key(), target / entry.key());
      ++entry;
    }
    CheckedFile none(target / "optimizer.safetensors");
    write_safetensors({}, {{"format", "pt"}}, [&none](std::string_view bytes) { none.write(bytes); });
    const auto record = none.finish();
    files["optimizer.safetensors"] = {{"bytes", record.bytes}, {"xxh3", record.xxh3}};
    write_file_synced(target / "manifest.json",
                      nlohmann::json{{"format", kFormat}, {"files", files}}.dump(1) + "\n");
    verify(target);
  } catch (const CheckpointError&) {
    throw;
  } catch (const std::exception& error) {
    throw CheckpointError(
        fmt::format("cannot copy the checkpoint {} to {}: {}", from.string(), target.string(), error.what()));
  }
}

std::string CheckpointStore::hash(std::int64_t step) const {
  return hash_file(folder_of(step) / "manifest.json");
}

}  // namespace ringtrain
