#include "trainer/optimizer/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/optimizer/spans.h"

namespace ringtrain {
namespace {

/// A graph keeps the learning rate in float32: so do all steps, else replicas that take one and the other
/// would part.
double rate_for(const at::Tensor& gradients, double lr) {
  return gradients.scalar_type() == at::kFloat ? static_cast<double>(static_cast<float>(lr)) : lr;
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const FlatParameters& parameters,
                     std::vector<FlatSlice> slices)
    : kind_(config.rule.kind().clone()),
      parameters_(parameters),
      slices_(std::move(slices)),
      scales_{1.0},
      skipped_(parameters.entries().size(), 0) {
  for (const auto& group : config.groups) scales_.push_back(group.lr_scale);
  for (const auto& name : kind_->state_names()) state_[name];
  std::vector<SlicePart> whole;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const auto& values = slices_[i].values;
    Shared shared;
    shared.kind = parameters.groups()[slices_[i].group].kind;
    shared.lr_scale = scales_[shared.kind];
    const double own =
        shared.kind == 0 ? ParameterGroupConfig::kOfOptimizer : config.groups[shared.kind - 1].weight_decay;
    shared.weight_decay = own == ParameterGroupConfig::kOfOptimizer ? config.weight_decay : own;
    shared.count = at::zeros({}, values.options().dtype(at::kFloat));
    for (std::size_t e = 0; e < parameters.entries().size(); ++e)
      if (parameters.entries()[e].group == slices_[i].group) shared.entries.push_back(e);
    shared_.push_back(std::move(shared));
    for (auto& [name, tensors] : state_) tensors.push_back(at::zeros_like(values));
    whole.push_back({i, 0, values.numel()});
  }
  cut(whole);
}

std::vector<double> Optimizer::rates(double lr) const {
  std::vector<double> rates;
  for (const double scale : scales_) rates.push_back(lr * scale);
  return rates;
}

bool Optimizer::treats_all_alike() const {
  return std::all_of(shared_.begin(), shared_.end(), [](const Shared& shared) { return shared.even; });
}

void Optimizer::look_for_even_ones() {
  for (auto& shared : shared_)
    shared.even = std::all_of(shared.entries.begin(), shared.entries.end(),
                              [&](std::size_t e) { return skipped_[e] == skipped_[shared.entries.front()]; });
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> gradients;
  for (const auto& slice : slices_) gradients.push_back(gradients_of(slice, parameters_));
  return gradients;
}

void Optimizer::cut(const std::vector<SlicePart>& parts) {
  parts_.clear();
  for (const SlicePart& part : parts) {
    const auto of = [&part](const at::Tensor& whole) {
      return whole.narrow(0, part.begin, part.end - part.begin);
    };
    const Shared& shared = shared_[part.slice];
    Operands operands{
        {of(slices_[part.slice].values)}, {at::Tensor()}, {}, {shared.count}, shared.weight_decay};
    for (const auto& [name, tensors] : state_) operands.state.push_back({of(tensors[part.slice])});
    parts_.push_back({part, {}, std::move(operands)});
  }
}

void Optimizer::begin(const std::vector<bool>& unused) {
  ++steps_;
  const bool all = std::none_of(unused.begin(), unused.end(), [](bool sits_out) { return sits_out; });
  unused_ = all ? std::vector<bool>() : unused;
  if (!all) {
    for (std::size_t e = 0; e < skipped_.size(); ++e) skipped_[e] += unused[e] ? 1 : 0;
    look_for_even_ones();
  }
  if (!kind_->needs_counts()) return;
  for (const auto& shared : shared_)
    if (shared.even && !shared.entries.empty())
      shared.count.fill_(static_cast<double>(steps_ - skipped_[shared.entries.front()]));
}

void Optimizer::sat_out() {
  for (auto& count : skipped_) ++count;
}

/// Where the part's gradients are now.
const at::Tensor& Optimizer::follow_gradients(Cut& cut) {
  at::Tensor& mine = cut.alike.gradients[0];
  if (const auto whole = gradients_of(slices_[cut.part.slice], parameters_); !whole.is_same(cut.gradients)) {
    cut.gradients = whole;
    const std::int64_t numel = cut.part.end - cut.part.begin;
    mine = numel == whole.numel() ? whole : whole.narrow(0, cut.part.begin, numel);
  }
  return mine;
}

/// What an update takes of a part whose parameters are not treated alike.
Operands Optimizer::spans(const Cut& cut) const {
  std::vector<std::int64_t> counts(skipped_.size(), 0);
  if (kind_->needs_counts())
    for (std::size_t e = 0; e < counts.size(); ++e) counts[e] = steps_ - skipped_[e];
  const auto& slice = slices_[cut.part.slice];
  const FlatSlice part{slice.group, slice.begin + cut.part.begin, cut.alike.values[0],
                       cut.alike.gradients[0]};
  Operands operands;
  operands.weight_decay = cut.alike.weight_decay;
  operands.state.resize(state_.size());
  std::vector<float> numbers;
  for (const auto& span : spans_of(part, parameters_, counts, unused_)) {
    const auto of = [&span](const at::Tensor& tensor) { return tensor.narrow(0, span.begin, span.numel); };
    operands.values.push_back(of(part.values));
    operands.gradients.push_back(of(part.gradients));
    for (std::size_t s = 0; s < cut.alike.state.size(); ++s)
      operands.state[s].push_back(of(cut.alike.state[s][0]));
    numbers.push_back(static_cast<float>(span.count));
  }
  if (!numbers.empty()) operands.counts = at::tensor(numbers).to(part.values.device()).unbind();
  return operands;
}

void Optimizer::apply(std::size_t part, const Numbers& numbers) {
  Cut& cut = parts_[part];
  const at::Tensor& first = follow_gradients(cut);
  if (first.numel() == 0) return;
  const bool as_one = alike(cut.part.slice);
  Operands some;
  if (!as_one) some = spans(cut);
  Operands& with = as_one ? cut.alike : some;
  if (with.values.empty()) return;
  std::optional<at::Tensor> inside;  // none where it is 1: fused calls write quotients back
  if (numbers.divisor != 1 && first.scalar_type() == at::kFloat)
    inside = at::scalar_tensor(numbers.divisor, first.options());
  else if (numbers.divisor != 1)
    for (auto& gradients : with.gradients)
      gradients.div_(numbers.divisor);  // fused calls take no float64 divisor
  kind_->update(with, rate_for(first, numbers.lr * shared_[cut.part.slice].lr_scale), inside);
}

void Optimizer::apply(std::size_t part, const DeviceNumbers& numbers) {
  Cut& cut = parts_[part];
  const at::Tensor& gradients = follow_gradients(cut);
  if (gradients.numel() == 0) return;
  std::optional<at::Tensor> inside;
  if (gradients.scalar_type() == at::kFloat)
    inside = numbers.divisor.to(at::kFloat);
  else
    gradients.div_(numbers.divisor);
  kind_->update(cut.alike, numbers.lr[static_cast<std::int64_t>(shared_[cut.part.slice].kind)], inside,
                numbers.skips);
}

void Optimizer::resume(std::int64_t steps, const std::vector<std::int64_t>& skipped) {
  steps_ = steps;
  if (skipped.empty())
    std::fill(skipped_.begin(), skipped_.end(), 0);
  else
    skipped_ = skipped;
  look_for_even_ones();
}

std::int64_t Optimizer::state_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, tensors] : state_)
    for (const auto& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters,
                                          std::vector<FlatSlice> slices) {
  return std::make_unique<Optimizer>(config, parameters, std::move(slices));
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters) {
  return make_optimizer(config, parameters, whole_slices(parameters));
}

}  // namespace ringtrain
