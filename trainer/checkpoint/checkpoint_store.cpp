#include "trainer/checkpoint/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/log.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
constexpr int kFormat = 1;

std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with("step-")) return {};
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size()) return {};
  return step;
}

/// Reads the files that the manifest lists, verified.
std::map<std::string, std::string> read_verified(const fs::path& folder) {
  const auto damaged = [&folder](std::string_view file, std::string_view why) {
    return CheckpointError(fmt::format("checkpoint {} is damaged: {} {}", folder.string(), file, why));
  };
  if (!fs::is_directory(folder))
    throw CheckpointError(fmt::format("there is no checkpoint {}", folder.string()));
  if (!fs::exists(folder / "manifest.json")) throw damaged("manifest.json", "is missing");
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json"), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_object())
    throw damaged("manifest.json", "is not a manifest");
  if (manifest.value("format", 0) != kFormat)
    throw CheckpointError(fmt::format("checkpoint {} has format {}; this ringtrain reads format {}",
                                      folder.string(), manifest.value("format", 0), kFormat));
  std::map<std::string, std::string> files;
  for (const auto& [name, entry] : manifest["files"].items()) {
    if (!fs::exists(folder / name)) throw damaged(name, "is missing");
    auto content = read_file(folder / name);
    if (content.size() != entry.value("bytes", std::uint64_t{0}))
      throw damaged(
          name, fmt::format("has {} bytes, not {}", content.size(), entry.value("bytes", std::uint64_t{0})));
    if (hash_text(content) != entry.value("xxh3", "")) throw damaged(name, "does not match its checksum");
    files[name] = std::move(content);
  }
  for (const char* name :
       {"model.safetensors", "optimizer.safetensors", "state.json", "preprocessing.json", "config.yaml"})
    if (!files.contains(name)) throw damaged("manifest.json", fmt::format("lists no {}", name));
  return files;
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
  write_file_atomically(folder_ / "best", folder.filename().string() + "\n");
  return true;
}

fs::path CheckpointStore::save(const Checkpoint& checkpoint, bool is_best, std::int64_t keep) {
  const fs::path folder = folder_of(checkpoint.step);
  const std::string name = folder.filename().string() + "\n";
  StagedFolder staged(folder);
  nlohmann::json files;
  const auto write = [&](const char* file, const std::string& content) {
    write_file_synced(staged.path() / file, content);
    files[file] = {{"bytes", content.size()}, {"xxh3", hash_text(content)}};
  };
  write("model.safetensors", write_safetensors(checkpoint.weights, {{"format", "pt"}}));
  write("optimizer.safetensors", write_safetensors(checkpoint.optimizer));
  write("state.json",
        nlohmann::json{{"step", checkpoint.step}, {"progress", checkpoint.progress}}.dump(1) + "\n");
  write("preprocessing.json", checkpoint.preprocessing.dump(1) + "\n");
  write("config.yaml", checkpoint.config);
  write_file_synced(staged.path() / "manifest.json",
                    nlohmann::json{{"format", kFormat}, {"files", files}}.dump(1) + "\n");
  // One of this step is there only when it was damaged and training went on from an older one.
  fs::remove_all(folder);
  staged.commit();
  write_file_atomically(folder_ / "latest", name);
  if (is_best) mark_best(checkpoint.step);

  const auto all = steps();
  const auto spared = best();
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < all.size(); ++i)
    if (all[i] != spared && all[i] != checkpoint.step) fs::remove_all(folder_of(all[i]));
  return folder;
}

Checkpoint CheckpointStore::load(std::int64_t step) const {
  const fs::path folder = folder_of(step);
  const auto files = read_verified(folder);
  Checkpoint checkpoint;
  const auto state = nlohmann::json::parse(files.at("state.json"), nullptr, false);
  checkpoint.preprocessing = nlohmann::json::parse(files.at("preprocessing.json"), nullptr, false);
  if (!state.is_object() || state.value("step", std::int64_t{-1}) != step || !state.contains("progress") ||
      checkpoint.preprocessing.is_discarded())
    throw CheckpointError(
        fmt::format("checkpoint {} is damaged: state.json does not belong to it", folder.string()));
  checkpoint.step = step;
  checkpoint.progress = state["progress"];
  checkpoint.config = files.at("config.yaml");
  checkpoint.weights =
      read_safetensors(files.at("model.safetensors"), (folder / "model.safetensors").string());
  checkpoint.optimizer =
      read_safetensors(files.at("optimizer.safetensors"), (folder / "optimizer.safetensors").string());
  return checkpoint;
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

std::string CheckpointStore::hash(std::int64_t step) const {
  return hash_file(folder_of(step) / "manifest.json");
}

}  // namespace ringtrain
