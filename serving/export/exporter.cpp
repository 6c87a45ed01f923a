#include "serving/export/exporter.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "serving/export/expected_outputs.h"
#include "serving/export/verify_process.h"
#include "serving/export/warm_up_rows.h"
#include "serving/onnx/export.h"
#include "serving/predict/model_outputs.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/triton_config.h"
#include "serving/repository/used_versions.h"
#include "serving/savedmodel/saved_model_export.h"
#include "serving/torchscript/export.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

void copy_tensors(const torch::OrderedDict<std::string, at::Tensor>& from,
                  torch::OrderedDict<std::string, at::Tensor> to) {
  for (const auto& item : from) {
    at::Tensor* target = to.find(item.key());
    if (!target || target->sizes() != item.value().sizes())
      throw ExportError(
          fmt::format("the copy of the model has no tensor '{}' of the same shape", item.key()));
    target->copy_(item.value());
  }
}

/// A float32 CPU copy in eval mode. The global random generator is as before.
Network evaluation_copy(const ExportRequest& request) {
  const at::NoGradGuard no_grad;
  auto generator = at::detail::getDefaultCPUGenerator();
  const at::Tensor state = generator.get_state();
  auto copy = request.make_copy();
  generator.set_state(state);
  copy->to(at::kCPU, at::kFloat);
  copy_tensors(request.model->named_parameters(), copy->named_parameters());
  copy_tensors(request.model->named_buffers(), copy->named_buffers());
  for (auto& parameter : copy->parameters()) parameter.set_requires_grad(false);
  copy->eval();
  return copy;
}

void require_fitting_outputs(const Manifest& manifest, const Network& network) {
  const at::NoGradGuard no_grad;
  const at::Tensor outputs = network.forward(zero_inputs(manifest.preprocessing, 1));
  const auto expected = output_shape(manifest, 1);
  if (outputs.sizes() != expected)
    throw ExportError(fmt::format(
        "the model {} gives outputs of the shape [{}] for one row; {} of this data needs [{}]",
        network->name(), fmt::join(outputs.sizes(), ", "), manifest.task, fmt::join(expected, ", ")));
}

