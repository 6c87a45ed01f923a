#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/optim/adam.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "trainer/checks/built_in_checks.h"

namespace ringtrain::checks {
namespace {

constexpr std::int64_t kSamples = 256;

/// Of tokens each sample is many answers, and takes longer.
std::int64_t samples_of(const Subject& subject) {
  return subject.task().has_scores() ? kSamples : std::min<std::int64_t>(kSamples, 16);
}

/// The lowest loss of one answer for all samples, by gradient descent; and that of zeros.
struct Chance {
  double best = 0, zeros = 0;
};
Chance chance_of(const Subject& subject, const Batch& batch, const at::Tensor& outputs) {
  auto answer = at::zeros({outputs.size(-1)}, outputs.options()).requires_grad_();
  const auto loss_of = [&](const at::Tensor& one) {
    return subject.loss(one.expand(outputs.sizes()), batch);
  };
  Chance chance;
  chance.zeros = chance.best = loss_of(answer.detach());
  torch::optim::Adam optimizer({answer}, torch::optim::AdamOptions(0.3));
  constexpr int kSteps = 60;
  for (int i = 0; i < kSteps; ++i) {
    optimizer.zero_grad();
    const auto loss = subject.task().loss_sum(answer.expand(outputs.sizes()), batch.targets, batch.weights);
    (loss.loss_sum / loss.weight).backward();
    optimizer.step();
    chance.best = std::min(chance.best, loss_of(answer.detach()));
  }
  return chance;
}

class StartLossCheck : public Check {
 public:
  std::string name() const override { return "start_loss"; }
  std::string doc() const override { return "The loss before the first step against what chance gives."; }
  bool is_cheap() const override { return true; }

  Finding run(Subject& subject) const override {
    if (subject.data().train->size() < 3) return skipped(name(), "there are fewer than 3 training samples");
    const Undisturbed undisturbed(subject.replica());
    subject.replica().model->train(true);
    const Batch batch = subject.samples(samples_of(subject));
    at::Tensor outputs;
    {
      const torch::NoGradGuard no_gradient;
      outputs = subject.answer(subject.replica().model, batch.inputs);
    }
    const double start = subject.loss(outputs, batch);
    const Chance chance = chance_of(subject, batch, outputs);
    const auto value =
        fmt::format("{:.4g}; the best single answer for all samples gives {:.4g}, zeros {:.4g}", start,
                    chance.best, chance.zeros);
    if (!std::isfinite(start))
      return bad(name(), value,
                 "inputs, weights or targets are too large, or not finite: look at data.normalize");
    const double usual = std::max(chance.best, chance.zeros);
    if (start > kFar * usual)
      return bad(
          name(), value,
          "the model begins far from chance: inputs that are not normalised (data.normalize), weights that "
          "begin too large, or a loss that is not the target's");
    if (start > kOff * usual)
      return warning(name(), value,
                     "the first steps go into this: smaller first weights in the last layer, or "
                     "normalised inputs (data.normalize)");
    const bool values = subject.task().head().form == AnswerForm::values;
    if (values && chance.zeros > kTarget * chance.best && chance.best > 0)
      return warning(name(), value,
                     "the target is far from 0 against its spread, and the network begins there: "
                     "task.scale_target: true");
    return good(name(), value);
  }

