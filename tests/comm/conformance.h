#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "comm/communicator.h"

/// What every backend must do. A backend's test runs each case on all its ranks; the cases report through
/// GoogleTest's EXPECT and never leave a collective early, so that a failure is no hang.
namespace ringtrain::conformance {

struct Case {
  std::string name;
  std::function<void(Communicator&)> body;
};
inline void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

/// Collectives: results against values computed here by plain loops.
std::vector<Case> collective_cases();

/// The contract around them: duplicates, agreement of replicas.
std::vector<Case> rule_cases();

/// Arguments that break it, each kind refused with the same text everywhere.
std::vector<Case> refusal_cases();

/// Groups of ranks, and gathers of unequal sizes (comm/gather_rows.h).
std::vector<Case> group_cases();
/// Ranks that call different things: all of them get an error that names ranks, types and sizes.
std::vector<Case> difference_cases();

std::vector<Case> all_cases();

/// Types and sizes that the cases go through.
const std::vector<at::ScalarType>& dtypes();
const std::vector<std::int64_t>& sizes();

/// Element `i` of rank `rank`'s tensor: whole numbers from 0 to 12, so that sums of four are exact in every
/// type.
std::int64_t element(std::int64_t rank, std::int64_t i);

/// A tensor of `numel` such elements, from number `first` on.
at::Tensor filled(at::ScalarType dtype, std::int64_t rank, std::int64_t numel, std::int64_t first = 0);

/// A tensor with `value` everywhere that no result has.
at::Tensor spoiled(at::ScalarType dtype, std::int64_t numel);

/// Expects that `actual[i] == expected(i)` for all i; `what` names the case.
template <class Expected>
void expect_elements(const at::Tensor& actual, const std::string& what, const Expected& expected);

/// Expects that all ranks hold the same bytes.
void expect_replicas_equal(Communicator& communicator, const at::Tensor& tensor, const std::string& what);

std::string describe(at::ScalarType dtype, std::int64_t numel);

}  // namespace ringtrain::conformance

#include "tests/comm/conformance_expect.h"
