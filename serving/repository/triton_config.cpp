#include "serving/repository/triton_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "serving/onnx/export.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

struct Port {
  std::string name;
  std::string type;
  std::int64_t width = 0;  ///< 0: one value a row, without a dimension of its own
  bool labels = false;
  std::vector<std::int64_t> more{};  ///< dimensions behind `width`
};

/// In protobuf's text format.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '"';
}

/// A list of inputs or outputs. Dimensions are without the batch; [n] is written as [1] with a reshape to [].
std::string ports(const char* field, const std::vector<Port>& list) {
  std::string text = fmt::format("{} [\n", field);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& port = list[i];
    text += fmt::format("  {{\n    name: {}\n    data_type: {}\n    dims: [ {}{}{} ]\n", quoted(port.name),
                        port.type, std::max<std::int64_t>(port.width, 1), port.more.empty() ? "" : ", ",
                        fmt::join(port.more, ", "));
    if (port.width == 0) text += "    reshape: { shape: [ ] }\n";
    if (port.labels) text += "    label_filename: \"labels.txt\"\n";
    text += i + 1 < list.size() ? "  },\n" : "  }\n";
  }
  return text + "]\n";
}

std::vector<Port> output_ports(const Manifest& manifest, bool libtorch) {
  if (const auto& tokens = manifest.preprocessing.tokens)
    return {{libtorch ? "OUTPUT__0" : "logits", "TYPE_FP32", tokens->context, false, {tokens->vocabulary}}};
  const Head& head = manifest.head;
  if (head.form == AnswerForm::values)
    return {
        {libtorch ? "OUTPUT__0" : "prediction", "TYPE_FP32", has_several_values(head) ? head.width() : 0}};
  const bool labels = head.form == AnswerForm::labels;
  const char* decision = labels ? "labels" : "class";
  return {{libtorch ? "OUTPUT__0" : "probabilities", "TYPE_FP32", head.width(), true},
          {libtorch ? "OUTPUT__1" : decision, "TYPE_INT64", labels ? head.width() : 0}};
}

std::vector<Port> tensor_ports(const Signature& signature, bool libtorch) {
  std::vector<Port> inputs;
  for (const auto& input : signature.inputs) {
    const char* type = input.type == at::kFloat    ? "TYPE_FP32"
                       : input.type == at::kDouble ? "TYPE_FP64"
                       : input.type == at::kLong   ? "TYPE_INT64"
                                                   : "TYPE_BOOL";
    inputs.push_back({libtorch ? fmt::format("INPUT__{}", inputs.size()) : input.name, type});
    if (input.dims.empty()) continue;
    inputs.back().width = input.dims[0];
    inputs.back().more.assign(input.dims.begin() + 1, input.dims.end());
  }
  return inputs;
}

std::vector<Port> input_ports(const Manifest& manifest, bool libtorch) {
  const auto& preprocessing = manifest.preprocessing;
  if (preprocessing.tokens)
    return {{libtorch ? "INPUT__0" : "tokens", "TYPE_INT64", preprocessing.tokens->context}};
  if (preprocessing.signature) return tensor_ports(*preprocessing.signature, libtorch);
  const auto columns = static_cast<std::int64_t>(preprocessing.numeric.size());
  const char* type = preprocessing.has_wide() ? "TYPE_FP64" : "TYPE_FP32";
  if (libtorch) return {{"INPUT__0", type, columns}};
  std::vector<Port> inputs;
  const bool by_column = has_column_inputs(manifest);
  for (const auto& name : graph_input_names(manifest)) inputs.push_back({name, "TYPE_STRING"});
  const auto words = inputs.size() - preprocessing.categorical.size();
  for (std::size_t c = 0; c < preprocessing.categorical.size(); ++c)
    if (preprocessing.categorical[c].encoding == Encoding::hash) inputs[words + c].type = "TYPE_INT64";
  for (std::size_t i = 0; by_column && i < preprocessing.numeric.size(); ++i)
    inputs[i].type = preprocessing.numeric[i].wide ? "TYPE_FP64" : "TYPE_FP32";
  if (!by_column && columns > 0) inputs[0] = {"numeric", type, columns};
  return inputs;
}

}  // namespace

std::string triton_config(const Manifest& manifest, const std::vector<std::string>& formats) {
  const auto has = [&formats](const char* format) {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
  };
  // Triton's LibTorch backend takes one list of words at the most, and its inputs have no names.
  const bool libtorch = has("torchscript") && manifest.preprocessing.categorical.empty() &&
                        !(has_column_inputs(manifest) && has("onnx"));
  if (!libtorch && !has("onnx")) return "";
  return fmt::format(
             "name: {}\nplatform: \"{}\"\ndefault_model_filename: \"{}\"\nmax_batch_size: "
             "1024\ndynamic_batching {{ }}\n",
             quoted(manifest.name), libtorch ? "pytorch_libtorch" : "onnxruntime_onnx",
             libtorch ? "model.pt" : "model.onnx") +
         ports("input", input_ports(manifest, libtorch)) + ports("output", output_ports(manifest, libtorch));
}

std::string triton_labels(const Manifest& manifest) {
  if (manifest.head.width() == 0 || manifest.head.form == AnswerForm::values) return "";
  std::string text;
  for (std::string label : manifest.preprocessing.labels) {
    std::replace(label.begin(), label.end(), '\n', ' ');
    text += label + '\n';
  }
  return text;
}

std::vector<std::int64_t> triton_versions(const VersionState& state,
                                          const std::vector<std::int64_t>& present) {
  const auto live = state.live_of(present);
  if (!state.live || !live) return {};
  auto list = state.served(present);
  std::erase_if(list, [&](auto version) { return version > *live; });
  return list;
}

std::string with_version_policy(const std::string& config, const std::vector<std::int64_t>& versions) {
  std::istringstream lines(config);
  std::string text;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("version_policy:")) text += line + '\n';
  if (versions.empty()) return text;
  return text +
         fmt::format("version_policy: {{ specific {{ versions: [ {} ] }} }}\n", fmt::join(versions, ", "));
}

}  // namespace ringtrain
