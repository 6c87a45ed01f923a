#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/comm/conformance.h"

namespace ringtrain::conformance {

template <class Expected>
void expect_elements(const at::Tensor& actual, const std::string& what, const Expected& expected) {
  const at::Tensor numbers = actual.to(at::kDouble).contiguous();  // exact for every value of the cases
  const double* values = numbers.const_data_ptr<double>();
  for (std::int64_t i = 0; i < numbers.numel(); ++i) {
    if (values[i] == static_cast<double>(expected(i))) continue;
    ADD_FAILURE() << what << ": element " << i << " is " << values[i] << ", expected " << expected(i);
    return;
  }
}

}  // namespace ringtrain::conformance
