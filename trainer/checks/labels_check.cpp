#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "data/schema/excerpt.h"
#include "trainer/checks/built_in_checks.h"
#include "trainer/checks/simple_models.h"

namespace ringtrain::checks {
namespace {

/// A row on which both models agree against its label, and how sure they are.
struct Doubt {
  std::size_t row = 0;
  double sure = 0;
  std::string says;
};

std::vector<double> values_of(const at::Tensor& tensor) {
  const auto values = tensor.to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// The mean probability of a class in the rows that are labelled so: models of a rare class are never sure of
/// it, and those of a frequent one always (Northcutt, Jiang and Chuang 2021).
std::vector<double> usual_certainty(const std::vector<double>& shares, const std::vector<double>& target,
                                    std::size_t classes) {
  std::vector<double> sums(classes), counts(classes);
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto label = static_cast<std::size_t>(target[i]);
    sums[label] += shares[i * classes + label];
    ++counts[label];
  }
  for (std::size_t k = 0; k < classes; ++k) sums[k] = counts[k] > 0 ? sums[k] / counts[k] : 1;
  return sums;
}

std::vector<Doubt> doubts_of_classes(const at::Tensor& linear, const at::Tensor& near,
                                     const std::vector<double>& target,
                                     const std::vector<std::string>& labels) {
  constexpr double kSure = 0.8;
  const auto classes = static_cast<std::size_t>(linear.size(1));
  const auto a = values_of(linear), b = values_of(near);
  const auto usual = usual_certainty(a, target, classes);
  std::vector<Doubt> doubts;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto label = static_cast<std::size_t>(target[i]);
    const auto says = static_cast<std::size_t>(
                          std::max_element(a.begin() + static_cast<std::ptrdiff_t>(i * classes),
                                           a.begin() + static_cast<std::ptrdiff_t>((i + 1) * classes)) -
                          a.begin()) -
                      i * classes;
    const double sure = a[i * classes + says];
    if (says == label || sure < std::max(kSure, usual[says]) || b[i * classes + says] < kSure ||
        a[i * classes + label] >= usual[label])
      continue;
    doubts.push_back({i, sure, says < labels.size() ? excerpt(labels[says]) : std::to_string(says)});
  }
  return doubts;
}

/// Of numbers: both are off in the same direction by more than five times the usual.
std::vector<Doubt> doubts_of_numbers(const at::Tensor& linear, const at::Tensor& near,
                                     const std::vector<double>& target) {
  constexpr double kFar = 5, kOfMedian = 1.4826;
  std::vector<std::vector<double>> off;
  std::vector<double> usual;
  for (const auto& answers : {linear, near}) {
    off.push_back(values_of(answers));
    std::vector<double> sizes;
    for (std::size_t i = 0; i < target.size(); ++i) {
      off.back()[i] -= target[i];
      sizes.push_back(std::abs(off.back()[i]));
    }
    std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2),
                     sizes.end());
    usual.push_back(kOfMedian * sizes[sizes.size() / 2]);
  }
  std::vector<Doubt> doubts;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double one = off[0][i] / std::max(usual[0], 1e-12), other = off[1][i] / std::max(usual[1], 1e-12);
    if (one * other <= 0 || std::min(std::abs(one), std::abs(other)) < kFar) continue;
    doubts.push_back({i, std::min(std::abs(one), std::abs(other)),
                      fmt::format("{:.4g}, not {:.4g}", target[i] + off[0][i], target[i])});
  }
  return doubts;
}

class LabelsCheck : public Check {
 public:
  std::string name() const override { return "labels"; }
  std::string doc() const override {
    return "Rows on which two cross-validated models agree against the label; labels that nothing foretells.";
  }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.columns();
    if (!columns) return skipped(name(), subject.why_no_columns());
    if (subject.task().head().form == AnswerForm::labels) return skipped(name(), "a row has several labels");
    const auto rows = columns->joined(columns->names.size() > 256 ? 3000 : 6000);
    if (rows.rows() < 50) return skipped(name(), fmt::format("{} rows are too few to tell", rows.rows()));
    const auto& goal = columns->goal;
    const auto linear = linear_answers_of_folds(goal, rows.features, rows.target);
    const auto near = neighbour_answers(goal, rows.features, rows.target);
    const double quality = std::max(goal.quality(linear, rows.target), goal.quality(near, rows.target));
    const double chance = goal.chance(rows.target);
    if (!(quality - chance > 3 * goal.noise(rows.target)))
      return bad(
          name(),
          fmt::format("nothing foretells them: {} {:.3f} by the better of two cross-validated models, {:.3f} "
                      "by chance ({} rows)",
                      goal.metric(), quality, chance, with_commas(static_cast<long long>(rows.rows()))),
          "were labels and features put together row by row in the same order? Else other columns are "
          "needed");
    auto doubts = goal.classes > 0
                      ? doubts_of_classes(linear, near, rows.target, subject.data().preprocessing.labels)
                      : doubts_of_numbers(linear, near, rows.target);
    std::stable_sort(doubts.begin(), doubts.end(), [](auto& a, auto& b) { return a.sure > b.sure; });
    const double share = static_cast<double>(doubts.size()) / static_cast<double>(rows.rows());
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, doubts.size()); ++i)
      shown.push_back(
          fmt::format("row {} ({})", with_commas(rows.places[doubts[i].row] + 1), doubts[i].says));
    const auto value = fmt::format("on {} of {} rows ({:.2g}%) both models say another {}{}", doubts.size(),
                                   with_commas(static_cast<long long>(rows.rows())), 100 * share,
                                   goal.classes > 0 ? "class, and are sure" : "number, far off",
                                   shown.empty() ? "" : ": " + join(shown));
    if (doubts.size() < kFewDoubts || share < kShare) return good(name(), value);
    return (share >= kLargeShare ? bad : warning)(
        name(), value,
        "look at these rows: labels that were mixed up or written wrongly are learnt, and judged by");
  }

 private:
  static constexpr std::size_t kFewDoubts = 3;
  static constexpr double kShare = 0.015, kLargeShare = 0.08;
};

}  // namespace

std::unique_ptr<Check> labels_check() { return std::make_unique<LabelsCheck>(); }

}  // namespace ringtrain::checks