void require_formats(const std::vector<std::string>& formats) {
  constexpr const char* known = "torchscript, onnx, savedmodel";
  if (formats.empty())
    throw ConfigError(fmt::format("the export has no format; this build writes: {}", known));
  for (const auto& format : formats)
    if (format != "torchscript" && format != "onnx" && format != "savedmodel")
      throw ConfigError(fmt::format("unknown export format '{}'; this build writes: {}", format, known));
  if (formats.size() == 1 && formats[0] == "savedmodel")
    throw ConfigError(
        "the export needs torchscript or onnx beside savedmodel: the check before publishing runs those");
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void add_provenance(Manifest& manifest, const std::vector<std::string>& formats) {
  auto& provenance = manifest.provenance;
  if (!provenance.is_object()) provenance = nlohmann::json::object();
  if (!provenance.contains("created")) provenance["created"] = now_utc();
  auto& libraries = provenance["libraries"];
  libraries["ringtrain"] = RINGTRAIN_VERSION;
  libraries["torch"] = TORCH_VERSION;
  if (std::find(formats.begin(), formats.end(), "onnx") != formats.end()) {
    libraries["onnx_opset"] = onnx::opset;
    libraries["onnx_ml_opset"] = onnx::ml_opset;
    libraries["onnx_ir_version"] = onnx::ir_version;
  }
}

/// The name and content of a format's file.
struct FormatFile {
  const char* name;
  std::string content;
};

FormatFile file_of(const std::string& format, const Manifest& manifest, const TracedNetwork& traced) {
  if (format == "onnx") return {"model.onnx", onnx::write_model(make_onnx(manifest, traced))};
  if (format == "savedmodel")
    return {"saved_model.pb",
            tensorflow::write_saved_model(make_tensorflow_graph(make_onnx(manifest, traced)))};
  std::ostringstream content;
  make_torchscript(manifest, traced.module).save(content);
  return {"model.pt", content.str()};
}

std::string schema_text(const Preprocessing& preprocessing, const nlohmann::json& sections) {
  auto json = preprocessing.to_json();
  json.update(sections);
  return json.dump(2) + "\n";
}

/// Writes the formats and the manifest.
void write_files(const fs::path& folder, Manifest& manifest, const Network& network,
                 const ExportRequest& request) {
  const TracedNetwork traced = trace_network(network, manifest.preprocessing);
  manifest.files = nlohmann::json::object();
  const auto write = [&](const FormatFile& file) {
    write_file_synced(folder / file.name, file.content);
    manifest.files[file.name] = hash_text(file.content);
  };
  for (const auto& format : request.formats) write(file_of(format, manifest, traced));
  if (request.add_training) {
    request.add_training(folder / kTrainingFolder);
    for (const auto& entry : fs::recursive_directory_iterator(folder / kTrainingFolder))
      if (entry.is_regular_file())
        manifest.files[entry.path().lexically_relative(folder).string()] = hash_file(entry.path());
  }
  // Not among the manifest's files: whoever serves it may put other rows there.
  if (!manifest.preprocessing.tokens)
    write_file_synced(folder / "warmup.json", warm_up_rows(manifest.preprocessing));
  write({"schema.json", schema_text(manifest.preprocessing, request.schema_sections)});
  write_file_synced(folder / "manifest.json", manifest.file_text());
}

/// A file in the system's folder for temporary files, gone with the object.
class TemporaryFile {
 public:
  TemporaryFile() : path_((fs::temp_directory_path() / "ringtrain-expected-XXXXXX").string()) {
    const int fd = ::mkstemp(path_.data());
    if (fd < 0) throw Error(fmt::format("cannot make a temporary file {}: {}", path_, std::strerror(errno)));
    ::close(fd);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void verify_in_fresh_process(const fs::path& folder, const Manifest& manifest, const Network& network,
                             const std::optional<TrainedRows>& trained, std::vector<std::string> command) {
  const TemporaryFile expected;
  auto cases = expected_cases(manifest, network, hash_bytes(manifest.name));
  if (trained) cases.push_back(case_of_training(manifest, network, *trained));
  write_cases(expected.path(), cases);
  command.push_back(folder.string());
  command.push_back(expected.path());
  run_verifier(command);
}

/// Replaces a file beside the versions; empty content removes it.
void replace(const fs::path& file, const std::string& content) {
  if (content.empty())
    fs::remove(file);
  else
    write_file_atomically(file, content);
}

/// Server configuration first, then the version: a server that polls never sees a version without it.
void publish(StagedFolder& staged, const fs::path& model, const Manifest& manifest,
             const std::vector<std::string>& formats) {
  const auto final_path = model / std::to_string(manifest.version);
  if (fs::exists(final_path))
    throw ExportError(
        fmt::format("{} was published by another export in the meantime; export again", final_path.string()));
  const auto content_of = [](const fs::path& file) {
    return fs::exists(file) ? read_file(file) : std::string();
  };
  const auto config = model / "config.pbtxt", labels = model / "labels.txt";
  const auto old_config = content_of(config), old_labels = content_of(labels);
  try {
    replace(labels, triton_labels(manifest));
    const auto state = VersionState::read(model);
    const auto text = triton_config(manifest, formats);
    replace(config, text.empty() ? text : with_version_policy(text, triton_versions(state, versions(model))));
    staged.commit();
  } catch (...) {
    replace(labels, old_labels);
    replace(config, old_config);
    throw;
  }
}

}  // namespace

std::vector<FormatProblem> unwritable_formats(const ExportRequest& request) {
  const auto network = evaluation_copy(request);
  require_fitting_outputs(request.manifest, network);
  const TracedNetwork traced = trace_network(network, request.manifest.preprocessing);
  std::vector<FormatProblem> problems;
  for (const auto& format : request.formats) {
    try {
      file_of(format, request.manifest, traced);
    } catch (const ExportError& error) {
      problems.push_back({format, error.what()});
    } catch (const c10::Error& error) {
      problems.push_back({format, error.what_without_backtrace()});
    }
  }
  return problems;
}

fs::path export_model(const ExportRequest& request, const std::vector<std::string>& verify_command) {
  require_model_name(request.manifest.name);
  require_formats(request.formats);
  const fs::path model = request.base / request.manifest.name;
  Manifest manifest = request.manifest;
  add_provenance(manifest, request.formats);
  fs::path version;
  const bool new_model = !fs::exists(model);
  try {
    const ReservedVersion reserved(model);
    manifest.version = reserved.number();
    version = model / std::to_string(manifest.version);
    const auto network = evaluation_copy(request);
    require_fitting_outputs(manifest, network);
    StagedFolder staged(version);
    write_files(staged.path(), manifest, network, request);
    verify_in_fresh_process(staged.path(), manifest, network, request.trained, verify_command);
    if (request.judge) {
      request.judge(staged.path(), manifest);
      write_file_synced(staged.path() / "manifest.json", manifest.file_text());
    }
    publish(staged, model, manifest, request.formats);
    remember_used_versions(model);
  } catch (...) {
    std::error_code ignored;
    if (new_model) fs::remove(model, ignored);  // only when empty
    throw;
  }
  return version;
}

}  // namespace ringtrain
