#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "models/norm.h"
#include "trainer/checks/built_in_checks.h"
#include "trainer/precision/autocast.h"

namespace ringtrain::checks {
namespace {

/// What the precision of the run may differ by from one order of additions to another, against the largest
/// answer.
double tolerance(const Subject& subject) {
  const auto& precision = subject.config().trainer.precision;
  return autocast_type(precision) ? 3e-2 : precision == "float64" ? 1e-9 : 2e-4;
}

/// The largest difference, against the largest number.
double difference(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a.to(at::kDouble), y = b.to(at::kDouble);
  const double size = std::max(x.abs().max().item<double>(), 1e-6);
  return (x - y).abs().max().item<double>() / size;
}

Fields chosen_rows(const Fields& inputs, const at::Tensor& rows) {
  return inputs.map([&](const at::Tensor& tensor) { return tensor.index_select(0, rows); });
}

at::Tensor range_of(std::int64_t begin, std::int64_t end, const std::string& device) {
  return at::arange(begin, end, at::TensorOptions(at::kLong).device(at::Device(device)));
}

class IndependenceCheck : public Check {
 public:
  std::string name() const override { return "independence"; }
  std::string doc() const override { return "Outputs that depend on the other samples of the batch."; }

  Finding run(Subject& subject) const override {
    const Undisturbed undisturbed(subject.replica());
    const auto& model = subject.replica().model;
    const Batch batch = subject.samples(32);
    const auto half = batch.size() / 2;
    if (half < 2) return skipped(name(), "there are fewer than 4 training samples");
    const torch::NoGradGuard no_gradient;
    // Half of the samples stay, the other ones are replaced by copies of the first.
    const auto stay = range_of(0, half, subject.device());
    const auto others = chosen_rows(batch.inputs, at::cat({stay, at::zeros_like(stay)}));
    const auto both = chosen_rows(batch.inputs, range_of(0, 2 * half, subject.device()));
    const auto answers = [&](const Fields& inputs) {
      torch::manual_seed(1);  // the same values are dropped
      const auto outputs = subject.answer(model, inputs).narrow(0, 0, half);
      undisturbed.restore_buffers();
      return outputs.clone();
    };
    model->train(false);
    const double judged = difference(answers(both), answers(others));
    model->train(true);
    const double trained = difference(answers(both), answers(others));
    const auto norms = batch_norms(*model).size();
    const auto value = fmt::format(
        "other samples in the batch change answers by {:.2g} in evaluation, by {:.2g} in "
        "training{}",
        judged, trained, norms > 0 ? fmt::format(" ({} batch norms)", norms) : "");
    if (judged > tolerance(subject))
      return bad(
          name(), value,
          "an answer must be the same whoever is asked about beside it: look for sums, means, softmax or "
          "reshape over the first dimension of the model");
    if (trained > tolerance(subject) && norms == 0)
      return bad(
          name(), value,
          "no batch norm explains it: look for sums, means or reshape over the first dimension of the model");
    return good(name(), value);
  }
};

class InputsCheck : public Check {
 public:
  std::string name() const override { return "inputs"; }
  std::string doc() const override { return "Inputs without influence on the outputs."; }

  Finding run(Subject& subject) const override {
    const Undisturbed undisturbed(subject.replica());
    subject.replica().model->train(false);
    const Batch batch = subject.samples(subject.task().has_scores() ? 256 : 8);
    if (batch.size() < 2) return skipped(name(), "there are fewer than 2 training samples");
    if (subject.task().head().form == AnswerForm::tokens) return of_tokens(subject, batch);
    std::vector<std::string> without;
    std::int64_t all = 0;
    // One field after the other is asked, with the others as they are.
    for (const auto& [field, tensor] : batch.inputs) {
      const auto names = names_of(subject, field, tensor);
      const auto moves = tensor.is_floating_point() ? by_gradient(subject, batch.inputs, field)
                                                    : by_exchange(subject, batch.inputs, field);
      for (std::int64_t i = 0; i < moves.numel(); ++i, ++all)
        if (!(moves[i].item<double>() > 0))
          without.push_back(static_cast<std::size_t>(i) < names.size()
                                ? excerpt(names[static_cast<std::size_t>(i)])
                                : fmt::format("{}[{}]", field.empty() ? "input" : field, i));
    }
    if (without.empty())
      return good(name(), fmt::format("each of {} inputs moves the outputs", with_commas(all)));
    const auto value = fmt::format("{} of {} inputs do not move the outputs of {} samples: {}",
                                   with_commas(static_cast<long long>(without.size())), with_commas(all),
                                   batch.size(), shortened(without, 5));
    const bool most = 2 * static_cast<std::int64_t>(without.size()) > all;
    return (most ? bad : warning)(
        name(), value,
        "does the model take them in? Else they are always 0 (a constant column), or units behind "
        "them are dead");
  }

 private:
  /// Names of the features, where the data are a table.
  static std::vector<std::string> names_of(const Subject& subject, const std::string& field,
                                           const at::Tensor& tensor) {
    std::vector<std::string> names;
    const auto& schema = subject.data().preprocessing;
    if (schema.tokens || schema.signature) return names;
    if (!tensor.is_floating_point()) {
      for (const auto& column : schema.coded()) names.push_back(column.name);
      return names;
    }
    if (field == kCategoriesInput) return names;
    for (const auto& column : schema.numeric) names.push_back(column.name);
    for (const auto& column : schema.categorical)
      for (std::int64_t i = 0; i < column.width(); ++i)
        names.push_back(static_cast<std::size_t>(i) < column.vocabulary.size()
                            ? column.name + "=" + column.vocabulary[static_cast<std::size_t>(i)]
                            : column.name + " missing");
    return names;
  }

