#include "trainer/weights/stored_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "trainer/checkpoint/found_checkpoint.h"
#include "trainer/weights/torch_file.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndex = ".safetensors.index.json";

bool is_safetensors(const std::string& name) { return name.ends_with(".safetensors"); }
bool is_torch(const std::string& name) {
  return name.ends_with(".pt") || name.ends_with(".pth") || name.ends_with(".bin") || name.ends_with(".ckpt");
}

/// What git leaves in place of a large file that was not fetched.
void refuse_pointer(const fs::path& file) {
  constexpr std::string_view begin = "version https://git-lfs";
  std::string text(begin.size(), ' ');
  std::ifstream(file, std::ios::binary).read(text.data(), static_cast<std::streamsize>(text.size()));
  if (text == begin)
    throw CheckpointError(fmt::format(
        "{} holds no weights, but git's pointer to them: fetch them with `git lfs pull`", file.string()));
}

/// The parts that an index names, by the tensors that it puts there.
NamedTensors read_parts(const fs::path& index) {
  const auto refuse = [&index](const std::string& why) {
    throw CheckpointError(fmt::format("{}: {}", index.string(), why));
  };
  const auto json = nlohmann::json::parse(read_file(index), nullptr, false);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    refuse("expected an object with a weight_map, the file of each tensor");
  std::set<std::string> files;
  for (const auto& [name, file] : json["weight_map"].items()) {
    if (!file.is_string()) refuse(fmt::format("the file of '{}' is no text", name));
    const auto text = file.get<std::string>();
    if (text.empty() || text.front() == '.' || text.find('/') != std::string::npos)
      refuse(fmt::format("'{}' lies in '{}', which is no file beside it", name, text));
    files.insert(text);
  }
  NamedTensors tensors;
  for (const auto& file : files) {
    const auto path = index.parent_path() / file;
    if (!fs::is_regular_file(path)) refuse(fmt::format("{} is missing", path.string()));
    refuse_pointer(path);
    for (auto& [name, tensor] : read_safetensors(read_file(path), path.string())) {
      if (json["weight_map"].value(name, "") != file)
        refuse(fmt::format("{} has a tensor '{}' that does not belong there", path.string(), name));
      tensors[name] = tensor;
    }
  }
  for (const auto& [name, file] : json["weight_map"].items())
    if (!tensors.contains(name)) refuse(fmt::format("'{}' is not in {}", name, file.get<std::string>()));
  return tensors;
}

StoredWeights read_one(const fs::path& file) {
  const auto name = file.filename().string();
  refuse_pointer(file);
  StoredWeights weights;
  weights.where = file.string();
  if (is_torch(name))
    weights = read_torch_file(file);
  else if (name.ends_with(kIndex))
    weights.tensors = read_parts(file);
  else if (is_safetensors(name))
    weights.tensors = read_safetensors(read_file(file), file.string());
  else
    throw ConfigError(fmt::format(
        "model.weights.from: {}: expected a file *.safetensors, *{}, *.pt, *.pth, *.bin or *.ckpt, "
        "or a folder",
        file.string(), kIndex));
  strip_wrappers(weights);
  if (const auto config = file.parent_path() / "config.json"; fs::is_regular_file(config))
    weights.config = read_file(config);
  return weights;
}

/// The file of weights in a folder of somebody else's.
fs::path file_in(const fs::path& folder) {
  std::vector<fs::path> indices, safetensors, torch;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.ends_with(kIndex)) indices.push_back(entry.path());
    if (is_safetensors(name)) safetensors.push_back(entry.path());
    if (is_torch(name)) torch.push_back(entry.path());
  }
  for (const auto* found : {&indices, &safetensors, &torch}) {
    if (found->size() == 1) return found->front();
    if (found->empty()) continue;
    std::vector<std::string> names;
    for (const auto& file : *found) names.push_back(file.filename().string());
    std::sort(names.begin(), names.end());
    throw ConfigError(
        fmt::format("model.weights.from: {} holds {}; name one of them", folder.string(), join(names)));
  }
  throw ConfigError(fmt::format(
      "model.weights.from: {} holds no weights: no checkpoint (JOB, JOB/checkpoints/step-N), no "
      "exported version (BASE/NAME/VERSION), and no file *.safetensors, *{}, *.pt, *.pth, *.bin or *.ckpt",
      folder.string(), kIndex));
}

}  // namespace

StoredWeights read_stored_weights(const fs::path& from) {
  if (!fs::exists(from))
    throw ConfigError(fmt::format("model.weights.from: there is no {}", fs::absolute(from).string()));
  if (!fs::is_directory(from)) return read_one(from);
  if (const auto found = find_checkpoint(from)) {
    StoredWeights weights;
    weights.where = found->store.folder_of(found->step).string();
    weights.tensors = found->load().weights;
    return weights;
  }
  return read_one(file_in(from));
}

}  // namespace ringtrain