 private:
  static constexpr double kFar = 4, kOff = 2, kTarget = 10;
};

/// Rows of a weight [units, ...] and of its bias whose gradients are all 0.
std::pair<std::int64_t, std::int64_t> dead_units(const torch::nn::Module& model) {
  std::int64_t dead = 0, all = 0;
  const auto named = model.named_parameters();
  for (const auto& item : named) {
    const auto& name = item.key();
    const auto dot = name.rfind("weight");
    if (dot == std::string::npos || dot + 6 != name.size() || item.value().dim() < 2) continue;
    const auto* bias = named.find(name.substr(0, dot) + "bias");
    const auto& of_weight = item.value().grad();
    if (!bias || !of_weight.defined() || !bias->grad().defined() || bias->dim() != 1 ||
        bias->size(0) != item.value().size(0))
      continue;
    const auto none = of_weight.reshape({of_weight.size(0), -1}).eq(0).all(1).logical_and(bias->grad().eq(0));
    dead += none.sum().item<std::int64_t>();
    all += none.numel();
  }
  return {dead, all};
}

class GradientsCheck : public Check {
 public:
  std::string name() const override { return "gradients"; }
  std::string doc() const override {
    return "Parameters without a gradient, units that no sample reaches, gradients that are not finite.";
  }
  bool is_cheap() const override { return true; }

  Finding run(Subject& subject) const override {
    auto& replica = subject.replica();
    if (subject.data().train->size() < 3) return skipped(name(), "there are fewer than 3 training samples");
    const Undisturbed undisturbed(replica);
    replica.model->train(true);
    replica.parameters->zero_gradients();
    const Batch batch = subject.samples(samples_of(subject));
    const auto loss =
        subject.task().loss_sum(subject.answer(replica.model, batch.inputs), batch.targets, batch.weights);
    loss.loss_sum.backward(at::full_like(loss.loss_sum, 1.0 / static_cast<double>(batch.size())));
    std::vector<std::string> without, frozen, infinite;
    for (const auto& item : replica.model->named_parameters()) {
      const auto& parameter = item.value();
      if (!parameter.requires_grad())
        frozen.push_back(item.key());
      else if (!parameter.grad().defined() || parameter.grad().eq(0).all().item<bool>())
        without.push_back(item.key());
      else if (!parameter.grad().isfinite().all().item<bool>())
        infinite.push_back(item.key());
    }
    const auto all = static_cast<std::size_t>(replica.model->named_parameters().size());
    if (!infinite.empty())
      return bad(
          name(),
          fmt::format("not finite: of {} of {} parameters: {}", infinite.size(), all, shortened(infinite, 4)),
          "inputs or weights are too large, or the loss divides by 0");
    const auto [dead, units] = dead_units(*replica.model);
    const double share = units > 0 ? static_cast<double>(dead) / static_cast<double>(units) : 0;
    const auto of_units = fmt::format("{} of {} units ({:.0f}%) are reached by none of {} samples",
                                      with_commas(dead), with_commas(units), 100 * share, batch.size());
    if (!without.empty())
      return bad(
          name(),
          fmt::format("{} of {} parameters get no gradient: {}; {}", without.size(), all,
                      shortened(without, 4), of_units),
          "what they compute does not reach the loss: is a part of the model left out, detached, or behind "
          "dead units?");
    if (share > kManyDead)
      return bad(name(), of_units,
                 "a bias or a learning rate pushed them below 0, or inputs are not normalised");
    const bool from_elsewhere =
        !subject.config().model.weights.from.empty() || !subject.config().trainer.start_from.empty();
    if (!frozen.empty() && !from_elsewhere)
      return bad(
          name(),
          fmt::format("{} of {} parameters are frozen, at random weights: {}", frozen.size(), all,
                      shortened(frozen, 4)),
          "nothing was ever learnt there: train them (trainer.optimizer.groups), or begin with weights "
          "(model.weights.from)");
    if (share > kSomeDead)
      return warning(name(), of_units, "smaller first weights or biases, or normalised inputs");
    return good(name(),
                fmt::format("{} parameters, all with a gradient{}; {}", all - frozen.size(),
                            frozen.empty() ? "" : fmt::format(" ({} are frozen)", frozen.size()), of_units));
  }

 private:
  static constexpr double kSomeDead = 0.25, kManyDead = 0.5;
};

}  // namespace

std::unique_ptr<Check> start_loss_check() { return std::make_unique<StartLossCheck>(); }
std::unique_ptr<Check> gradients_check() { return std::make_unique<GradientsCheck>(); }

}  // namespace ringtrain::checks
