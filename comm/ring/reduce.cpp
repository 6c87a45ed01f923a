#include "comm/ring/reduce.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "comm/arithmetic.h"
#include "comm/with_type.h"

namespace ringtrain::ring {
namespace {

// A block of sums stays in the first-level cache while the tensors stream by.
constexpr std::int64_t block = 1024;

template <class T, ReduceOp op>
void reduce_typed(std::span<const std::byte* const> tensors, std::span<std::byte* const> results,
                  std::int64_t begin, std::int64_t end) {
  using A = arithmetic::Accumulator<T>;
  alignas(64) std::array<A, block> sums;
  for (std::int64_t start = begin; start < end; start += block) {
    const std::int64_t count = std::min(block, end - start);
    const auto at = [start](auto* bytes) { return reinterpret_cast<const T*>(bytes) + start; };
    const T* first = at(tensors[0]);
    if (tensors.size() > 1) {
      const T* second = at(tensors[1]);
      for (std::int64_t i = 0; i < count; ++i)
        sums[i] = arithmetic::combine<op, A>(static_cast<A>(first[i]), static_cast<A>(second[i]));
    } else {
      for (std::int64_t i = 0; i < count; ++i) sums[i] = static_cast<A>(first[i]);
    }
    for (std::size_t r = 2; r < tensors.size(); ++r) {
      const T* other = at(tensors[r]);
      for (std::int64_t i = 0; i < count; ++i)
        sums[i] = arithmetic::combine<op, A>(sums[i], static_cast<A>(other[i]));
    }
    for (std::byte* result : results) {
      T* to = reinterpret_cast<T*>(result) + start;
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(sums[i]);
    }
  }
}

template <class T, class W, ReduceOp op>
void combine_typed(T* into, const W* from, std::int64_t numel) {
  using A = arithmetic::Accumulator<T>;
  for (std::int64_t i = 0; i < numel; ++i)
    into[i] = static_cast<T>(arithmetic::combine<op, A>(static_cast<A>(into[i]), static_cast<A>(from[i])));
}

template <class T, class W>
void combine_op(ReduceOp op, T* into, const W* from, std::int64_t numel) {
  switch (op) {
    case ReduceOp::sum:
      return combine_typed<T, W, ReduceOp::sum>(into, from, numel);
    case ReduceOp::max:
      return combine_typed<T, W, ReduceOp::max>(into, from, numel);
    case ReduceOp::min:
      return combine_typed<T, W, ReduceOp::min>(into, from, numel);
  }
}

template <class From, class To>
void convert(const std::byte* from, std::byte* to, std::int64_t numel) {
  const auto* source = reinterpret_cast<const From*>(from);
  auto* target = reinterpret_cast<To*>(to);
  for (std::int64_t i = 0; i < numel; ++i) target[i] = static_cast<To>(source[i]);
}

void copy(at::ScalarType dtype, const std::byte* from, std::byte* to, std::int64_t numel) {
  std::memcpy(to, from, static_cast<std::size_t>(numel) * c10::elementSize(dtype));
}

}  // namespace

void reduce_all(at::ScalarType dtype, ReduceOp op, std::span<const std::byte* const> tensors,
                std::span<std::byte* const> results, std::int64_t begin, std::int64_t end) {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    switch (op) {
      case ReduceOp::sum:
        return reduce_typed<T, ReduceOp::sum>(tensors, results, begin, end);
      case ReduceOp::max:
        return reduce_typed<T, ReduceOp::max>(tensors, results, begin, end);
      case ReduceOp::min:
        return reduce_typed<T, ReduceOp::min>(tensors, results, begin, end);
    }
  });
}

void reduce_into(at::ScalarType dtype, ReduceOp op, std::byte* into, const std::byte* from,
                 at::ScalarType wire, std::int64_t numel) {
  if (wire == at::kBFloat16 && dtype == at::kFloat)
    return combine_op(op, reinterpret_cast<float*>(into), reinterpret_cast<const c10::BFloat16*>(from),
                      numel);
  if (wire == at::kHalf && dtype == at::kFloat)
    return combine_op(op, reinterpret_cast<float*>(into), reinterpret_cast<const c10::Half*>(from), numel);
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    combine_op(op, reinterpret_cast<T*>(into), reinterpret_cast<const T*>(from), numel);
  });
}

void to_wire(at::ScalarType dtype, const std::byte* from, at::ScalarType wire, std::byte* to,
             std::int64_t numel) {
  if (wire == dtype) return copy(dtype, from, to, numel);
  if (wire == at::kBFloat16) return convert<float, c10::BFloat16>(from, to, numel);
  convert<float, c10::Half>(from, to, numel);
}

void from_wire(at::ScalarType wire, const std::byte* from, at::ScalarType dtype, std::byte* to,
               std::int64_t numel) {
  if (wire == dtype) return copy(dtype, from, to, numel);
  if (wire == at::kBFloat16) return convert<c10::BFloat16, float>(from, to, numel);
  convert<c10::Half, float>(from, to, numel);
}

}  // namespace ringtrain::ring
