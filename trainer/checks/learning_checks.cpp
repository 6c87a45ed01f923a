#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "trainer/checks/built_in_checks.h"
#include "trainer/checks/rate_test.h"

namespace ringtrain::checks {
namespace {

class OneBatchCheck : public Check {
 public:
  std::string name() const override { return "one_batch"; }
  std::string doc() const override { return "One small batch learnt by heart in 200 steps."; }

  Finding run(Subject& subject) const override {
    if (!subject.can_train()) return skipped(name(), "it takes steps");
    const auto& train = *subject.data().train;
    RunConfig config = subject.config();
    const auto size = std::min({config.trainer.global_batch_size, kSamples, train.size()});
    const SomeSamples few(train, spread_samples(train.size(), size));
    config.trainer.global_batch_size = size;
    config.trainer.accumulate = 1;
    config.trainer.schedule.warmup_steps = 0;
    // Whether it learns is asked, not for how long the run goes on.
    const auto constant = built_in_schedules().front();
    config.trainer.schedule.shape.kinds = {constant};
    config.trainer.schedule.shape.type = constant->name();
    const Course course = subject.train(config, few, kSteps, [](const Course& so_far) {
      const auto& losses = so_far.losses;
      return losses.size() < 20 || losses.back() > kLearnt * losses.front();
    });
    const auto steps = course.losses.size();
    if (!course.failure.empty())
      return bad(name(), fmt::format("{} samples, {} steps: {}", size, steps, course.failure), kRemedy);
    // A batch norm's running statistics may lag behind what was learnt.
    const double after = std::min(loss_of(subject, course.replica, few), course.losses.back());
    const double first = course.losses.front();
    const auto value = fmt::format("the loss of {} samples: {:.4g} at first, {:.4g} after {} steps", size,
                                   first, after, steps);
    if (!(after < kHardly * first)) return bad(name(), value, kRemedy);
    if (!(after < kPartly * first))
      return warning(
          name(), value,
          "a model that learns should come to know so few by heart: is it large enough, the learning rate "
          "high enough (see learning_rate), is there too much dropout or weight decay?");
    return good(name(), value);
  }

 private:
  static constexpr std::int64_t kSamples = 32, kSteps = 200;
  static constexpr double kLearnt = 0.02, kHardly = 0.85, kPartly = 0.5;
  static constexpr const char* kRemedy =
      "the model does not learn: look at the learning rate (see learning_rate), at frozen parameters, at the "
      "loss, and "
      "whether gradients arrive (see gradients)";

  static double loss_of(const Subject& subject, const Replica& replica, const Dataset& samples) {
    const torch::NoGradGuard no_gradient;
    // As it learnt: without dropout, with the statistics of this batch where it has batch norms.
    replica.model->train(false);
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < samples.size(); ++i) all.push_back(i);
    Batch batch = samples.read(all);
    const at::Device device(subject.device());
    batch.inputs = batch.inputs.to(device);
    batch.targets = batch.targets.to(device);
    if (batch.weights.defined()) batch.weights = batch.weights.to(device);
    return subject.loss(subject.answer(replica.model, batch.inputs), batch);
  }
};

class LearningRateCheck : public Check {
 public:
  std::string name() const override { return "learning_rate"; }
  std::string doc() const override {
    return "A learning rate that diverges or hardly moves, by a learning-rate test.";
  }

  Finding run(Subject& subject) const override {
    if (!subject.can_train()) return skipped(name(), "it takes steps");
    const double rate = subject.config().trainer.optimizer.lr;
    const RateTest test = test_rates(subject);
    if (test.curve.size() < 2)
      return bad(name(), "the first steps fail at the lowest rates already", "see gradients and start_loss");
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < test.curve.size(); i += std::max<std::size_t>(1, test.curve.size() / 7))
      shown.push_back(fmt::format("{:.0e}: {:.3g}", test.curve[i].rate, test.curve[i].loss));
    const auto value = fmt::format(
        "lr {:.2g}; the loss moves from {:.1e} on, is lowest at {:.1e}, {} (loss by rate {})", rate,
        test.moves, test.best,
        test.diverges > 0 ? fmt::format("diverges at {:.1e}", test.diverges) : "does not diverge up to 10",
        join(shown));
    const auto advice = fmt::format(
        "trainer.optimizer.lr: {:.1g}; `ringtrain lr-range CONFIG` shows the curve", test.advised());
    if (test.moves == 0)
      return bad(name(), value, "no learning rate lowers the loss: see gradients and one_batch");
    if (test.diverges > 0 && rate >= test.diverges) return bad(name(), value, advice);
    if (rate > kAbove * test.best) return warning(name(), value, advice);
    if (rate < test.moves / kFarBelow) return bad(name(), value, advice);
    if (rate < test.moves / kBelow) return warning(name(), value, advice);
    return good(name(), value);
  }

 private:
  static constexpr double kAbove = 3, kBelow = 10, kFarBelow = 100;
};

}  // namespace

std::unique_ptr<Check> one_batch_check() { return std::make_unique<OneBatchCheck>(); }
std::unique_ptr<Check> learning_rate_check() { return std::make_unique<LearningRateCheck>(); }

}  // namespace ringtrain::checks
