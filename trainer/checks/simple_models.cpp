#include "trainer/checks/simple_models.h"

#include <ATen/ATen.h>
#include <torch/optim/lbfgs.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

namespace ringtrain::checks {
namespace {

constexpr std::int64_t kNeighbours = 10;

at::Tensor tensor_of(const std::vector<double>& numbers) { return at::tensor(numbers, at::kDouble); }

/// Mean and 1 / deviation of each column; a constant one becomes 0.
std::pair<at::Tensor, at::Tensor> standard(const at::Tensor& x) {
  const auto deviation = x.std(0, /*unbiased=*/false);
  return {x.mean(0), at::where(deviation > 1e-12, deviation.reciprocal(), at::zeros_like(deviation))};
}

/// Rows in fold `fold`, and those in others.
std::pair<at::Tensor, at::Tensor> rows_of_fold(const std::vector<int>& folds, int fold) {
  std::vector<std::int64_t> in, out;
  for (std::size_t i = 0; i < folds.size(); ++i)
    (folds[i] == fold ? in : out).push_back(static_cast<std::int64_t>(i));
  return {at::tensor(in, at::kLong), at::tensor(out, at::kLong)};
}

std::vector<double> chosen(const std::vector<double>& from, const at::Tensor& rows) {
  std::vector<double> result;
  const auto* all = rows.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < rows.numel(); ++i) result.push_back(from[static_cast<std::size_t>(all[i])]);
  return result;
}

/// Which bin a value is in: of a word itself, of a number the quantile.
class Bins {
 public:
  Bins(std::vector<double> values, bool category) : category_(category) {
    if (category) {
      for (const double value : values) places_.emplace(value, places_.size());
      return;
    }
    std::sort(values.begin(), values.end());
    const auto most = std::clamp<std::size_t>(values.size() / 15, 2, 32);
    for (std::size_t b = 1; b < most; ++b) edges_.push_back(values[b * values.size() / most]);
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  }
  std::size_t size() const { return category_ ? places_.size() : edges_.size() + 1; }
  /// size() for a word that is not known.
  std::size_t of(double value) const {
    if (!category_)
      return static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), value) - edges_.begin());
    const auto found = places_.find(value);
    return found == places_.end() ? size() : found->second;
  }

 private:
  bool category_;
  std::vector<double> edges_;
  std::unordered_map<double, std::size_t> places_;
};

}  // namespace

LinearModel::LinearModel(const Goal& goal, const at::Tensor& features, const std::vector<double>& target)
    : goal_(goal) {
  std::tie(shift_, scale_) = standard(features);
  const auto x = standardised(features);
  if (goal.classes > 0) {
    fit_classes(x, tensor_of(target).to(at::kLong));
    return;
  }
  const auto y = tensor_of(target);
  bias_ = y.mean().reshape({1});
  const auto gram = x.t().mm(x) + at::eye(x.size(1), at::kDouble);
  weight_ = at::linalg_solve(gram, x.t().mm((y - bias_).unsqueeze(1)));
}

void LinearModel::fit_classes(const at::Tensor& x, const at::Tensor& target) {
  weight_ = at::zeros({x.size(1), goal_.classes}, at::kDouble).requires_grad_();
  bias_ = at::zeros({goal_.classes}, at::kDouble).requires_grad_();
  torch::optim::LBFGS optimizer(
      {weight_, bias_},
      torch::optim::LBFGSOptions(1).max_iter(60).history_size(10).line_search_fn("strong_wolfe"));
  const auto rows = static_cast<double>(x.size(0));
  optimizer.step([&] {
    optimizer.zero_grad();
    auto loss = at::cross_entropy_loss(x.mm(weight_) + bias_, target) + weight_.square().sum() / (2 * rows);
    loss.backward();
    return loss;
  });
  weight_ = weight_.detach();
  bias_ = bias_.detach();
}

at::Tensor LinearModel::standardised(const at::Tensor& features) const {
  return (features - shift_) * scale_;
}

at::Tensor LinearModel::answer(const at::Tensor& features) const {
  const auto outputs = standardised(features).mm(weight_) + bias_;
  return goal_.classes > 0 ? outputs.softmax(1) : outputs;
}

at::Tensor linear_answers_of_folds(const Goal& goal, const at::Tensor& features,
                                   const std::vector<double>& target) {
  const auto folds = folds_of(target.size());
  auto answers = at::zeros({features.size(0), goal.outputs()}, at::kDouble);
  for (int fold = 0; fold < kFolds; ++fold) {
    const auto [in, out] = rows_of_fold(folds, fold);
    if (in.numel() == 0 || out.numel() == 0) continue;
    const LinearModel model(goal, features.index_select(0, out), chosen(target, out));
    answers.index_copy_(0, in, model.answer(features.index_select(0, in)));
  }
  return answers;
}

