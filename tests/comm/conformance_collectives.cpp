#include <gtest/gtest.h>

#include <algorithm>

#include "tests/comm/conformance.h"

namespace ringtrain::conformance {
namespace {

// Calls `body(dtype, numel, what)` for every type and size.
template <class Body>
void for_all(const std::string& collective, const Body& body) {
  for (at::ScalarType dtype : dtypes())
    for (std::int64_t numel : sizes()) body(dtype, numel, collective + " of " + describe(dtype, numel));
}

// The reduction over all ranks' elements number `i`.
std::int64_t reduced(const Communicator& communicator, ReduceOp op, std::int64_t i) {
  std::int64_t result = element(0, i);
  for (int r = 1; r < communicator.world_size(); ++r) {
    if (op == ReduceOp::sum) result += element(r, i);
    if (op == ReduceOp::max) result = std::max(result, element(r, i));
    if (op == ReduceOp::min) result = std::min(result, element(r, i));
  }
  return result;
}

template <ReduceOp op>
void all_reduce(Communicator& communicator) {
  for_all("all_reduce", [&](at::ScalarType dtype, std::int64_t numel, const std::string& what) {
    const at::Tensor tensor = filled(dtype, communicator.rank(), numel);
    communicator.all_reduce(tensor, op).wait();
    expect_elements(tensor, what, [&](std::int64_t i) { return reduced(communicator, op, i); });
    expect_replicas_equal(communicator, tensor, what);
  });
}

void broadcast_from_each_root(Communicator& communicator) {
  for (int root = 0; root < communicator.world_size(); ++root)
    for_all("broadcast", [&](at::ScalarType dtype, std::int64_t numel, const std::string& what) {
      const at::Tensor tensor =
          communicator.rank() == root ? filled(dtype, root, numel) : spoiled(dtype, numel);
      communicator.broadcast(tensor, root).wait();
      expect_elements(tensor, what, [&](std::int64_t i) { return element(root, i); });
    });
}

void reduce_scatter(Communicator& communicator) {
  const int ranks = communicator.world_size(), rank = communicator.rank();
  for_all("reduce_scatter", [&](at::ScalarType dtype, std::int64_t numel, const std::string& what) {
    const at::Tensor input = filled(dtype, rank, numel * ranks);
    const at::Tensor output = spoiled(dtype, numel);
    communicator.reduce_scatter(output, input).wait();
    expect_elements(output, what,
                    [&](std::int64_t i) { return reduced(communicator, ReduceOp::sum, numel * rank + i); });
    expect_elements(input, what + " (its input)", [&](std::int64_t i) { return element(rank, i); });
  });
}

void all_gather(Communicator& communicator) {
  const int ranks = communicator.world_size(), rank = communicator.rank();
  for_all("all_gather", [&](at::ScalarType dtype, std::int64_t numel, const std::string& what) {
    const at::Tensor input = filled(dtype, rank, numel);
    const at::Tensor output = spoiled(dtype, numel * ranks);
    communicator.all_gather(output, input).wait();
    expect_elements(output, what, [&](std::int64_t i) { return element(i / numel, i % numel); });
    expect_elements(input, what + " (its input)", [&](std::int64_t i) { return element(rank, i); });
  });
}

void all_to_all(Communicator& communicator) {
  const int ranks = communicator.world_size(), rank = communicator.rank();
  for_all("all_to_all", [&](at::ScalarType dtype, std::int64_t numel, const std::string& what) {
    const at::Tensor input = filled(dtype, rank, numel * ranks);
    const at::Tensor output = spoiled(dtype, numel * ranks);
    communicator.all_to_all(output, input).wait();
    expect_elements(output, what,
                    [&](std::int64_t i) { return element(i / numel, numel * rank + i % numel); });
    expect_elements(input, what + " (its input)", [&](std::int64_t i) { return element(rank, i); });
  });
}

void shapes_do_not_matter(Communicator& communicator) {
  const at::Tensor tensor = filled(at::kFloat, communicator.rank(), 2 * 3 * 5).view({2, 3, 5});
  communicator.all_reduce(tensor).wait();
  EXPECT_EQ(tensor.sizes(), at::IntArrayRef({2, 3, 5}));
  expect_elements(tensor, "all_reduce of 2x3x5",
                  [&](std::int64_t i) { return reduced(communicator, ReduceOp::sum, i); });

  const at::Tensor scalar = at::full({}, communicator.rank() + 1, at::kLong);
  communicator.all_reduce(scalar).wait();
  const int ranks = communicator.world_size();
  EXPECT_EQ(scalar.item<std::int64_t>(), ranks * (ranks + 1) / 2);
}

// A view inside a larger tensor: what lies around it stays.
void neighbours_stay(Communicator& communicator) {
  const at::Tensor whole = spoiled(at::kFloat, 100);
  const at::Tensor middle = whole.narrow(0, 10, 77);
  middle.copy_(filled(at::kFloat, communicator.rank(), 77));
  communicator.all_reduce(middle).wait();
  expect_elements(whole, "all_reduce of a view", [&](std::int64_t i) {
    return i < 10 || i >= 87 ? 99 : reduced(communicator, ReduceOp::sum, i - 10);
  });
}

}  // namespace

std::vector<Case> collective_cases() {
  return {{"all_reduce_sum", all_reduce<ReduceOp::sum>},
          {"all_reduce_max", all_reduce<ReduceOp::max>},
          {"all_reduce_min", all_reduce<ReduceOp::min>},
          {"broadcast_from_each_root", broadcast_from_each_root},
          {"reduce_scatter", reduce_scatter},
          {"all_gather", all_gather},
          {"all_to_all", all_to_all},
          {"shapes_do_not_matter", shapes_do_not_matter},
          {"neighbours_stay", neighbours_stay}};
}

}  // namespace ringtrain::conformance
