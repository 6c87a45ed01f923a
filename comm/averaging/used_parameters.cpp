#include "comm/averaging/used_parameters.h"

#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

namespace ringtrain {

UsedParameters::UsedParameters(const FlatParameters& parameters)
    : reached_(std::make_shared<std::vector<char>>(parameters.entries().size(), 0)) {
  using torch::autograd::variable_list;
  for (std::size_t i = 0; i < parameters.entries().size(); ++i) {
    auto accumulator = torch::autograd::impl::grad_accumulator(parameters.entries()[i].parameter);
    accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
        [reached = reached_, i](const variable_list& outputs, const variable_list&) {
          (*reached)[i] = 1;
          return outputs;
        }));
    accumulators_.push_back(std::move(accumulator));
  }
}

std::vector<bool> UsedParameters::take() {
  std::vector<bool> used(reached_->begin(), reached_->end());
  std::fill(reached_->begin(), reached_->end(), 0);
  return used;
}

}  // namespace ringtrain
