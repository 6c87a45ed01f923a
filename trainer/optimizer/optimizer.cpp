#include "trainer/optimizer/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>

#include "trainer/optimizer/spans.h"

namespace ringtrain {
namespace {

class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerConfig& config, const FlatParameters& parameters, std::vector<FlatSlice> slices)
      : Optimizer(parameters, std::move(slices),
                  config.momentum > 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{},
                  /*needs_counts=*/false),
        config_(config) {}

 protected:
  void fused(const Operands& with, double lr, const std::optional<at::Tensor>& divisor) override {
    call(with, lr, divisor, std::nullopt);
  }
  void fused(const Operands& with, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
             const at::Tensor& skips) override {
    call(with, lr, divisor, skips);
  }

 private:
  // A momentum of zeros makes the first step what is_first_step would make it.
  template <class Rate>
  void call(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
            const std::optional<at::Tensor>& skips) {
    const auto momentum = with.state.empty() ? at::TensorList{} : at::TensorList(with.state[0]);
    at::_fused_sgd_(with.values, with.gradients, momentum, config_.weight_decay, config_.momentum, lr,
                    /*dampening=*/0.0, config_.nesterov, /*maximize=*/false, /*is_first_step=*/false, divisor,
                    skips);
  }

  OptimizerConfig config_;
};

class Adam : public Optimizer {
 public:
  Adam(const OptimizerConfig& config, const FlatParameters& parameters, std::vector<FlatSlice> slices)
      : Optimizer(parameters, std::move(slices), {"exp_avg", "exp_avg_sq"}, /*needs_counts=*/true),
        config_(config) {}

 protected:
  void fused(const Operands& with, double lr, const std::optional<at::Tensor>& divisor) override {
    call(with, lr, divisor, std::nullopt);
  }
  void fused(const Operands& with, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
             const at::Tensor& skips) override {
    call(with, lr, divisor, skips);
  }

 private:
  template <class Rate>
  void call(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
            const std::optional<at::Tensor>& skips) {
    if (config_.type == "adamw")
      at::_fused_adamw_(with.values, with.gradients, with.state[0], with.state[1], {}, with.counts, lr,
                        config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                        /*maximize=*/false, divisor, skips);
    else
      at::_fused_adam_(with.values, with.gradients, with.state[0], with.state[1], {}, with.counts, lr,
                       config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                       /*maximize=*/false, divisor, skips);
  }

  OptimizerConfig config_;
};

/// A graph keeps the learning rate in float32: so do all steps, else replicas that take one and the other
/// would part.
double rate_for(const at::Tensor& gradients, double lr) {
  return gradients.scalar_type() == at::kFloat ? static_cast<double>(static_cast<float>(lr)) : lr;
}

bool all_equal(const std::vector<std::int64_t>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(), std::not_equal_to<>()) == numbers.end();
}

}  // namespace

Optimizer::Optimizer(const FlatParameters& parameters, std::vector<FlatSlice> slices,
                     const std::vector<std::string>& state_names, bool needs_counts)
    : parameters_(parameters),
      slices_(std::move(slices)),
      skipped_(parameters.entries().size(), 0),
      needs_counts_(needs_counts) {
  for (const auto& name : state_names) state_[name];
  std::vector<SlicePart> whole;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const auto& values = slices_[i].values;
    counts_.push_back(at::zeros({}, values.options().dtype(at::kFloat)));
    for (auto& [name, tensors] : state_) tensors.push_back(at::zeros_like(values));
    whole.push_back({i, 0, values.numel()});
  }
  cut(whole);
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
    Operands operands{{of(slices_[part.slice].values)}, {at::Tensor()}, {}, {counts_[part.slice]}};
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
    even_ = all_equal(skipped_);
  }
  if (!needs_counts_ || !even_) return;
  for (const auto& count : counts_)
    count.fill_(static_cast<double>(steps_ - (skipped_.empty() ? 0 : skipped_[0])));
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

/// What the fused call takes of a part whose parameters are not treated alike.
Optimizer::Operands Optimizer::spans(const Cut& cut) const {
  std::vector<std::int64_t> counts(skipped_.size(), 0);
  if (needs_counts_)
    for (std::size_t e = 0; e < counts.size(); ++e) counts[e] = steps_ - skipped_[e];
  const auto& slice = slices_[cut.part.slice];
  const FlatSlice part{slice.group, slice.begin + cut.part.begin, cut.alike.values[0],
                       cut.alike.gradients[0]};
  Operands operands;
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
  Operands some;
  if (!alike()) some = spans(cut);
  Operands& with = alike() ? cut.alike : some;
  if (with.values.empty()) return;
  std::optional<at::Tensor> inside;  // none where it is 1: the fused calls write quotients back
  if (numbers.divisor != 1 && first.scalar_type() == at::kFloat)
    inside = at::scalar_tensor(numbers.divisor, first.options());
  else if (numbers.divisor != 1)
    for (auto& gradients : with.gradients)
      gradients.div_(numbers.divisor);  // the fused calls take no float64 divisor
  fused(with, rate_for(first, numbers.lr), inside);
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
  fused(cut.alike, numbers.lr, inside, numbers.skips);
}

void Optimizer::resume(std::int64_t steps, const std::vector<std::int64_t>& skipped) {
  steps_ = steps;
  if (skipped.empty())
    std::fill(skipped_.begin(), skipped_.end(), 0);
  else
    skipped_ = skipped;
  even_ = all_equal(skipped_);
}

std::int64_t Optimizer::state_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, tensors] : state_)
    for (const auto& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters,
                                          std::vector<FlatSlice> slices) {
  if (config.type == "sgd") return std::make_unique<Sgd>(config, parameters, std::move(slices));
  return std::make_unique<Adam>(config, parameters, std::move(slices));
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const FlatParameters& parameters) {
  return make_optimizer(config, parameters, whole_slices(parameters));
}

}  // namespace ringtrain