at::Tensor neighbour_answers(const Goal& goal, const at::Tensor& features,
                             const std::vector<double>& target) {
  const auto [shift, scale] = standard(features);
  const auto x = ((features - shift) * scale).to(at::kFloat);
  auto says = tensor_of(target);
  says = goal.classes > 0 ? at::one_hot(says.to(at::kLong), goal.classes).to(at::kDouble) : says.unsqueeze(1);
  const auto folds = folds_of(target.size());
  auto answers = at::zeros({x.size(0), goal.outputs()}, at::kDouble);
  constexpr std::int64_t kAtOnce = 1000;
  for (int fold = 0; fold < kFolds; ++fold) {
    const auto [in, out] = rows_of_fold(folds, fold);
    const auto count = std::min(kNeighbours, out.numel());
    if (count == 0) continue;
    const auto others = x.index_select(0, out), what = says.index_select(0, out);
    for (std::int64_t begin = 0; begin < in.numel(); begin += kAtOnce) {
      const auto rows = in.narrow(0, begin, std::min(kAtOnce, in.numel() - begin));
      const auto distance = at::cdist(x.index_select(0, rows), others);
      const auto nearest = std::get<1>(distance.topk(count, 1, /*largest=*/false));
      answers.index_copy_(
          0, rows, what.index_select(0, nearest.reshape(-1)).reshape({rows.numel(), count, -1}).mean(1));
    }
  }
  return answers;
}

at::Tensor column_answers(const Goal& goal, const std::vector<double>& column, bool category,
                          const std::vector<double>& target) {
  const auto folds = folds_of(target.size());
  const auto outputs = static_cast<std::size_t>(goal.outputs());
  auto answers = at::zeros({static_cast<std::int64_t>(target.size()), goal.outputs()}, at::kDouble);
  auto* const answer = answers.mutable_data_ptr<double>();
  for (int fold = 0; fold < kFolds; ++fold) {
    std::vector<double> known;
    for (std::size_t i = 0; i < target.size(); ++i)
      if (folds[i] != fold) known.push_back(column[i]);
    const Bins bins(known, category);
    // The last one is of all rows: what is said of a word that is not known, and a little of each bin.
    std::vector<double> sums((bins.size() + 1) * outputs), counts(bins.size() + 1);
    const auto add = [&](std::size_t bin, double value) {
      ++counts[bin];
      if (goal.classes > 0)
        ++sums[bin * outputs + static_cast<std::size_t>(value)];
      else
        sums[bin] += value;
    };
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (folds[i] == fold) continue;
      add(bins.of(column[i]), target[i]);
      add(bins.size(), target[i]);
    }
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (folds[i] != fold) continue;
      const auto bin = bins.of(column[i]);
      for (std::size_t k = 0; k < outputs; ++k) {
        const double all = sums[bins.size() * outputs + k] / std::max(1.0, counts.back());
        const double here = bin < bins.size() ? sums[bin * outputs + k] : 0;
        const double count = bin < bins.size() ? counts[bin] : 0;
        answer[i * outputs + k] = (here + all) / (count + 1);
      }
    }
  }
  return answers;
}

double quality_of_column(const Goal& goal, const std::vector<double>& column, bool category,
                         const std::vector<double>& target) {
  const double binned = goal.quality(column_answers(goal, column, category, target), target);
  if (category) return binned;
  constexpr std::size_t kNear = 7;
  const auto folds = folds_of(target.size());
  const auto outputs = static_cast<std::size_t>(goal.outputs());
  auto answers = at::zeros({static_cast<std::int64_t>(target.size()), goal.outputs()}, at::kDouble);
  auto* const answer = answers.mutable_data_ptr<double>();
  for (int fold = 0; fold < kFolds; ++fold) {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < target.size(); ++i)
      if (folds[i] != fold) others.push_back(i);
    std::stable_sort(others.begin(), others.end(), [&](auto a, auto b) { return column[a] < column[b]; });
    if (others.size() < kNear) return binned;
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (folds[i] != fold) continue;
      const auto place = std::lower_bound(others.begin(), others.end(), column[i],
                                          [&](std::size_t a, double value) { return column[a] < value; });
      auto above = place, below = place;
      for (std::size_t k = 0; k < kNear; ++k) {
        const bool up =
            below == others.begin() ||
            (above != others.end() && column[*above] - column[i] <= column[i] - column[*(below - 1)]);
        const auto nearest = up ? *above++ : *--below;
        if (goal.classes > 0)
          answer[i * outputs + static_cast<std::size_t>(target[nearest])] += 1.0 / kNear;
        else
          answer[i] += target[nearest] / kNear;
      }
    }
  }
  const double near = goal.quality(answers, target);
  return std::isnan(near) ? binned : std::max(binned, near);
}

}  // namespace ringtrain::checks
