#include "serving/export/verify.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "common/errors.h"
#include "serving/export/exporter.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

std::string place(const std::string& what, const char* output, const ExpectedCase& expected) {
  return fmt::format(
      "{} differs from the training model {} {}: output '{}'", what,
      expected.targets.defined() ? "on rows of the test part, of which it answered" : "at batch size",
      expected.size(), output);
}

/// Throws when |got - expected| is above `limit` anywhere (NaN is above).
void require_close(const std::string& where, const at::Tensor& got, const at::Tensor& expected,
                   double limit) {
  if (got.sizes() != expected.sizes() || got.scalar_type() != expected.scalar_type())
    throw ExportError(fmt::format("{} is {} [{}], expected {} [{}]", where, c10::toString(got.scalar_type()),
                                  fmt::join(got.sizes(), ", "), c10::toString(expected.scalar_type()),
                                  fmt::join(expected.sizes(), ", ")));
  if (got.numel() == 0) return;
  const at::Tensor difference =
      (got.to(at::kDouble) - expected.to(at::kDouble)).abs().nan_to_num(INFINITY, INFINITY);
  const at::Tensor by_row = difference.reshape({difference.size(0), -1}).amax(1);
  const double largest = by_row.max().item<double>();
  if (largest <= limit) return;
  const auto row = by_row.gt(limit).to(at::kByte).argmax(0).item<std::int64_t>();
  throw ExportError(fmt::format("{} by {:.3g} (at most {:.3g} is allowed), first in row {}", where, largest,
                                limit, row + 1));
}

/// How far each row's class is from another one.
at::Tensor class_margin(const Manifest& manifest, const at::Tensor& probabilities) {
  if (is_binary(manifest)) return (probabilities.select(1, 1) - manifest.threshold).abs();
  if (probabilities.size(1) < 2) return at::ones({probabilities.size(0)});
  const at::Tensor best = std::get<0>(probabilities.topk(2, 1));
  return best.select(1, 0) - best.select(1, 1);
}

void require_same_classes(const std::string& where, const Manifest& manifest, const at::Tensor& got,
                          const ExpectedCase& expected) {
  const auto& answers = expected.answers;
  if (got.sizes() != answers.classes.sizes() || got.scalar_type() != at::kLong)
    throw ExportError(fmt::format("{} is {} [{}], expected int64 [{}]", where,
                                  c10::toString(got.scalar_type()), fmt::join(got.sizes(), ", "),
                                  expected.size()));
  const at::Tensor wrong =
      got.ne(answers.classes)
          .logical_and(class_margin(manifest, answers.probabilities).gt(2 * export_tolerance));
  if (!wrong.any().item<bool>()) return;
  const auto row = wrong.to(at::kByte).argmax(0).item<std::int64_t>();
  throw ExportError(fmt::format("{} in row {}: class {}, expected {}", where, row + 1,
                                got[row].item<std::int64_t>(), answers.classes[row].item<std::int64_t>()));
}

/// Of the network's own output, in the target's unit, beside the rounding of the target's shift to float32.
double prediction_limit(const Preprocessing& preprocessing, const at::Tensor& known) {
  const auto [shift, scale] = preprocessing.scale_of(0);
  const double largest =
      known.numel() ? ((known.to(at::kDouble) - shift) / scale).abs().max().item<double>() : 0;
  return export_tolerance * std::max(1.0, largest) * scale + 4 * FLT_EPSILON * std::abs(shift);
}

}  // namespace

void require_same_loss(const std::string& what, const Manifest& manifest, const Predictor::Answers& got,
                       const ExpectedCase& expected, double tolerance) {
  const double trained = loss_of(expected.answers, expected.targets),
               exported = loss_of(got, expected.targets);
  const double negligible = is_classification(manifest)
                                ? tolerance / 10
                                : tolerance / 10 * expected.targets.std(/*unbiased=*/false).item<double>() +
                                      prediction_limit(manifest.preprocessing, expected.answers.predictions);
  if (std::abs(exported - trained) <= tolerance * trained + negligible) return;
  throw ExportError(fmt::format("{} has the {} {:.6g} on {} rows of the test part, the training model {:.6g}",
                                what, is_classification(manifest) ? "loss" : "root mean squared error",
                                exported, expected.size(), trained));
}

void require_equal_answers(const std::string& what, const Manifest& manifest, const ModelRunner& model,
                           const ExpectedCase& expected) {
  Predictor::Answers got;
  try {
    got = model.run(expected.rows);
  } catch (const ExportError& error) {
    throw ExportError(fmt::format(
        "at batch size {}: {}. A model whose forward takes sizes by size() bakes the traced batch in; use "
        "flatten and unflatten",
        expected.size(), error.what()));
  }
  const auto require_relatively_close = [&](const char* output, const at::Tensor& values,
                                            const at::Tensor& known) {
    const double largest = known.numel() ? known.abs().max().item<double>() : 0;
    require_close(place(what, output, expected), values, known, export_tolerance * std::max(1.0, largest));
  };
  if (is_language_model(manifest))
    return require_relatively_close("logits", got.logits, expected.answers.logits);
  if (!is_classification(manifest)) {
    require_close(place(what, "prediction", expected), got.predictions, expected.answers.predictions,
                  prediction_limit(manifest.preprocessing, expected.answers.predictions));
  } else {
    require_close(place(what, "probabilities", expected), got.probabilities, expected.answers.probabilities,
                  export_tolerance);
    require_same_classes(place(what, "class", expected), manifest, got.classes, expected);
  }
  if (expected.targets.defined()) require_same_loss(what, manifest, got, expected, 1e-3);
}

void verify_export(const std::filesystem::path& folder, const std::filesystem::path& expected) {
  const Manifest manifest = Manifest::read(folder);
  const auto cases = read_cases(expected);
  if (cases.empty()) throw ExportError(fmt::format("{} holds no expected outputs", expected.string()));
  int formats = 0;
  const auto verify = [&](const char* file, auto load) {
    if (!std::filesystem::exists(folder / file)) return;
    const auto model = load(folder, manifest);
    for (const auto& one : cases) require_equal_answers(file, manifest, *model, one);
    ++formats;
  };
  verify("model.pt", load_torchscript);
  verify("model.onnx", load_onnx);
  if (formats == 0) throw ExportError(fmt::format("{} holds no model", folder.string()));
}

}  // namespace ringtrain
