#pragma once

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "comm/communicator.h"

/// How two elements are reduced where ringtrain does it itself. `combine(a, b)` has the bits of `combine(b,
/// a)`, so ranks that reduce in mirrored order agree: a NaN wins over all numbers, and max(0.0, -0.0) is 0.0.
namespace ringtrain::arithmetic {

/// What sums are held in: float for the 16-bit types.
template <class T>
using Accumulator =
    std::conditional_t<std::is_same_v<T, c10::Half> || std::is_same_v<T, c10::BFloat16>, float, T>;

template <ReduceOp op, class A>
A combine(A a, A b) {
  if constexpr (op == ReduceOp::sum) {
    return static_cast<A>(a + b);
  } else {
    if constexpr (std::is_floating_point_v<A>) {
      if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<A>::quiet_NaN();
      if (a == b) return std::signbit(a) == (op == ReduceOp::max) ? b : a;
    }
    return op == ReduceOp::max ? (a > b ? a : b) : (a < b ? a : b);
  }
}

}  // namespace ringtrain::arithmetic
