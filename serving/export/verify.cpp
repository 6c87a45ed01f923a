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

/// Throws when |got - expected| is above `limit` anywhere (NaN is above). `limit`: float64, a number, or one
/// for each column.
void require_close(const std::string& where, const at::Tensor& got, const at::Tensor& expected,
                   const at::Tensor& limit) {
  if (got.sizes() != expected.sizes() || got.scalar_type() != expected.scalar_type())
    throw ExportError(fmt::format("{} is {} [{}], expected {} [{}]", where, c10::toString(got.scalar_type()),
                                  fmt::join(got.sizes(), ", "), c10::toString(expected.scalar_type()),
                                  fmt::join(expected.sizes(), ", ")));
  if (got.numel() == 0) return;
  const at::Tensor difference =
      (got.to(at::kDouble) - expected.to(at::kDouble)).abs().nan_to_num(INFINITY, INFINITY);
  const at::Tensor wrong = (difference <= limit).logical_not();  // so that a limit that is NaN is passed too
  if (!wrong.any().item<bool>()) return;
  const auto row = wrong.reshape({wrong.size(0), -1}).any(1).to(at::kByte).argmax(0).item<std::int64_t>();
  const auto worst = (difference / limit).flatten().argmax().item<std::int64_t>();
  throw ExportError(fmt::format("{} by {:.3g} (at most {:.3g} is allowed), first in row {}", where,
                                difference.flatten()[worst].item<double>(),
                                limit.expand_as(difference).flatten()[worst].item<double>(), row + 1));
}

at::Tensor limit_of(double limit) { return at::scalar_tensor(limit, at::kDouble); }

/// How far each decision, a row's class or label, is from another one.
at::Tensor decision_margin(const Head& head, const at::Tensor& probabilities) {
  if (head.form == AnswerForm::labels)
    return (probabilities - at::tensor(head.thresholds, probabilities.options())).abs();
  if (head.is_binary()) return (probabilities.select(1, 1) - head.thresholds[0]).abs();
  if (probabilities.size(1) < 2) return at::ones({probabilities.size(0)});
  const at::Tensor best = std::get<0>(probabilities.topk(2, 1));
  return best.select(1, 0) - best.select(1, 1);
}

/// `known`: the decisions for `probabilities`, classes [n] or labels [n, K]. `one`: what one of them is
/// called.
void require_same_decisions(const std::string& where, const char* one, const at::Tensor& got,
                            const at::Tensor& known, const at::Tensor& margin) {
  if (got.sizes() != known.sizes() || got.scalar_type() != at::kLong)
    throw ExportError(fmt::format("{} is {} [{}], expected int64 [{}]", where,
                                  c10::toString(got.scalar_type()), fmt::join(got.sizes(), ", "),
                                  fmt::join(known.sizes(), ", ")));
  const at::Tensor wrong = got.ne(known).logical_and(margin.gt(2 * export_tolerance));
  if (!wrong.any().item<bool>()) return;
  const auto first = wrong.flatten().to(at::kByte).argmax(0).item<std::int64_t>();
  throw ExportError(
      fmt::format("{} in row {}: {} {}, expected {}", where, first / (known.numel() / known.size(0)) + 1, one,
                  got.flatten()[first].item<std::int64_t>(), known.flatten()[first].item<std::int64_t>()));
}

/// Of values before the head's last scale, in the answer's unit, beside the rounding of the shift to float32:
/// float64, one number, or one for each of several values.
at::Tensor prediction_limit(const Head& head, const at::Tensor& known) {
  at::Tensor values = known.to(at::kDouble).reshape({known.size(0), head.outputs});
  at::Tensor unit = limit_of(1), rounding = limit_of(0);
  for (auto step = head.operations.rbegin();
       step != head.operations.rend() && step->kind == HeadOperation::Kind::scale; ++step) {
    const at::Tensor scale = at::tensor(step->scale, at::kDouble),
                     shift = at::tensor(step->shift, at::kDouble);
    values = (values - shift) / scale;
    rounding = rounding + 4 * FLT_EPSILON * shift.abs() * unit;
    unit = unit * scale.abs();
  }
  const at::Tensor largest =
      values.size(0) > 0 ? values.abs().amax(0) : at::zeros({head.outputs}, at::kDouble);
  return export_tolerance * largest.clamp_min(1) * unit + rounding;
}

/// A loss, or a root mean squared error, that hardly matters.
double negligible_loss(const Head& head, const ExpectedCase& expected, double share) {
  if (head.form != AnswerForm::values) return share;
  const at::Tensor targets = expected.targets.reshape({expected.size(), -1});
  const double deviation = std::sqrt(targets.var(0, /*unbiased=*/false).mean().item<double>());
  return share * deviation + prediction_limit(head, expected.answers.predictions).max().item<double>();
}

}  // namespace

void require_same_loss(const std::string& what, const Manifest& manifest, const Predictor::Answers& got,
                       const ExpectedCase& expected, double tolerance) {
  const double trained = loss_of(expected.answers, expected.targets),
               exported = loss_of(got, expected.targets);
  const double negligible = negligible_loss(manifest.head, expected, tolerance / 10);
  if (std::abs(exported - trained) <= tolerance * trained + negligible) return;
  throw ExportError(fmt::format("{} has the {} {:.6g} on {} rows of the test part, the training model {:.6g}",
                                what,
                                manifest.head.form == AnswerForm::values ? "root mean squared error" : "loss",
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
  const Head& head = manifest.head;
  const auto& known = expected.answers;
  if (head.form == AnswerForm::tokens) {
    const double largest = known.logits.numel() ? known.logits.abs().max().item<double>() : 0;
    return require_close(place(what, "logits", expected), got.logits, known.logits,
                         limit_of(export_tolerance * std::max(1.0, largest)));
  }
  if (head.form == AnswerForm::values) {
    require_close(place(what, "prediction", expected), got.predictions, known.predictions,
                  prediction_limit(head, known.predictions));
  } else {
    require_close(place(what, "probabilities", expected), got.probabilities, known.probabilities,
                  limit_of(export_tolerance));
    const at::Tensor margin = decision_margin(head, known.probabilities);
    if (head.form == AnswerForm::labels)
      require_same_decisions(place(what, "labels", expected), "label", got.labels, known.labels, margin);
    else
      require_same_decisions(place(what, "class", expected), "class", got.classes, known.classes, margin);
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
