#include "trainer/step/pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "data/order/sampler.h"
#include "trainer/precision/forward.h"

namespace ringtrain {

int Pass::pieces(int of, std::int64_t size) const {
  return norms ? of : static_cast<int>(std::min<std::int64_t>(of, size));
}

void Pass::run(const Batch& batch, int pieces, int of, double seed, const at::Tensor& scale,
               const std::function<void(const LossSum& loss, std::int64_t samples)>& add) const {
  replica.parameters->zero_gradients();
  if (copies) copies->refresh();
  const WeightShadow::Scope scope(copies ? &copies->shadow() : nullptr);
  for (int piece = 0; piece < pieces; ++piece) {
    const Range part = even_share(batch.size(), piece, of);
    const std::int64_t count = part.end - part.begin;
    const JoinedBatchNorms::Scope joined(norms, count);
    const auto loss = [&] {
      std::optional<Trace::Span> span;
      if (trace) span.emplace(*trace, "forward");
      const auto outputs = forward(replica.model, batch.inputs.narrow(part.begin, count).to(device), autocast,
                                   task.takes_sixteen_bits(device));
      return task.loss_sum(
          outputs, batch.targets.narrow(part.begin, count).to(device),
          batch.weights.defined() ? batch.weights.narrow(0, part.begin, count).to(device) : at::Tensor());
    }();
    {
      std::optional<Trace::Span> span;
      if (trace) span.emplace(*trace, "backward");
      auto gradient = at::full_like(loss.loss_sum, seed);
      if (scale.defined()) gradient.mul_(scale);
      if (piece + 1 == pieces) {
        loss.loss_sum.backward(gradient);
      } else {
        const auto quiet = reduction.no_sync();
        loss.loss_sum.backward(gradient);
      }
    }
    add(loss, count);
  }
}

}  // namespace ringtrain
