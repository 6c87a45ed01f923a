#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/comm/conformance.h"

namespace ringtrain::conformance {
namespace {

using Call = std::function<void(Communicator&)>;

/// What the last rank calls while the others call something else.
struct Difference {
  std::string name;
  Call others, last;
  std::string text_of_others, text_of_last;
};

Call broadcast(std::int64_t numel, at::ScalarType dtype = at::kFloat, int root = 0) {
  return [=](Communicator& c) { c.broadcast(at::ones({numel}, dtype), root).wait(); };
}

Call all_reduce(std::int64_t numel, at::ScalarType dtype = at::kFloat, ReduceOp op = ReduceOp::sum) {
  return [=](Communicator& c) { c.all_reduce(at::ones({numel}, dtype), op).wait(); };
}

Call all_gather(std::int64_t numel, at::ScalarType dtype = at::kFloat) {
  return [=](Communicator& c) {
    c.all_gather(at::zeros({numel * c.world_size()}, dtype), at::ones({numel}, dtype)).wait();
  };
}

Call reduce_scatter(std::int64_t numel, at::ScalarType dtype = at::kFloat) {
  return [=](Communicator& c) {
    c.reduce_scatter(at::zeros({numel}, dtype), at::ones({numel * c.world_size()}, dtype)).wait();
  };
}

Call all_to_all(std::int64_t part) {
  return [=](Communicator& c) {
    c.all_to_all(at::zeros({part * c.world_size()}), at::ones({part * c.world_size()})).wait();
  };
}

std::vector<Difference> differences(int ranks) {
  const auto scattered = [ranks](int numel, const char* type) {
    return fmt::format("reduce_scatter of {} {}", numel * ranks, type);
  };
  constexpr std::int64_t piece = 262'144;  // floats in a MiB, in which tensors travel
  return {{"broadcast_of_another_size", broadcast(5), broadcast(6), "broadcast of 5 float32 from rank 0",
           "broadcast of 6 float32 from rank 0"},
          // As many bytes: nothing else would show it.
          {"broadcast_of_another_type", broadcast(6), broadcast(3, at::kDouble),
           "broadcast of 6 float32 from rank 0", "broadcast of 3 float64 from rank 0"},
          {"broadcast_of_the_same_bits", broadcast(6), broadcast(6, at::kInt),
           "broadcast of 6 float32 from rank 0", "broadcast of 6 int32 from rank 0"},
          {"broadcast_from_another_root", broadcast(5), broadcast(5, at::kFloat, 1),
           "broadcast of 5 float32 from rank 0", "broadcast of 5 float32 from rank 1"},
          {"all_gather_of_another_size", all_gather(4), all_gather(3), "all_gather of 4 float32",
           "all_gather of 3 float32"},
          {"all_gather_of_another_type", all_gather(4), all_gather(2, at::kLong), "all_gather of 4 float32",
           "all_gather of 2 int64"},
          {"all_to_all_of_another_size", all_to_all(2), all_to_all(3),
           fmt::format("all_to_all of {} float32", 2 * ranks),
           fmt::format("all_to_all of {} float32", 3 * ranks)},
          {"reduce_scatter_of_another_size", reduce_scatter(2), reduce_scatter(3), scattered(2, "float32"),
           scattered(3, "float32")},
          {"reduce_scatter_of_another_type", reduce_scatter(2), reduce_scatter(2, at::kInt),
           scattered(2, "float32"), scattered(2, "int32")},
          {"all_reduce_of_another_size", all_reduce(5), all_reduce(6), "all_reduce of 5 float32 (sum)",
           "all_reduce of 6 float32 (sum)"},
          {"all_reduce_of_one_piece_less", all_reduce(2 * piece), all_reduce(piece),
           "all_reduce of 524288 float32 (sum)", "all_reduce of 262144 float32 (sum)"},
          {"all_reduce_of_nothing", all_reduce(5), all_reduce(0), "all_reduce of 5 float32 (sum)",
           "all_reduce of 0 float32 (sum)"},
          {"all_reduce_of_another_operation", all_reduce(5), all_reduce(5, at::kFloat, ReduceOp::max),
           "all_reduce of 5 float32 (sum)", "all_reduce of 5 float32 (max)"},
          {"another_collective", all_reduce(5), broadcast(5), "all_reduce of 5 float32 (sum)",
           "broadcast of 5 float32 from rank 0"},
          {"a_barrier", all_gather(5), [](Communicator& c) { c.barrier(); }, "all_gather of 5 float32",
           "barrier"},
          {"a_duplicate", broadcast(5), [](Communicator& c) { c.duplicate(); },
           "broadcast of 5 float32 from rank 0", "duplicate"},
          {"what_is_refused", all_reduce(5),
           [](Communicator& c) { c.all_reduce(at::zeros({5}, at::kBool)).wait(); },
           "all_reduce of 5 float32 (sum)", "a call with arguments that were refused there"}};
}

std::string others_of(int ranks) { return ranks == 2 ? "rank 0" : fmt::format("ranks 0-{}", ranks - 2); }

void expect_named(Communicator& communicator, const Difference& difference) {
  const int ranks = communicator.world_size();
  if (ranks == 1) return;
  const bool last = communicator.rank() == ranks - 1;
  // One that shares memory cannot be used after an error: a duplicate takes the harm. NCCL's are dear, and
  // none.
  const auto second = communicator.backend() == "nccl" ? nullptr : communicator.duplicate();
  try {
    (last ? difference.last : difference.others)(second ? *second : communicator);
    ADD_FAILURE() << difference.name << ": no error on rank " << communicator.rank();
  } catch (const CommError& error) {
    const std::string text = error.what();
    const auto expect = [&](const std::string& part) {
      EXPECT_NE(text.find(part), std::string::npos) << text << "\n  lacks: " << part;
    };
    if (last && difference.name == "what_is_refused") {
      expect("all_reduce: tensor has type Bool");
    } else {
      expect(others_of(ranks) + " " + difference.text_of_others + ";");
      expect(fmt::format("rank {} {}", ranks - 1, difference.text_of_last));
    }
  }
  const at::Tensor one = at::ones({1}, at::kLong);
  communicator.all_reduce(one).wait();
  EXPECT_EQ(one.item<std::int64_t>(), ranks) << difference.name << ": the ranks are out of step";
}

// Of a backend that sees it at no cost, or not at all: what is equal passes.
void equal_calls_need_no_comparison(Communicator& communicator) {
  const std::int64_t ranks = communicator.world_size(), rank = communicator.rank();
  const at::Tensor sum = at::full({3}, rank, at::kLong), root = at::full({3}, rank + 1, at::kLong);
  communicator.all_reduce(sum, ReduceOp::sum, Compare::never).wait();
  EXPECT_EQ(sum[2].item<std::int64_t>(), ranks * (ranks - 1) / 2);
  communicator.broadcast(root, 0, Compare::never).wait();
  EXPECT_EQ(root[2].item<std::int64_t>(), 1);
  const at::Tensor all = at::zeros({ranks}, at::kLong), part = at::zeros({1}, at::kLong);
  communicator.all_gather(all, at::full({1}, rank, at::kLong), Compare::never).wait();
  EXPECT_TRUE(all.equal(at::arange(ranks, at::kLong)));
  communicator.reduce_scatter(part, all, Compare::never).wait();
  EXPECT_EQ(part.item<std::int64_t>(), rank * ranks);
  communicator.all_to_all(all, at::full({ranks}, rank, at::kLong), Compare::never).wait();
  EXPECT_TRUE(all.equal(at::arange(ranks, at::kLong)));
}

}  // namespace

std::vector<Case> difference_cases() {
  std::vector<Case> cases{{"equal_calls_need_no_comparison", equal_calls_need_no_comparison}};
  const auto all = differences(2);
  for (std::size_t i = 0; i < all.size(); ++i)
    cases.push_back({"names_" + all[i].name, [i](Communicator& communicator) {
                       expect_named(communicator, differences(communicator.world_size())[i]);
                     }});
  return cases;
}

}  // namespace ringtrain::conformance
