#include "trainer/checks/rate_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ringtrain::checks {
namespace {

/// From the base rate up, each step by the same factor.
class RisingKind : public ScheduleKind {
 public:
  explicit RisingKind(double factor) : factor_(factor) {}
  std::shared_ptr<ScheduleKind> clone() const override { return std::make_shared<RisingKind>(*this); }
  std::string name() const override { return "rising"; }
  std::string doc() const override { return "Rises by the same factor in each step."; }
  void describe(config::Visitor&) override {}
  double rate(double base, std::int64_t after, std::int64_t) const override {
    return base * std::pow(factor_, static_cast<double>(after));
  }

 private:
  double factor_;
};

/// How much of the mean of the losses so far a new one leaves.
constexpr double kSmooth = 0.85;

/// Where the curve is lowest, and from where on it is below what noise makes of its beginning.
void find_turns(RateTest& test) {
  if (test.curve.empty()) return;
  const auto lowest = std::min_element(test.curve.begin(), test.curve.end(),
                                       [](const auto& a, const auto& b) { return a.loss < b.loss; });
  test.best = lowest->rate;
  const double gained = test.first - lowest->loss;
  constexpr double kLittle = 0.02, kPart = 0.2;
  if (!(gained > kLittle * std::abs(test.first))) return;
  // The last point before the lowest one that is not yet lower by a part of all that is gained.
  auto moves = lowest;
  while (moves != test.curve.begin() && (moves - 1)->loss < test.first - kPart * gained) --moves;
  test.moves = moves->rate;
}

}  // namespace

double RateTest::advised() const {
  constexpr double back = 3;
  if (diverges > 0) return std::min(best, diverges / back) / back;
  return best / back;
}

RateTest test_rates(const Subject& subject, double low, double high, int steps) {
  RunConfig config = subject.config();
  const auto rising = std::make_shared<RisingKind>(std::pow(high / low, 1.0 / (steps - 1)));
  config.trainer.schedule = ScheduleConfig({rising});
  config.trainer.schedule.shape.type = rising->name();
  config.trainer.optimizer.lr = low;
  config.trainer.non_finite = "stop";

  RateTest test;
  double mean = 0, weight = 0, lowest = 0;
  int above = 0;
  // A loss of few samples jumps: it has diverged where it has gone up by more than all that was gained, and
  // stays.
  const auto course = subject.train(config, *subject.data().train, steps, [&](const Course& so_far) {
    mean = kSmooth * mean + (1 - kSmooth) * so_far.losses.back();
    weight = kSmooth * weight + (1 - kSmooth);
    const double loss = mean / weight;
    if (test.curve.empty()) lowest = loss;
    // The first rates move nothing: what is seen there is the noise of batches.
    constexpr std::size_t kFirst = 15;
    if (test.curve.size() < kFirst)
      test.first += (so_far.losses.back() - test.first) / static_cast<double>(test.curve.size() + 1);
    lowest = std::min(lowest, loss);
    test.curve.push_back({so_far.rates.back(), loss});
    const double gained = std::max(test.first - lowest, 0.02 * std::abs(test.first));
    above = loss > lowest + 1.5 * gained && loss > 1.3 * std::abs(lowest) ? above + 1 : 0;
    constexpr int kStays = 3;
    if (above < kStays) return true;
    test.diverges = test.curve[test.curve.size() - kStays].rate;
    return false;
  });
  if (!course.failure.empty() && test.diverges == 0 && !test.curve.empty())
    test.diverges = test.curve.back().rate;
  find_turns(test);
  return test;
}

std::string RateTest::picture(double configured) const {
  constexpr int kRows = 12, kColumns = 72;
  if (curve.size() < 2) return "";
  double low = curve[0].loss, high = first;
  for (const auto& point : curve) low = std::min(low, point.loss);
  high = low + 1.6 * std::max(high - low, 1e-12);
  std::vector<std::string> lines(kRows, std::string(kColumns, ' '));
  const double from = std::log10(curve.front().rate), to = std::log10(curve.back().rate);
  const auto column = [&](double rate) {
    return std::clamp(static_cast<int>(std::lround((std::log10(rate) - from) / (to - from) * (kColumns - 1))),
                      0, kColumns - 1);
  };
  if (configured >= curve.front().rate && configured <= curve.back().rate)
    for (auto& line : lines) line[static_cast<std::size_t>(column(configured))] = ':';
  for (const auto& point : curve) {
    const double up = std::clamp((high - point.loss) / (high - low), 0.0, 1.0);
    lines[static_cast<std::size_t>(std::lround(up * (kRows - 1)))]
         [static_cast<std::size_t>(column(point.rate))] = '*';
  }
  std::string text;
  for (int row = 0; row < kRows; ++row)
    text += fmt::format("{:>10} |{}\n",
                        row == 0 || row == kRows - 1 ? fmt::format("{:.4g}", row == 0 ? high : low) : "",
                        lines[static_cast<std::size_t>(row)]);
  std::string axis(kColumns, '-'), labels(kColumns + 8, ' ');
  for (int power = static_cast<int>(std::ceil(from)); power <= static_cast<int>(std::floor(to)); ++power) {
    const auto at = static_cast<std::size_t>(column(std::pow(10.0, power)));
    axis[at] = '+';
    const auto label = fmt::format("1e{}", power);
    labels.replace(at, label.size(), label);
  }
  while (!labels.empty() && labels.back() == ' ') labels.pop_back();
  return text + fmt::format("{:>10} +{}\n{:>10}  {}\n", "loss", axis, "lr", labels);
}

}  // namespace ringtrain::checks
