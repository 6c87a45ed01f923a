#include <fmt/format.h>

#include "common/text.h"
#include "trainer/callbacks/built_in_averages.h"
#include "trainer/callbacks/weight_average.h"

namespace ringtrain {
namespace {

struct StochasticOptions {
  std::int64_t start_step = 1, every_steps = 1;
};

/// Until the first of its steps there is no average.
class StochasticAverage : public WeightAverage {
 public:
  explicit StochasticAverage(const StochasticOptions& options) : options_(options) {}
  void after_step(const Moment& moment) override {
    if (moment.step < options_.start_step || (moment.step - options_.start_step) % options_.every_steps != 0)
      return;
    add(moment.replica, 1 / static_cast<double>(updates() + 1));
  }

 private:
  bool has_average() const override { return updates() > 0; }

  StochasticOptions options_;
};

class StochasticAverageKind : public CallbackKind {
 public:
  std::shared_ptr<CallbackKind> clone() const override {
    return std::make_shared<StochasticAverageKind>(*this);
  }
  std::string name() const override { return "swa"; }
  std::string doc() const override {
    return "The mean of the weights after each of some steps (stochastic weight averaging).";
  }
  void describe(config::Visitor& v) override {
    v.field("start_step", options_.start_step,
            "The first step after which weights are taken; before, the weights themselves are evaluated.",
            config::at_least(1));
    v.field("every_steps", options_.every_steps, "And then every so many steps.", config::at_least(1));
  }
  std::unique_ptr<Callback> make() const override { return std::make_unique<StochasticAverage>(options_); }
  std::optional<std::string> advice(std::int64_t total_steps) const override {
    if (options_.start_step <= total_steps) return std::nullopt;
    return fmt::format(
        "trainer.average.start_step is {}, but the run has {} steps: nothing is averaged, the weights of the "
        "last step are kept; begin earlier, or train longer",
        with_commas(options_.start_step), with_commas(total_steps));
  }

 private:
  StochasticOptions options_;
};

}  // namespace

std::shared_ptr<CallbackKind> stochastic_average_kind() { return std::make_shared<StochasticAverageKind>(); }

}  // namespace ringtrain
