#include <algorithm>

#include "trainer/callbacks/built_in_averages.h"
#include "trainer/callbacks/weight_average.h"

namespace ringtrain {
namespace {

struct ExponentialOptions {
  double decay = 0.999;
  bool warm_up = true;
};

/// It begins with the initial weights: there is an average at all times.
class ExponentialAverage : public WeightAverage {
 public:
  explicit ExponentialAverage(const ExponentialOptions& options) : options_(options) {}
  void after_step(const Moment& moment) override {
    const auto step = static_cast<double>(updates() + 1);
    const double decay =
        options_.warm_up ? std::min(options_.decay, (1 + step) / (10 + step)) : options_.decay;
    add(moment.replica, 1 - decay);
  }

 private:
  bool has_average() const override { return true; }

  ExponentialOptions options_;
};

class ExponentialAverageKind : public CallbackKind {
 public:
  std::shared_ptr<CallbackKind> clone() const override {
    return std::make_shared<ExponentialAverageKind>(*this);
  }
  std::string name() const override { return "ema"; }
  std::string doc() const override {
    return "Exponential moving average: average = decay * average + (1 - decay) * weights, each step.";
  }
  void describe(config::Visitor& v) override {
    v.field("decay", options_.decay, "What is left of the average in a step.", config::fraction_below_one());
    v.field("warm_up", options_.warm_up,
            "In step t the decay is (1 + t) / (10 + t) at most, so that the initial weights "
            "are soon forgotten.");
  }
  std::unique_ptr<Callback> make() const override { return std::make_unique<ExponentialAverage>(options_); }

 private:
  ExponentialOptions options_;
};

}  // namespace

std::shared_ptr<CallbackKind> exponential_average_kind() {
  return std::make_shared<ExponentialAverageKind>();
}

}  // namespace ringtrain
