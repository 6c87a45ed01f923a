#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <numeric>

#include "comm/exchange_rows.h"
#include "comm/gather_rows.h"
#include "common/errors.h"
#include "tests/comm/conformance.h"

namespace ringtrain::conformance {
namespace {

std::string refused_by(const std::function<void()>& body) {
  try {
    body();
  } catch (const CommError& error) {
    return error.what();
  }
  return "nothing was refused";
}

/// The ranks that `communicator` has, told by itself: each member's number in `all`.
std::vector<std::int64_t> members_of(Communicator& communicator, int number) {
  const at::Tensor members = at::empty({communicator.world_size()}, at::kLong);
  communicator.all_gather(members, at::full({1}, number, at::kLong)).wait();
  const auto* begin = members.const_data_ptr<std::int64_t>();
  return {begin, begin + members.numel()};
}

// Odd ranks and even ranks, the highest first; each group sums, in memory of its own, as often as it likes.
void groups_are_independent(Communicator& all) {
  const int rank = all.rank(), color = rank % 2;
  const auto group = all.split(color, -rank);
  std::vector<std::int64_t> expected;
  for (int r = all.world_size() - 1; r >= 0; --r)
    if (r % 2 == color) expected.push_back(r);
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(members_of(*group, rank), expected);
  EXPECT_EQ(expected[static_cast<std::size_t>(group->rank())], rank);
  EXPECT_EQ(group->backend(), all.backend());
  EXPECT_EQ(group->device(), all.device());

  const std::int64_t sum = std::accumulate(expected.begin(), expected.end(), std::int64_t{0});
  const auto ranks = static_cast<std::int64_t>(expected.size());
  const at::Tensor own = group->allocate(30011, at::TensorOptions(at::kLong));
  for (int round = 0; round < 3 + color; ++round) {
    own.fill_(rank + round);
    group->all_reduce(own).wait();
    EXPECT_TRUE(own.eq(sum + ranks * round).all().item<bool>()) << "round " << round;
    at::Tensor root = at::full({5}, rank, at::kLong);
    group->broadcast(root, group->world_size() - 1).wait();
    EXPECT_EQ(root[4].item<std::int64_t>(), expected.back());
  }
  EXPECT_EQ(members_of(*group->duplicate(), rank), expected);
  const at::Tensor everybody = at::ones({3}, at::kLong);
  all.all_reduce(everybody).wait();
  EXPECT_EQ(everybody[0].item<std::int64_t>(), all.world_size());
}

void equal_keys_keep_the_order_of_ranks(Communicator& all) {
  const auto same = all.split(7);
  std::vector<std::int64_t> expected(static_cast<std::size_t>(all.world_size()));
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(members_of(*same, all.rank()), expected);
}

// The last rank is in none, and a group may be split again when what it was split from has gone.
void a_rank_without_a_color_gets_none(Communicator& all) {
  const int last = all.world_size() - 1;
  auto group = all.split(all.rank() == last ? std::nullopt : std::optional<int>(0));
  EXPECT_EQ(group == nullptr, all.rank() == last);
  if (!group) return;
  EXPECT_EQ(group->world_size(), last);
  const auto alone = group->split(group->rank());
  group.reset();
  EXPECT_EQ(alone->world_size(), 1);
  EXPECT_EQ(members_of(*alone, all.rank()), std::vector<std::int64_t>{all.rank()});
}

void a_negative_color_is_refused_everywhere(Communicator& all) {
  const int last = all.world_size() - 1;
  EXPECT_EQ(refused_by([&] { all.split(all.rank() == last ? -4 : 2); }),
            "split: rank " + std::to_string(last) +
                " gives the color -4; expected 0 or more, or none (std::nullopt) for no group");
}

/// [n, 2, 3] rows of rank `rank`, in `dtype`.
at::Tensor rows_of(at::ScalarType dtype, std::int64_t rank, std::int64_t n) {
  const auto kind = dtype == at::kBool || dtype == at::kComplexFloat ? at::kLong : dtype;
  const at::Tensor values = filled(kind, rank, n * 6).view({n, 2, 3});
  if (dtype == at::kBool) return values.remainder(2).to(at::kBool);
  return dtype == at::kComplexFloat ? at::complex(values.to(at::kFloat), values.to(at::kFloat) + 1) : values;
}

// How many rows a rank has: all alike, one more on some, all on one, none at all, a few.
std::vector<std::function<std::int64_t(std::int64_t)>> shares() {
  return {[](std::int64_t) { return 4; },
          [](std::int64_t rank) { return rank == 0 ? 5 : 4; },
          [](std::int64_t rank) { return rank == 1 ? 301 : 0; },
          [](std::int64_t) { return 0; },
          [](std::int64_t rank) { return rank == 0 ? 1 : 0; },
          [](std::int64_t rank) { return rank * rank; }};
}

void expect_rows(Communicator& communicator, at::ScalarType dtype,
                 const std::function<std::int64_t(std::int64_t)>& count) {
  std::vector<at::Tensor> parts;
  for (int r = 0; r < communicator.world_size(); ++r) parts.push_back(rows_of(dtype, r, count(r)));
  const at::Tensor expected = at::cat(parts);
  const at::Tensor mine = parts[static_cast<std::size_t>(communicator.rank())];
  const std::string what = describe(dtype, expected.size(0));
  const at::Tensor joined = all_gather_rows(communicator, mine);
  EXPECT_EQ(joined.scalar_type(), dtype) << what;
  EXPECT_TRUE(at::equal(joined, expected)) << what;
  const int root = static_cast<int>(expected.size(0)) % communicator.world_size();
  const at::Tensor there = gather_rows(communicator, mine, root);
  EXPECT_EQ(there.defined(), communicator.rank() == root) << what;
  EXPECT_TRUE(!there.defined() || at::equal(there, expected)) << what << " at " << root;
}

void rows_of_unequal_counts_are_joined(Communicator& communicator) {
  for (const auto& count : shares()) expect_rows(communicator, at::kDouble, count);
  auto types = dtypes();
  types.insert(types.end(), {at::kBool, at::kChar, at::kComplexFloat});
  for (const at::ScalarType dtype : types)
    expect_rows(communicator, dtype, [](std::int64_t rank) { return rank == 0 ? 5 : 4; });
}

void rows_may_be_numbers_and_views(Communicator& communicator) {
  const int rank = communicator.rank();
  at::Tensor mine = at::arange(12, at::kDouble).view({3, 4}).t().add(100 * rank).requires_grad_();
  const at::Tensor joined = all_gather_rows(communicator, mine.narrow(0, 0, rank % 2 + 1));
  EXPECT_FALSE(joined.requires_grad());
  std::int64_t row = 0;
  for (int r = 0; r < communicator.world_size(); ++r)
    for (int i = 0; i < r % 2 + 1; ++i, ++row) EXPECT_EQ(joined[row][2].item<double>(), 8 + i + 100 * r);
  EXPECT_EQ(joined.size(0), row);
  const at::Tensor one = at::full({1}, rank, at::kLong);
  const at::Tensor numbers = all_gather_rows(communicator, one);
  EXPECT_TRUE(numbers.equal(at::arange(communicator.world_size(), at::kLong)));
  numbers.fill_(-1);
  EXPECT_EQ(one.item<std::int64_t>(), rank) << "the result is not the argument";
}

// What does not fit is told everywhere, before rows are sent; the communicator goes on.
void rows_that_do_not_fit_are_refused_everywhere(Communicator& communicator) {
  const int last = communicator.world_size() - 1;
  const bool odd = communicator.rank() == last;
  const std::string number = std::to_string(last);
  if (last > 0) {
    EXPECT_EQ(refused_by([&] {
                all_gather_rows(communicator, at::zeros({2, odd ? 3 : 4}));
              }),
              "all_gather_rows: rank 0 has float32 rows of shape [4], rank " + number +
                  " has float32 rows of shape [3]; all ranks pass rows of one type and shape, also a rank "
                  "that has none");
    EXPECT_NE(refused_by([&] {
                all_gather_rows(communicator, at::zeros({0}, odd ? at::kInt : at::kBool));
              }).find("rank " + number + " has int32 rows of shape []"),
              std::string::npos);
  }
  const auto expect = [&](const at::Tensor& wrong, const std::string& own) {
    EXPECT_EQ(refused_by([&] { gather_rows(communicator, odd ? wrong : at::zeros({2}), 0); }),
              odd ? "gather_rows: " + own
                  : "gather_rows: rank " + number + " has no rows to send; its own message says why");
  };
  expect({}, "mine is an undefined tensor; without rows pass one of shape [0, ...]");
  expect(at::zeros({}), "mine has 0 dimensions; expected 1 to 64, the first one counts rows");
  expect(at::zeros({2, 2}).to_sparse(), "mine is sparse or quantized; pass a dense tensor");
  EXPECT_EQ(refused_by([&] { gather_rows(communicator, at::zeros({2}), last + 1); }),
            "gather_rows: root " + std::to_string(last + 1) + " is no rank; expected 0 to " + number);
  EXPECT_EQ(all_gather_rows(communicator, at::zeros({2})).numel(), 2 * (last + 1));
}

// Row i of what rank `from` sends to rank `to` is {from, to, i}.
at::Tensor sent_rows(std::int64_t from, std::int64_t to, std::int64_t count, at::ScalarType dtype) {
  const auto number = [&](std::int64_t value) { return at::full({count}, value, at::kLong); };
  return at::stack({number(from), number(to), at::arange(count, at::kLong) % 100}, 1).to(dtype);
}

void expect_exchange(Communicator& communicator, at::ScalarType dtype,
                     const std::function<std::int64_t(std::int64_t from, std::int64_t to)>& count) {
  const int ranks = communicator.world_size(), rank = communicator.rank();
  std::vector<at::Tensor> sent, expected;
  std::vector<std::int64_t> counts;
  for (int r = 0; r < ranks; ++r) {
    counts.push_back(count(rank, r));
    sent.push_back(sent_rows(rank, r, counts.back(), dtype));
    expected.push_back(sent_rows(r, rank, count(r, rank), dtype));
  }
  const at::Tensor received = exchange_rows(communicator, at::cat(sent), counts);
  EXPECT_EQ(received.scalar_type(), dtype);
  EXPECT_TRUE(at::equal(received, at::cat(expected))) << describe(dtype, received.size(0));
}

void rows_are_exchanged(Communicator& communicator) {
  const std::int64_t last = communicator.world_size() - 1;
  for (const at::ScalarType dtype : {at::kDouble, at::kLong, at::kFloat, at::kByte, at::kShort}) {
    expect_exchange(communicator, dtype, [](std::int64_t from, std::int64_t to) { return from + 2 * to; });
    expect_exchange(communicator, dtype, [](std::int64_t, std::int64_t) { return 0; });
  }
  expect_exchange(communicator, at::kInt,
                  [&](std::int64_t from, std::int64_t) { return from == last ? 5 : 0; });
  expect_exchange(communicator, at::kInt, [&](std::int64_t, std::int64_t to) { return to == last ? 7 : 0; });
  expect_exchange(communicator, at::kInt,
                  [](std::int64_t from, std::int64_t to) { return from == to ? 1000 : 0; });
  // Several rounds between two ranks, one between others.
  expect_exchange(communicator, at::kLong,
                  [&](std::int64_t from, std::int64_t to) { return from == 0 && to == last ? 400'000 : 3; });
  // Rows without a number in them are counted nowhere.
  EXPECT_EQ(exchange_rows(communicator, at::zeros({0, 3}), std::vector<std::int64_t>(last + 1, 0)).sizes(),
            at::IntArrayRef({0, 3}));
}

// A rank whose counts are wrong must not leave the others waiting.
void counts_that_do_not_add_up_are_refused_everywhere(Communicator& communicator) {
  const int ranks = communicator.world_size();
  const bool odd = communicator.rank() == ranks - 1;
  std::vector<std::int64_t> good(static_cast<std::size_t>(ranks), 1), many = good, negative = good;
  many.back() = 2;
  negative.back() = -1;
  auto longer = good;
  longer.push_back(0);
  for (const auto& wrong : {many, negative, longer}) {
    const auto text = refused_by([&] { exchange_rows(communicator, at::ones({ranks}), odd ? wrong : good); });
    EXPECT_EQ(text.substr(0, 15), "exchange_rows: ") << text;
    EXPECT_NE(text.find(odd ? "count" : "its own message says why"), std::string::npos) << text;
  }
  EXPECT_EQ(exchange_rows(communicator, at::ones({ranks}), good).numel(), ranks);
}

}  // namespace

std::vector<Case> group_cases() {
  return {
      {"groups_are_independent", groups_are_independent},
      {"equal_keys_keep_the_order_of_ranks", equal_keys_keep_the_order_of_ranks},
      {"rows_are_exchanged", rows_are_exchanged},
      {"counts_that_do_not_add_up_are_refused_everywhere", counts_that_do_not_add_up_are_refused_everywhere},
      {"a_rank_without_a_color_gets_none", a_rank_without_a_color_gets_none},
      {"a_negative_color_is_refused_everywhere", a_negative_color_is_refused_everywhere},
      {"rows_of_unequal_counts_are_joined", rows_of_unequal_counts_are_joined},
      {"rows_may_be_numbers_and_views", rows_may_be_numbers_and_views},
      {"rows_that_do_not_fit_are_refused_everywhere", rows_that_do_not_fit_are_refused_everywhere}};
}

}  // namespace ringtrain::conformance
