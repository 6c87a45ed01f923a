#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "trainer/checks/built_in_checks.h"

namespace ringtrain::checks {
namespace {

/// Kolmogorov and Smirnov's: the largest difference of the shares of rows below a number.
double distance_of_numbers(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double largest = 0;
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const double value = std::min(a[i], b[j]);
    while (i < a.size() && a[i] <= value) ++i;
    while (j < b.size() && b[j] <= value) ++j;
    largest = std::max(largest, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                         static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return largest;
}

/// Half the sum of the differences of the words' shares. `words`: how many there are.
double distance_of_words(const std::vector<double>& a, const std::vector<double>& b, std::size_t& words) {
  std::unordered_map<double, double> differences;
  for (const double code : a) differences[code] += 1 / static_cast<double>(a.size());
  for (const double code : b) differences[code] -= 1 / static_cast<double>(b.size());
  double sum = 0;
  for (const auto& [code, difference] : differences) sum += std::abs(difference) / 2;
  words = differences.size();
  return sum;
}

struct Drift {
  double distance = 0, limit = 1;
  std::string column, part;
  double beyond() const { return distance / limit; }
};

class DriftCheck : public Check {
 public:
  std::string name() const override { return "drift"; }
  std::string doc() const override { return "Columns whose values differ between the parts."; }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.single_columns();
    if (!columns) return skipped(name(), subject.why_no_single_columns());
    std::vector<Drift> all;
    for (std::size_t p = 1; p < columns->parts.size(); ++p)
      if (columns->parts[p].rows() >= kRows && columns->train().rows() >= kRows) look_at(*columns, p, all);
    if (all.empty()) return skipped(name(), fmt::format("a part has fewer than {} rows", kRows));
    std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.beyond() > b.beyond(); });
    std::vector<std::string> shown;
    for (const auto& one : all)
      if (one.beyond() > 1)
        shown.push_back(fmt::format("{} {:.2f} ({})", excerpt(one.column), one.distance, one.part));
    if (shown.empty())
      return good(name(),
                  fmt::format("the most is {:.2f}, of {} between training and {}; chance gives {:.2f}",
                              all[0].distance, excerpt(all[0].column), all[0].part, all[0].limit));
    const auto value = fmt::format("distance from the training part, of at most 1: {}; chance gives {:.2f}",
                                   shortened(shown, 5), all[0].limit);
    return (all[0].distance > kLarge ? bad : warning)(
        name(), value,
        "the parts come from different times or places, or were made differently: look at these columns; "
        "metrics of the test part say how such rows are answered, not those that were learnt from");
  }

 private:
  static constexpr std::size_t kRows = 20;
  static constexpr double kWorthAWord = 0.1, kLarge = 0.3;

  static void look_at(const Columns& columns, std::size_t p, std::vector<Drift>& all) {
    const auto& train = columns.train();
    const auto& part = columns.parts[p];
    const auto n = static_cast<double>(train.rows()), m = static_cast<double>(part.rows());
    // Beyond it by chance in one of a thousand data sets, over all columns and both parts.
    const double tests = 2.0 * static_cast<double>(columns.names.size() + 1);
    const double unit = std::sqrt((n + m) / (n * m)),
                 limit = std::sqrt(std::log(2 * tests / 0.001) / 2) * unit;
    const auto add = [&](const std::string& column, const std::vector<double>& a,
                         const std::vector<double>& b, bool category) {
      Drift drift{
          .distance = 0, .limit = std::max(kWorthAWord, limit), .column = column, .part = kPartNames[p]};
      if (category) {
        std::size_t words = 0;
        drift.distance = distance_of_words(a, b, words);
        // Many words differ a little each: what chance makes of that grows with the root of their number.
        drift.limit = std::max(kWorthAWord, limit + 0.4 * unit * std::sqrt(static_cast<double>(words)));
      } else {
        drift.distance = distance_of_numbers(a, b);
      }
      all.push_back(drift);
    };
    for (std::size_t c = 0; c < columns.names.size(); ++c)
      add(columns.names[c].name, train.columns[c], part.columns[c], columns.names[c].category);
    add(columns.goal.name + " (the target)", train.target, part.target, columns.goal.classes > 0);
  }
};

}  // namespace

std::unique_ptr<Check> drift_check() { return std::make_unique<DriftCheck>(); }

}  // namespace ringtrain::checks
