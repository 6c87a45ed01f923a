#include "models/padded_product.h"

#include <ATen/ATen.h>

#include "models/autocast.h"
#include "models/weight_shadow.h"

namespace ringtrain {

at::Tensor padded_product(const at::Tensor& x, const at::Tensor& weight, std::int64_t multiple) {
  const std::int64_t rows = weight.size(0), padded = (rows + multiple - 1) / multiple * multiple;
  const at::Tensor stand = shadow_of(weight);
  const auto type = autocast_here(x.device().type());
  const at::Tensor cast = type ? stand.to(*type) : stand;
  if (padded == rows) return at::linear(x, cast);
  return at::linear(x, at::constant_pad_nd(cast, {0, 0, 0, padded - rows})).narrow(-1, 0, rows);
}

}  // namespace ringtrain
