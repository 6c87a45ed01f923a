#include <gtest/gtest.h>

#include <cstring>

#include "tests/comm/conformance.h"

namespace ringtrain::conformance {

const std::vector<at::ScalarType>& dtypes() {
  static const std::vector<at::ScalarType> all{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf,
                                               at::kLong,  at::kInt,    at::kByte};
  return all;
}

// The last two have several pieces of 1 MiB in every type but uint8, and no size but 0 is divided by 2, 3
// or 4.
const std::vector<std::int64_t>& sizes() {
  static const std::vector<std::int64_t> all{0, 1, 7, 1023, 100003, 300007};
  return all;
}

std::int64_t element(std::int64_t rank, std::int64_t i) { return (i * 7 + rank * 5 + (i / 13) * rank) % 13; }

at::Tensor filled(at::ScalarType dtype, std::int64_t rank, std::int64_t numel, std::int64_t first) {
  at::Tensor values = at::empty({numel}, at::kLong);
  std::int64_t* to = values.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < numel; ++i) to[i] = element(rank, first + i);
  return values.to(dtype);
}

at::Tensor spoiled(at::ScalarType dtype, std::int64_t numel) {
  return at::full({numel}, 99, at::kLong).to(dtype);
}

std::string describe(at::ScalarType dtype, std::int64_t numel) {
  return std::to_string(numel) + " " + c10::toString(dtype);
}

void expect_replicas_equal(Communicator& communicator, const at::Tensor& tensor, const std::string& what) {
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  const at::Tensor mine = at::empty({bytes}, at::kByte);
  if (bytes > 0) std::memcpy(mine.data_ptr(), tensor.const_data_ptr(), tensor.nbytes());
  const at::Tensor all = at::empty({communicator.world_size(), bytes}, at::kByte);
  communicator.all_gather(all, mine).wait();
  for (int r = 0; r < communicator.world_size(); ++r)
    EXPECT_TRUE(all[r].equal(mine)) << what << ": rank " << r << " and rank " << communicator.rank()
                                    << " differ";
}

std::vector<Case> all_cases() {
  std::vector<Case> all = collective_cases();
  for (const auto& more : {rule_cases(), refusal_cases(), difference_cases(), group_cases()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace ringtrain::conformance
