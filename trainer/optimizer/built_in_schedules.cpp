#include <algorithm>
#include <cmath>
#include <numbers>

#include "trainer/optimizer/schedule_kind.h"

namespace ringtrain {
namespace {

class ConstantKind : public ScheduleKind {
 public:
  std::shared_ptr<ScheduleKind> clone() const override { return std::make_shared<ConstantKind>(*this); }
  std::string name() const override { return "constant"; }
  std::string doc() const override { return "Stays."; }
  void describe(config::Visitor&) override {}
  double rate(double base, std::int64_t, std::int64_t) const override { return base; }
};

class StepKind : public ScheduleKind {
 public:
  std::shared_ptr<ScheduleKind> clone() const override { return std::make_shared<StepKind>(*this); }
  std::string name() const override { return "step"; }
  std::string doc() const override { return "Is multiplied by gamma every step_size steps."; }
  void describe(config::Visitor& v) override {
    v.field("step_size", step_size_, "Steps between two changes.", config::at_least(1));
    v.field("gamma", gamma_, "Factor of each change.", config::positive());
  }
  double rate(double base, std::int64_t after, std::int64_t) const override {
    const std::int64_t drops = after / step_size_;
    return base * std::pow(gamma_, static_cast<double>(drops));
  }

 private:
  std::int64_t step_size_ = 1000;
  double gamma_ = 0.1;
};

class CosineKind : public ScheduleKind {
 public:
  std::shared_ptr<ScheduleKind> clone() const override { return std::make_shared<CosineKind>(*this); }
  std::string name() const override { return "cosine"; }
  std::string doc() const override { return "Falls to min_lr along half a cosine, until the last step."; }
  void describe(config::Visitor& v) override {
    v.field("min_lr", min_lr_, "Learning rate at the end.", config::non_negative());
  }
  double rate(double base, std::int64_t after, std::int64_t span) const override {
    const double progress = std::min(1.0, static_cast<double>(after) / static_cast<double>(span));
    return min_lr_ + 0.5 * (base - min_lr_) * (1 + std::cos(std::numbers::pi * progress));
  }

 private:
  double min_lr_ = 0;
};

}  // namespace

std::vector<std::shared_ptr<ScheduleKind>> built_in_schedules() {
  return {std::make_shared<ConstantKind>(), std::make_shared<StepKind>(), std::make_shared<CosineKind>()};
}

}  // namespace ringtrain
