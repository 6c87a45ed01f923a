#include <fmt/format.h>

#include <iostream>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "launch/commands/commands.h"
#include "launch/commands/remote_model.h"
#include "serving/repository/manifest.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_state.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

std::int64_t bytes_of(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_regular_file(error)) bytes += static_cast<std::int64_t>(entry->file_size(error));
  return bytes;
}

ordered_json describe_version(const fs::path& model, std::int64_t version, const VersionState& state,
                              const std::vector<std::int64_t>& present) {
  const auto folder = model / std::to_string(version);
  ordered_json one{{"version", version}, {"live", state.live_of(present) == version}};
  const auto served = state.served(present);
  one["served"] = std::find(served.begin(), served.end(), version) != served.end();
  one["labels"] = ordered_json::array();
  for (const auto& [label, labelled] : state.labels)
    if (labelled == version) one["labels"].push_back(label);
  one["bytes"] = bytes_of(folder);
  try {
    const auto manifest = Manifest::read(folder);
    one["task"] = manifest.task;
    one["created"] = manifest.provenance.value("created", "");
    one["metrics"] = manifest.metrics;
    if (const auto& signature = manifest.preprocessing.signature)
      for (const auto& input : signature->inputs) one["inputs"][input.name] = text_of(input);
  } catch (const Error& error) {
    one["problem"] = error.what();
  }
  return one;
}

ordered_json describe_model(const std::string& name, const fs::path& folder) {
  ordered_json model{{"model", name}, {"folder", folder.string()}, {"versions", ordered_json::array()}};
  const auto present = versions(folder);
  VersionState state;
  try {
    state = VersionState::read(folder);
  } catch (const Error& error) {  // one model's does not hide the others
    model["problem"] = error.what();
  }
  for (const auto version : present)
    model["versions"].push_back(describe_version(folder, version, state, present));
  if (model.contains("problem"))  // what is live is not known then
    for (auto& version : model["versions"]) version["live"] = version["served"] = false;
  return model;
}

std::string metrics_text(const nlohmann::json& metrics) {
  std::vector<std::string> parts;
  for (const char* name : {"roc_auc", "pr_auc", "f1", "accuracy", "rmse", "r2", "perplexity", "loss"})
    if (parts.size() < 3 && metrics.is_object() && metrics.contains(name) && metrics[name].is_number())
      parts.push_back(fmt::format("{} {:.4f}", name, metrics[name].get<double>()));
  return join(parts);
}

std::string labels_text(const ordered_json& version) {
  std::vector<std::string> words;
  if (version["live"]) words.emplace_back("live");
  for (const auto& label : version["labels"]) words.push_back(label.get<std::string>());
  if (words.empty() && version["served"]) words.emplace_back("served");
  return join(words);
}

void print_table(const ordered_json& models) {
  fmt::print("{:<20} {:>7}  {:<16} {:<20} {:>10}  {}\n", "MODEL", "VERSION", "SERVED AS", "CREATED", "SIZE",
             "METRICS");
  for (const auto& model : models) {
    for (const auto& version : model["versions"])
      fmt::print("{:<20} {:>7}  {:<16} {:<20} {:>10}  {}\n", model["model"].get<std::string>(),
                 version["version"].get<std::int64_t>(), labels_text(version), version.value("created", ""),
                 human_bytes(version["bytes"].get<double>()),
                 version.contains("problem") ? "damaged: " + version["problem"].get<std::string>()
                                             : metrics_text(version["metrics"]));
    if (model.contains("problem"))
      fmt::print("{:<20} {:>7}  {}\n", model["model"].get<std::string>(), "-",
                 model["problem"].get<std::string>());
  }
}

ordered_json describe_all(const fs::path& base) {
  if (!fs::is_directory(base)) throw ExportError(fmt::format("{}: there is no such folder", base.string()));
  ordered_json models = ordered_json::array();
  if (!versions(base).empty()) {
    models.push_back(describe_model(model_name_of(base), base));
    return models;
  }
  const auto found = model_folders(base);
  for (const auto& [name, folder] : found.models) models.push_back(describe_model(name, folder));
  for (const auto& [name, reason] : found.unreadable)
    models.push_back({{"model", name}, {"versions", ordered_json::array()}, {"problem", reason}});
  if (models.empty())
    throw ExportError(
        fmt::format("{} holds no model: a model's folder holds versions, 1, 2, and so on, as `ringtrain "
                    "train` exports them",
                    base.string()));
  return models;
}

}  // namespace

void add_models_command(CLI::App& app, Program& program) {
  auto base = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("models", "List the models of a repository and their versions.");
  command->add_option("BASE", *base, "The model repository, BASE/NAME/VERSION, or one model of it")
      ->required();
  command->add_flag("--json", *json, "As JSON, with all metrics");
  command->footer("Example:\n  ringtrain models jobs/fraud/export");
  command->callback([base, json, &program] {
    const auto models = describe_all(local_model(*base));
    if (*json)
      std::cout << models.dump(2) << '\n';
    else
      print_table(models);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
