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
  void apply(const Operands& with, double lr, const std::optional<at::Tensor>& divisor) override {
    fused(with, lr, divisor, std::nullopt);
  }
  void apply(const Operands& with, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
             const at::Tensor& skips) override {
    fused(with, lr, divisor, skips);
  }

 private:
  // A momentum of zeros makes the first step what is_first_step would make it.
  template <class Rate>
  void fused(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
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
  void apply(const Operands& with, double lr, const std::optional<at::Tensor>& divisor) override {
    fused(with, lr, divisor, std::nullopt);
  }
  void apply(const Operands& with, const at::Tensor& lr, const std::optional<at::Tensor>& divisor,
             const at::Tensor& skips) override {
    fused(with, lr, divisor, skips);
  }

 private:
  template <class Rate>
  void fused(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
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
  for (const auto& slice : slices_)
    whole_.push_back(
        {{slice.values}, {at::Tensor()}, {}, {at::zeros({}, slice.values.options().dtype(at::kFloat))}});
  for (const auto& name : state_names) state_[name];
  for (auto& [name, tensors] : state_)
    for (std::size_t i = 0; i < slices_.size(); ++i) {
      tensors.push_back(at::zeros_like(slices_[i].values));
      whole_[i].state.push_back({tensors[i]});
    }
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> gradients;
  for (const auto& slice : slices_) gradients.push_back(gradients_of(slice, parameters_));
  return gradients;
}

Optimizer::Operands Optimizer::operands_of(std::size_t i, const at::Tensor& gradients,
                                           const std::vector<bool>& unused) const {
  std::vector<std::int64_t> counts(skipped_.size(), 0);
  if (needs_counts_)
    for (std::size_t e = 0; e < counts.size(); ++e) counts[e] = steps_ - skipped_[e];
  const auto spans = spans_of(slices_[i], parameters_, counts, unused);
  Operands operands;
  operands.state.resize(state_.size());
  std::vector<float> numbers;
  for (const auto& span : spans) {
    operands.values.push_back(slices_[i].values.narrow(0, span.begin, span.numel));
    operands.gradients.push_back(gradients.narrow(0, span.begin, span.numel));
    std::size_t s = 0;
    for (const auto& [name, tensors] : state_)
      operands.state[s++].push_back(tensors[i].narrow(0, span.begin, span.numel));
    numbers.push_back(static_cast<float>(span.count));
  }
  if (!spans.empty()) operands.counts = at::tensor(numbers).to(slices_[i].values.device()).unbind();
  return operands;
}

void Optimizer::step(double lr, double divisor, const std::vector<bool>& unused) {
  const bool all = std::none_of(unused.begin(), unused.end(), [](bool sits_out) { return sits_out; });
  ++steps_;
  if (!all) {
    for (std::size_t e = 0; e < skipped_.size(); ++e) skipped_[e] += unused[e] ? 1 : 0;
    even_ = all_equal(skipped_);
  }
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const at::Tensor gradients = gradients_of(slices_[i], parameters_);
    if (gradients.numel() == 0) continue;
    if (all && (even_ || !needs_counts_)) {
      count_whole(i);
      whole_[i].gradients[0] = gradients;
      update_alike(whole_[i], lr, divisor);
    } else if (Operands some = operands_of(i, gradients, unused); !some.values.empty()) {
      update_alike(some, lr, divisor);
    }
  }
}

void Optimizer::update_alike(Operands& operands, double lr, double divisor) {
  const at::Tensor& first = operands.gradients[0];
  std::optional<at::Tensor> inside;  // none where it is 1: the fused calls write quotients back
  if (divisor != 1 && first.scalar_type() == at::kFloat)
    inside = at::scalar_tensor(divisor, first.options());
  else if (divisor != 1)
    for (auto& gradients : operands.gradients)
      gradients.div_(divisor);  // the fused calls take no float64 divisor
  apply(operands, rate_for(first, lr), inside);
}

void Optimizer::cut(const std::vector<Part>& parts) {
  parts_ = parts;
  parts_of_slices_.clear();
  for (const auto& [slice, begin, end] : parts_) {
    const auto part = [from = begin, count = end - begin](const at::Tensor& whole) {
      return whole.narrow(0, from, count);
    };
    const Operands& whole = whole_[slice];
    Operands operands{
        {part(whole.values[0])}, {part(gradients_of(slices_[slice], parameters_))}, {}, whole.counts};
    for (const auto& tensors : whole.state) operands.state.push_back({part(tensors[0])});
    parts_of_slices_.push_back(std::move(operands));
  }
}

void Optimizer::begin_parts() {
  ++steps_;
  for (std::size_t i = 0; i < slices_.size(); ++i) count_whole(i);
}

void Optimizer::step_part(std::size_t part, double lr, double divisor) {
  update_alike(parts_of_slices_[part], lr, divisor);
}

/// How many steps the slice's parameters, all treated alike, took part in.
void Optimizer::count_whole(std::size_t i) {
  whole_[i].counts[0].fill_(static_cast<double>(steps_ - (skipped_.empty() ? 0 : skipped_[0])));
}

void Optimizer::prepare(double lr, const at::Tensor& lr_on_device) {
  ++steps_;
  lr_on_device.fill_(lr);
  for (std::size_t i = 0; i < slices_.size(); ++i) count_whole(i);
}

void Optimizer::update(const at::Tensor& lr, const at::Tensor& divisor, const at::Tensor& skips) {
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const at::Tensor gradients = gradients_of(slices_[i], parameters_);
    if (gradients.numel() == 0) continue;
    std::optional<at::Tensor> inside;
    if (gradients.scalar_type() == at::kFloat)
      inside = divisor.to(at::kFloat);
    else
      gradients.div_(divisor);
    whole_[i].gradients[0] = gradients;
    apply(whole_[i], lr, inside, skips);
  }
}

void Optimizer::sat_out() {
  for (auto& count : skipped_) ++count;
}

void Optimizer::skip() {
  ++steps_;
  sat_out();
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
