#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstdint>

namespace ringtrain {

/// Calls `body` with a value of the C++ type of `type`, one of those that communicators move.
template <class Body>
decltype(auto) with_type(at::ScalarType type, const Body& body) {
  // NOLINTBEGIN(bugprone-branch-clone): they differ in their types
  switch (type) {
    case at::kFloat:
      return body(float());
    case at::kDouble:
      return body(double());
    case at::kBFloat16:
      return body(c10::BFloat16());
    case at::kHalf:
      return body(c10::Half());
    case at::kLong:
      return body(std::int64_t());
    case at::kInt:
      return body(std::int32_t());
    default:
      return body(std::uint8_t());
  }
  // NOLINTEND(bugprone-branch-clone)
}

}  // namespace ringtrain