  static Fields with_field(const Fields& inputs, const std::string& field, const at::Tensor& tensor) {
    std::vector<Fields::Field> all;
    for (const auto& [name, values] : inputs) all.emplace_back(name, name == field ? tensor : values);
    return Fields(std::move(all));
  }

  /// [inputs of a sample]: the largest derivative of an output; 1 for those that are constant.
  static at::Tensor by_gradient(const Subject& subject, const Fields& inputs, const std::string& field) {
    at::Tensor values;
    for (const auto& [name, tensor] : inputs)
      if (name == field) values = tensor.detach().clone().requires_grad_();
    const auto outputs = subject.answer(subject.replica().model, with_field(inputs, field, values));
    // Random weights: outputs that sum up to a constant (a softmax) would have no gradient.
    torch::manual_seed(1);
    (outputs * at::randn_like(outputs)).sum().backward();
    const auto flat = values.grad().defined() ? values.grad() : at::zeros_like(values);
    // Where an input is always 0, so may be what it is multiplied by: only those that change are asked.
    const auto given = values.detach().reshape({values.size(0), -1});
    const auto constant = given.eq(given.narrow(0, 0, 1)).all(0);
    const auto moves = flat.reshape({flat.size(0), -1}).abs().amax(0);
    return at::where(constant, at::ones_like(moves), moves).cpu().to(at::kDouble);
  }

  /// [inputs of a sample]: how far outputs move where one input is taken from the next sample.
  static at::Tensor by_exchange(const Subject& subject, const Fields& inputs, const std::string& field) {
    const torch::NoGradGuard no_gradient;
    at::Tensor values;
    for (const auto& [name, tensor] : inputs)
      if (name == field) values = tensor;
    const auto flat = values.reshape({values.size(0), -1});
    const auto before = subject.answer(subject.replica().model, inputs);
    std::vector<double> moves;
    for (std::int64_t i = 0; i < flat.size(1); ++i) {
      auto changed = flat.clone();
      changed.select(1, i).copy_(flat.select(1, i).roll(1));
      const bool same = changed.equal(flat);  // a constant one cannot be asked
      const auto after =
          subject.answer(subject.replica().model, with_field(inputs, field, changed.reshape(values.sizes())));
      moves.push_back(same ? 1 : difference(before, after));
    }
    return at::tensor(moves, at::kDouble);
  }

  /// Whether a token moves what is said of the next ones, and nothing that is said before.
  static Finding of_tokens(const Subject& subject, const Batch& batch) {
    const torch::NoGradGuard no_gradient;
    const at::Tensor& tokens = batch.inputs.only();
    const auto middle = tokens.size(1) / 2;
    if (middle < 1) return skipped("inputs", "the context is one token");
    auto changed = tokens.clone();
    changed.select(1, middle).copy_((changed.select(1, middle) + 1).remainder(subject.task().outputs()));
    const auto& model = subject.replica().model;
    const auto before = subject.answer(model, tokens), after = subject.answer(model, changed);
    const double earlier = difference(before.narrow(1, 0, middle), after.narrow(1, 0, middle));
    const double later = difference(before.narrow(1, middle, tokens.size(1) - middle),
                                    after.narrow(1, middle, tokens.size(1) - middle));
    const auto value =
        fmt::format("token {} of {} moves the answers before it by {:.2g}, from it on by {:.2g}", middle + 1,
                    tokens.size(1), earlier, later);
    if (earlier > tolerance(subject))
      return bad("inputs", value,
                 "the model sees the tokens that it is to foretell: its attention needs a causal mask");
    if (!(later > 0)) return bad("inputs", value, "the model does not take in its tokens");
    return good("inputs", value);
  }
};

class EvaluationCheck : public Check {
 public:
  std::string name() const override { return "evaluation"; }
  std::string doc() const override {
    return "Answers that depend on the batch size or on the order of samples.";
  }

  Finding run(Subject& subject) const override {
    const Undisturbed undisturbed(subject.replica());
    const auto& model = subject.replica().model;
    model->train(false);
    const Batch batch = subject.samples(64);
    if (batch.size() < 2) return skipped(name(), "there are fewer than 2 training samples");
    const torch::NoGradGuard no_gradient;
    const auto together = subject.answer(model, batch.inputs);
    std::vector<at::Tensor> ones;
    for (std::int64_t i = 0; i < batch.size(); ++i)
      ones.push_back(subject.answer(model, batch.inputs.narrow(i, 1)));
    const double by_size = difference(together, at::cat(ones, 0));
    const auto back = range_of(0, batch.size(), subject.device()).flip(0);
    const double by_order =
        difference(together, subject.answer(model, chosen_rows(batch.inputs, back)).index_select(0, back));
    const double again = difference(together, subject.answer(model, batch.inputs));
    const auto value = fmt::format(
        "largest difference of answers: batches of 1 and of {}: {:.2g}; backwards: {:.2g}; "
        "asked again: {:.2g}",
        batch.size(), by_size, by_order, again);
    if (std::max({by_size, by_order, again}) > tolerance(subject))
      return bad(
          name(), value,
          again > tolerance(subject)
              ? "something is random in evaluation: dropout has to ask is_training()"
              : "what is served would differ from what was judged: look for sums, means or reshape over the "
                "first dimension of the model");
    return good(name(), value);
  }
};

}  // namespace

std::unique_ptr<Check> independence_check() { return std::make_unique<IndependenceCheck>(); }
std::unique_ptr<Check> inputs_check() { return std::make_unique<InputsCheck>(); }
std::unique_ptr<Check> evaluation_check() { return std::make_unique<EvaluationCheck>(); }

}  // namespace ringtrain::checks
