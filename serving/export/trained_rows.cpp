#include "serving/export/trained_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "common/errors.h"
#include "data/schema/collate.h"
#include "serving/export/verify.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

/// Of losses, between training's precision (TF32 convolutions, float64) and the copy's float32.
constexpr double kSameLoss = 0.01;

/// " of 'categories'"; "" for an input without a name.
std::string of(const std::string& name) { return name.empty() ? "" : " of '" + name + "'"; }

/// [n, values of a row].
at::Tensor flat(const at::Tensor& inputs) {
  const at::Tensor wide = inputs.to(at::kDouble);
  return wide.dim() == 1 ? wide.unsqueeze(1) : wide.flatten(1);
}

void require_same_input(const std::string& name, const at::Tensor& got, const at::Tensor& trained) {
  if (got.sizes() != trained.sizes())
    throw ExportError(fmt::format("the export's preprocessing makes {} inputs{} of a row, training had {}",
                                  got.size(-1), of(name), trained.size(-1)));
  const at::Tensor known = flat(trained), made = flat(got);
  const at::Tensor difference = (made - known).abs().nan_to_num(INFINITY, INFINITY);
  // So that what is not a number is wrong too.
  const at::Tensor wrong = (difference <= export_tolerance * known.abs().clamp_min(1)).logical_not();
  if (!wrong.any().item<bool>()) return;
  const auto first = wrong.flatten().to(at::kByte).argmax().item<std::int64_t>();
  const auto row = first / known.size(1), input = first % known.size(1);
  throw ExportError(fmt::format(
      "the export's preprocessing makes other inputs of rows of the test part than training had: "
      "input {}{} of "
      "row {} is {:.9g}, training had {:.9g}",
      input + 1, of(name), row + 1, made[row][input].item<double>(), known[row][input].item<double>()));
}

void require_same_inputs(const Fields& got, const Fields& trained) {
  if (got.size() != trained.size())
    throw ExportError(fmt::format("the export's preprocessing makes {} tensors of rows, training had {}",
                                  got.size(), trained.size()));
  if (got.size() == 1) return require_same_input("", got.only(), trained.only());
  for (const auto& [name, tensor] : got) require_same_input(name, tensor, trained.at(name));
}

/// Training's inputs in the types of the exported model.
Fields exported_inputs(const Preprocessing& preprocessing, const Fields& inputs) {
  if (preprocessing.signature) return as_served(*preprocessing.signature, inputs);
  return inputs.map(
      [](const at::Tensor& tensor) { return tensor.is_floating_point() ? tensor.to(at::kFloat) : tensor; });
}

}  // namespace

ExpectedCase case_of_training(const Manifest& manifest, const Network& network, const TrainedRows& trained) {
  const at::NoGradGuard no_grad;
  const Fields inputs = trained.inputs.to(at::kCPU);
  require_same_inputs(inputs_of(manifest.preprocessing, trained.rows), inputs);
  ExpectedCase result;
  result.rows = trained.rows;
  result.answers = answers_of(manifest, network.forward(exported_inputs(manifest.preprocessing, inputs)));
  result.targets = trained.targets.cpu().to(at::kDouble);
  require_same_loss(
      "the float32 copy of the model that is exported", manifest, result.answers,
      {trained.rows, answers_of(manifest, trained.outputs.cpu().to(at::kFloat)), result.targets}, kSameLoss);
  return result;
}

}  // namespace ringtrain
