#include "trainer/metrics/holders.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "comm/agreement.h"

namespace ringtrain {
namespace {

at::Tensor tensor_over(std::span<std::int64_t> numbers) {
  return at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kLong);
}

}  // namespace

Holders::Holders(Communicator& ranks) : ranks_(ranks.world_size() > 1 ? &ranks : nullptr) {}

int Holders::rank() const { return ranks_ ? ranks_->rank() : 0; }
int Holders::count() const { return ranks_ ? ranks_->world_size() : 1; }

void Holders::together(const std::function<void()>& body, std::string_view phase) const {
  if (!ranks_) return body();
  ringtrain::together(*ranks_, phase, body);
}

void Holders::sum(std::span<std::int64_t> mine) const {
  if (ranks_) ranks_->all_reduce(tensor_over(mine)).wait();
}

std::int64_t Holders::sum(std::int64_t mine) const {
  sum(std::span(&mine, 1));
  return mine;
}

double Holders::sum(const ExactSum& mine) const { return sum(std::span(&mine, 1))[0]; }

std::vector<double> Holders::sum(std::span<const ExactSum> mine) const {
  std::vector<std::int64_t> numbers;
  numbers.reserve(mine.size() * ExactSum::kNumbers);
  for (const auto& one : mine) {
    const auto of_one = one.numbers();
    numbers.insert(numbers.end(), of_one.begin(), of_one.end());
  }
  sum(numbers);
  std::vector<double> sums;
  for (auto from = numbers.begin(); from != numbers.end(); from += ExactSum::kNumbers)
    sums.push_back(
        ExactSum::of(std::span<const std::int64_t, ExactSum::kNumbers>(from, ExactSum::kNumbers)).value());
  return sums;
}

std::int64_t Holders::largest(std::int64_t mine) const {
  if (ranks_) ranks_->all_reduce(tensor_over(std::span(&mine, 1)), ReduceOp::max).wait();
  return mine;
}

std::int64_t Holders::before(std::int64_t mine) const {
  const auto all = of_each(std::span(&mine, 1));
  return std::accumulate(all.begin(), all.begin() + rank(), std::int64_t{0});
}

std::vector<std::int64_t> Holders::of_each(std::span<const std::int64_t> mine) const {
  std::vector<std::int64_t> copy(mine.begin(), mine.end());
  if (!ranks_) return copy;
  std::vector<std::int64_t> all(copy.size() * static_cast<std::size_t>(count()));
  ranks_->all_gather(tensor_over(all), tensor_over(copy)).wait();
  return all;
}

}  // namespace ringtrain
