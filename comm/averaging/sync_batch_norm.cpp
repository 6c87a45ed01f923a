#include "comm/averaging/sync_batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Carries the communicator from forward to backward.
struct Borrowed : torch::CustomClassHolder {
  explicit Borrowed(Communicator& lent) : communicator(lent) {}
  Communicator& communicator;
};

/// [1, channels, 1, ...] in float32 or float64, to be broadcast against x.
at::Tensor per_channel(const at::Tensor& values, const at::Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = x.size(1);
  return values.to(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat).view(shape);
}

/// x itself, or in float32 where it has 16 bits.
at::Tensor widened(const at::Tensor& x) { return x.element_size() == 2 ? x.to(at::kFloat) : x; }

struct Statistics {
  at::Tensor mean, variance;  ///< [channels], float64, of the joined batch
  at::Tensor count;           ///< [1] float64: values a channel, over all ranks
  bool several = true;        ///< whether there are more than one
};

Statistics joined_statistics(const at::Tensor& x, Communicator& communicator) {
  const auto channels = x.size(1);
  const auto options = x.options().dtype(at::kDouble).requires_grad(false);
  auto mine = at::zeros({2 * channels + 1}, options);
  const std::int64_t values = x.numel() / std::max<std::int64_t>(1, channels);
  if (values > 0) {
    const auto count = static_cast<double>(values);
    const auto [mean, variance] = at::batch_norm_update_stats(widened(x), {}, {}, /*momentum=*/0);
    mine.narrow(0, 0, channels).copy_(mean);
    mine.narrow(0, channels, channels).copy_(variance).mul_(count);
    mine[2 * channels].fill_(count);
  }
  auto all = at::empty({communicator.world_size(), 2 * channels + 1}, options);
  communicator.all_gather(all, mine, Compare::never).wait();

  const auto counts = all.narrow(1, 2 * channels, 1);
  const auto means = all.narrow(1, 0, channels);
  Statistics joined;
  joined.count = counts.sum(0);
  const auto divisor = joined.count.clamp_min(1);
  joined.mean = (counts * means).sum(0) / divisor;
  const auto deviations = all.narrow(1, channels, channels) + counts * (means - joined.mean).square();
  joined.variance = deviations.sum(0) / divisor;
  // Only a rank that has no two values itself has to wait for the number.
  const double most = values > 1 ? static_cast<double>(values) : joined.count.item<double>();
  joined.several = most > 1;
  if (most == 1) {
    TrainingError error(
        "batch norm in training needs more than one value a channel, and the joined batch of all ranks has "
        "one; raise trainer.global_batch_size so that no batch, the epoch's last one neither, has one "
        "sample");
    error.mark_agreed();
    throw error;
  }
  return joined;
}

struct SyncBatchNorm : torch::autograd::Function<SyncBatchNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& running_mean,
                            const at::Tensor& running_var, double momentum, double epsilon,
                            const c10::intrusive_ptr<Borrowed>& borrowed) {
    const Statistics joined = joined_statistics(x, borrowed->communicator);
    const auto mean = joined.mean.to(running_mean.scalar_type());
    const auto variance = joined.variance.to(running_var.scalar_type());
    if (joined.several) {
      const auto without_bias = joined.count / (joined.count - 1);
      running_mean.mul_(1 - momentum).add_(joined.mean, momentum);
      running_var.mul_(1 - momentum).add_(joined.variance * (momentum * without_bias));
    }
    context->save_for_backward({x, weight, mean, variance, joined.count});
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["communicator"] = c10::IValue::make_capsule(borrowed);
    if (x.numel() == 0) return at::empty_like(x);
    return std::get<0>(
        at::native_batch_norm(x, weight, bias, mean, variance, /*training=*/false, /*momentum=*/0, epsilon));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &mean = saved[2], &variance = saved[3];
    const double epsilon = context->saved_data["epsilon"].toDouble();
    const auto count = saved[4].clamp_min(1);
    const auto borrowed =
        c10::static_intrusive_pointer_cast<Borrowed>(context->saved_data["communicator"].toCapsule());

    // As if mean and variance were constants: weight / deviation × gradient; and the sums over this rank.
    at::Tensor of_x = at::zeros_like(x), of_weight = at::zeros_like(weight), of_bias = at::zeros_like(weight);
    if (x.numel() > 0)
      std::tie(of_x, of_weight, of_bias) =
          at::native_batch_norm_backward(gradients[0].contiguous(x.suggest_memory_format()), x, weight, mean,
                                         variance, {}, {}, /*train=*/false, epsilon, {true, true, true});
    const auto sums = at::cat({of_weight, of_bias}).to(at::kDouble).contiguous();
    borrowed->communicator.all_reduce(sums, ReduceOp::sum, Compare::never).wait();
    if (x.numel() == 0) return {of_x, of_weight, of_bias, {}, {}, {}, {}, {}};

    // What the gradient owes to mean and variance: the mean over the joined batch of the gradient, and of its
    // product with the normalised value.
    const auto channels = weight.numel();
    const auto rate = at::rsqrt(variance.to(at::kDouble) + epsilon);
    const auto factor = weight.to(at::kDouble) * rate / count;
    const auto by_value = factor * rate * sums.narrow(0, 0, channels);
    const auto constant = factor * sums.narrow(0, channels, channels);
    const auto offset = constant - mean.to(at::kDouble) * by_value;
    of_x = widened(of_x)
               .sub_(per_channel(offset, x))
               .addcmul_(widened(x), per_channel(by_value, x), /*value=*/-1)
               .to(x.scalar_type());
    return {of_x, of_weight, of_bias, {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor sync_batch_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& running_mean, const at::Tensor& running_var, double momentum,
                           double epsilon, Communicator& communicator) {
  return SyncBatchNorm::apply(x, weight.defined() ? weight : at::ones_like(running_mean),
                              bias.defined() ? bias : at::zeros_like(running_mean), running_mean, running_var,
                              momentum, epsilon, c10::make_intrusive<Borrowed>(communicator));
}

}  // namespace ringtrain
