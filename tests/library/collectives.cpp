#include <ATen/CPUGeneratorImpl.h>

#include <chrono>
#include <thread>

#include "cases.h"
#include "ringtrain/comm/agreement.h"
#include "ringtrain/comm/gather_rows.h"

namespace cases {
namespace {

using ringtrain::ReduceOp;

const std::vector<at::ScalarType> kTypes{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf,
                                         at::kLong,  at::kInt,    at::kByte};

/// This rank's number from 1 on, in each place.
at::Tensor mine(const Ranks& r, at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
  return at::full(sizes, r.rank() + 1, type);
}

void sums(Ranks& r) {
  for (const auto numel : {1, 2, 3, 7, 1000, 4099}) {
    const auto tensor = mine(r, {numel});
    r.communicator.all_reduce(tensor).wait();
    expect_equal(tensor, at::full({numel}, sum_to(r.size()), at::kFloat));
  }
}

void sums_of_each_type(Ranks& r) {
  for (const auto type : kTypes) {
    const auto tensor = mine(r, {129}, type);
    r.communicator.all_reduce(tensor).wait();
    expect_equal(tensor, at::full({129}, sum_to(r.size()), type), c10::toString(type));
  }
}

void extremes(Ranks& r, ReduceOp op) {
  for (const auto type : {at::kFloat, at::kLong, at::kByte}) {
    const auto tensor = mine(r, {65}, type);
    r.communicator.all_reduce(tensor, op).wait();
    expect_equal(tensor, at::full({65}, op == ReduceOp::max ? r.size() : 1, type));
  }
}

void each_dimension(Ranks& r) {
  const std::vector<std::vector<std::int64_t>> shapes{{}, {17}, {17, 17}, {17, 17, 17}, {0}, {3, 0, 2}};
  for (const auto& sizes : shapes) {
    const auto tensor = mine(r, sizes, at::kDouble);
    r.communicator.all_reduce(tensor).wait();
    expect_equal(tensor, at::full(sizes, sum_to(r.size()), at::kDouble));
  }
}

void large(Ranks& r) {
  const std::int64_t numel = (1 << 20) + 3;
  const auto tensor = at::arange(numel, at::kLong).add_(r.rank());
  r.communicator.all_reduce(tensor).wait();
  expect_equal(tensor, at::arange(numel, at::kLong) * r.size() + sum_to(r.size() - 1));
}

void many_under_way(Ranks& r) {
  std::vector<at::Tensor> tensors;
  std::vector<ringtrain::Work> works;
  for (int i = 0; i < 40; ++i) {
    tensors.push_back(at::full({i * 31}, (r.rank() + 1) * i, at::kLong));
    works.push_back(r.communicator.all_reduce(tensors.back()));
  }
  for (auto work = works.rbegin(); work != works.rend(); ++work) work->wait();
  for (int i = 0; i < 40; ++i) expect_equal(tensors[i], at::full({i * 31}, sum_to(r.size()) * i, at::kLong));
}

void dropped_work(Ranks& r) {
  const auto tensor = mine(r, {50'000});
  { const auto work = r.communicator.all_reduce(tensor); }
  expect_equal(tensor, at::full({50'000}, sum_to(r.size()), at::kFloat));
}

void same_bits(Ranks& r) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(r.rank() + 1));
  const auto given = at::rand({9001}, generator);
  const auto once = given.clone(), again = given.clone();
  r.communicator.all_reduce(once).wait();
  r.communicator.all_reduce(again).wait();
  expect_equal(again, once, "a second sum");
  const auto bits = once.view(at::kInt).to(at::kLong);
  const auto highest = bits.clone(), lowest = bits.clone();
  r.communicator.all_reduce(highest, ReduceOp::max).wait();
  r.communicator.all_reduce(lowest, ReduceOp::min).wait();
  expect_equal(highest, lowest, "the ranks' bits");
}

void not_a_number(Ranks& r) {
  for (const auto op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min}) {
    const auto tensor = mine(r, {5});
    if (r.is_last()) tensor[3] = NAN;
    r.communicator.all_reduce(tensor, op).wait();
    expect(tensor.isnan().sum().item<std::int64_t>() == 1 && tensor[3].isnan().item<bool>(),
           "NaN must win there alone");
  }
}

void infinity(Ranks& r) {
  const auto tensor = at::full({4}, r.is_last() ? INFINITY : 1.0, at::kDouble);
  r.communicator.all_reduce(tensor).wait();
  expect_equal(tensor, at::full({4}, INFINITY, at::kDouble));
}

void each_root(Ranks& r) {
  for (int root = 0; root < r.size(); ++root)
    for (const auto type : kTypes) {
      const auto tensor = mine(r, {3, 11}, type);
      r.communicator.broadcast(tensor, root).wait();
      expect_equal(tensor, at::full({3, 11}, root + 1, type), c10::toString(type));
    }
}

void empty_ones(Ranks& r) {
  const auto none = at::zeros({0});
  r.communicator.all_reduce(none).wait();
  r.communicator.broadcast(none, r.size() - 1).wait();
  r.communicator.all_gather(at::zeros({0}), none).wait();
  r.communicator.reduce_scatter(at::zeros({0}), none).wait();
  r.communicator.barrier();
}

void gathers_in_order(Ranks& r) {
  for (const auto numel : {1, 5, 333}) {
    const auto all = at::zeros({r.size(), numel}, at::kInt);
    r.communicator.all_gather(all, mine(r, {numel}, at::kInt)).wait();
    expect_equal(all, at::arange(1, r.size() + 1, at::kInt).unsqueeze(1).expand({r.size(), numel}));
  }
}

void scatters_sums(Ranks& r) {
  const auto part = at::zeros({6}, at::kLong);
  r.communicator.reduce_scatter(part, at::arange(6 * r.size(), at::kLong) * (r.rank() + 1)).wait();
  expect_equal(part, at::arange(6 * r.rank(), 6 * (r.rank() + 1), at::kLong) * sum_to(r.size()));
}

void scatter_and_gather_are_a_sum(Ranks& r) {
  const auto given = at::arange(8 * r.size(), at::kDouble) + r.rank();
  const auto part = at::zeros({8}, at::kDouble), joined = at::zeros_like(given), summed = given.clone();
  r.communicator.reduce_scatter(part, given).wait();
  r.communicator.all_gather(joined, part).wait();
  r.communicator.all_reduce(summed).wait();
  expect_equal(joined, summed);
}

/// Rows of rank `rank`: as many as its number, each with its number.
at::Tensor rows_of(int rank, at::ScalarType type = at::kFloat) { return at::full({rank, 2}, rank, type); }

at::Tensor rows_of_all(const Ranks& r, at::ScalarType type = at::kFloat) {
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < r.size(); ++rank) parts.push_back(rows_of(rank, type));
  return at::cat(parts);
}

void unequal_rows(Ranks& r) {
  for (const auto type : {at::kFloat, at::kLong, at::kBool, at::kComplexDouble})
    expect_equal(ringtrain::all_gather_rows(r.communicator, rows_of(r.rank(), type)), rows_of_all(r, type),
                 c10::toString(type));
}

void rows_to_each_root(Ranks& r) {
  for (int root = 0; root < r.size(); ++root) {
    const auto all = ringtrain::gather_rows(r.communicator, rows_of(r.rank()), root);
    expect(all.defined() == (r.rank() == root), "the root alone has them");
    if (r.rank() == root) expect_equal(all, rows_of_all(r));
  }
}

void no_rows(Ranks& r) {
  expect_equal(ringtrain::all_gather_rows(r.communicator, at::zeros({0, 3})), at::zeros({0, 3}));
  const auto own = at::full({r.is_last() ? 4 : 0, 1}, 2.5);
  expect_equal(ringtrain::all_gather_rows(r.communicator, own), at::full({4, 1}, 2.5));
}

void strided_rows(Ranks& r) {
  const auto wide = at::arange(12).reshape({3, 4}) + 100 * r.rank();
  const auto all = ringtrain::all_gather_rows(r.communicator, wide.t());
  for (int rank = 0; rank < r.size(); ++rank)
    expect_equal(all.narrow(0, 4 * rank, 4), (at::arange(12).reshape({3, 4}) + 100 * rank).t().contiguous());
}

void barrier_waits(Ranks& r) {
  const auto now = [] {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  };  // of one machine
  for (int last = 0; last < r.size(); ++last) {
    if (r.rank() == last) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto latest = at::full({1}, now(), at::kLong);
    r.communicator.barrier();
    const auto left = now();
    r.communicator.all_reduce(latest, ReduceOp::max).wait();
    expect(left >= latest.item<std::int64_t>(), "it left before the last had come");
  }
}

void duplicates(Ranks& r) {
  const auto second = r.communicator.duplicate();
  const auto one = mine(r, {1000}), other = mine(r, {1000}, at::kDouble);
  auto first = r.communicator.all_reduce(one);
  second->all_reduce(other, ReduceOp::max).wait();
  first.wait();
  expect_equal(one, at::full({1000}, sum_to(r.size()), at::kFloat));
  expect_equal(other, at::full({1000}, r.size(), at::kDouble));
}

void strings(Ranks& r) {
  const auto text = [](int rank) {
    return std::string(static_cast<std::size_t>(rank * 5), 'x') + '\0' + "é";
  };
  const auto all = ringtrain::all_gather_strings(r.communicator, text(r.rank()));
  for (int rank = 0; rank < r.size(); ++rank) expect(all.at(rank) == text(rank), "rank's text");
  const std::string longer(300'000, 'y');
  expect(ringtrain::broadcast_string(r.communicator, r.is_last() ? longer : "", r.size() - 1) == longer,
         "long text");
}

void shared_memory_sums(Ranks& r) {
  const auto tensor = r.communicator.allocate(1003, at::TensorOptions(at::kDouble));
  expect_equal(tensor, at::zeros({1003}, at::kDouble), "fresh memory");
  tensor.fill_(r.rank() + 1);
  r.communicator.all_reduce(tensor).wait();
  expect_equal(tensor, at::full({1003}, sum_to(r.size()), at::kDouble));
  const auto view = tensor.narrow(0, 64, 100);
  r.communicator.all_reduce(view, ReduceOp::max).wait();
  expect_equal(view, at::full({100}, sum_to(r.size()), at::kDouble));
}

void neighbours(Ranks& r) {
  const auto whole = at::zeros({30});
  const auto part = whole.narrow(0, 10, 10);
  part.fill_(r.rank() + 1);
  r.communicator.all_reduce(part).wait();
  expect(whole.sum().item<double>() == 10.0 * sum_to(r.size()), "only the view is written");
}

}  // namespace

Cases of_collectives() {
  return {
      {"all_reduce", "the sum of all ranks, of sizes that do and do not divide", sums},
      {"all_reduce_types", "each of the seven types is summed exactly", sums_of_each_type},
      {"all_reduce_max", "the largest value", [](Ranks& r) { extremes(r, ReduceOp::max); }},
      {"all_reduce_min", "the smallest value", [](Ranks& r) { extremes(r, ReduceOp::min); }},
      {"all_reduce_dims", "numbers, matrices, empty shapes: the shape does not matter", each_dimension},
      {"all_reduce_large", "more than a million elements, not a multiple of anything", large},
      {"all_reduce_many", "40 sums under way, waited for in the other order", many_under_way},
      {"all_reduce_dropped", "a Work that nobody waits for is waited for", dropped_work},
      {"all_reduce_bits", "the same bits on each rank, and again the second time", same_bits},
      {"all_reduce_nan", "one rank's NaN is everybody's, in its place alone", not_a_number},
      {"all_reduce_infinity", "infinity stays", infinity},
      {"all_reduce_view", "a part of a tensor is reduced without its neighbours", neighbours},
      {"all_reduce_shared", "memory of the communicator's, whole and in parts", shared_memory_sums},
      {"broadcast_roots", "each rank's value to all, of each type", each_root},
      {"empty", "every collective takes an empty tensor", empty_ones},
      {"all_gather", "parts in the order of the ranks", gathers_in_order},
      {"reduce_scatter", "each rank gets its part of the sum", scatters_sums},
      {"reduce_scatter_all_gather", "together they are an all_reduce", scatter_and_gather_are_a_sum},
      {"gather_rows_unequal", "every rank has another number of rows; bool and complex too", unequal_rows},
      {"gather_rows_root", "one rank gets all rows, the others none", rows_to_each_root},
      {"gather_rows_none", "ranks without rows, and all of them", no_rows},
      {"gather_rows_strided", "a transposed tensor is gathered by value", strided_rows},
      {"barrier", "nobody leaves before the last has come", barrier_waits},
      {"duplicate", "two communicators at once do not mix", duplicates},
      {"strings", "texts of any length and byte", strings}};
}

}  // namespace cases
