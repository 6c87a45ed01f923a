#include "trainer/precision/forward.h"

#include <ATen/ATen.h>

#include "trainer/precision/autocast.h"

namespace ringtrain {

at::Tensor forward(const Network& model, const Fields& inputs, std::optional<c10::ScalarType> autocast,
                   bool as_it_is) {
  const Autocast scope(inputs.begin()->second.device().type(), autocast);
  const at::Tensor outputs = model.forward(inputs);
  return autocast && !as_it_is ? outputs.to(at::kFloat) : outputs;
}

}  // namespace ringtrain
