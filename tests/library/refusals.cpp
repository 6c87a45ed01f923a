#include <ATen/ATen.h>

#include "cases.h"
#include "ringtrain/comm/agreement.h"
#include "ringtrain/comm/gather_rows.h"
#include "ringtrain/common/errors.h"

namespace cases {
namespace {

using ringtrain::CommError;
using ringtrain::Communicator;
using ringtrain::ReduceOp;
using Call = std::function<void(Communicator&)>;

/// The last rank calls something else: every rank is told, by name; the ranks are in step afterwards.
Case differs(const std::string& name, const std::string& proves, const Call& others, const Call& last,
             const std::vector<std::string>& parts) {
  return {"differs_" + name, proves + " is named on every rank",
          [=](Ranks& r) {
            const auto harmed = r.communicator.duplicate();
            expect_error<CommError>([&] { (r.is_last() ? last : others)(*harmed); }, parts);
            const auto one = at::ones({1});
            r.communicator.all_reduce(one).wait();
            expect(one.item<double>() == r.size(), "out of step");
          },
          false, 2};
}

/// Refused by itself, before anything is sent: the same communicator goes on.
Case refused(const std::string& name, const std::string& proves, const Call& call,
             const std::vector<std::string>& parts) {
  return {"refused_" + name, proves + " is refused, and the communicator goes on", [=](Ranks& r) {
            expect_error<CommError>([&] { call(r.communicator); }, parts);
            const auto one = at::ones({1});
            r.communicator.all_reduce(one).wait();
            expect(one.item<double>() == r.size(), "out of step");
          }};
}

Call all_reduce(std::int64_t numel, at::ScalarType type = at::kFloat, ReduceOp op = ReduceOp::sum) {
  return [=](Communicator& c) { c.all_reduce(at::ones({numel}, type), op).wait(); };
}
Call broadcast(std::int64_t numel, int root = 0) {
  return [=](Communicator& c) { c.broadcast(at::ones({numel}), root).wait(); };
}
Call all_gather(std::int64_t numel) {
  return [=](Communicator& c) { c.all_gather(at::zeros({c.world_size(), numel}), at::ones({numel})).wait(); };
}
Call rows(const at::Tensor& mine) {
  return [=](Communicator& c) { ringtrain::all_gather_rows(c, mine); };
}

void different_values(Ranks& r) {
  ringtrain::agree_on(r.communicator, "the seed", "7");
  expect_error<ringtrain::ConfigError>(
      [&] { ringtrain::agree_on(r.communicator, "the seed", r.is_last() ? "8" : "7"); },
      {"the seed", "7", "8"});
}

void one_rank_fails(Ranks& r) {
  const auto body = [&] {
    if (r.is_last()) throw ringtrain::DataError("no such shard");
  };
  if (r.rank() == 0)
    expect_error<ringtrain::Error>([&] { ringtrain::together(r.communicator, "reading", body); },
                                   {"no such shard", "rank " + std::to_string(r.size() - 1)});
  else
    expect_error<ringtrain::PeerError>([&] { ringtrain::together(r.communicator, "reading", body); }, {});
}

void all_ranks_fail(Ranks& r) {
  const auto fails = [] { throw ringtrain::DataError("no such file"); };
  expect_error<ringtrain::Error>([&] { ringtrain::together(r.communicator, "reading", fails); }, {});
  ringtrain::together(r.communicator, "reading", [] {});
}

}  // namespace

Cases of_refusals() {
  const at::Tensor strided = at::zeros({6, 2}).select(1, 0);
  return {
      differs("size", "an all_reduce of another size", all_reduce(5), all_reduce(6),
              {"5 float32", "6 float32"}),
      differs("type", "an all_reduce of another type", all_reduce(6), all_reduce(6, at::kInt),
              {"6 float32", "6 int32"}),
      differs("operation", "a maximum among sums", all_reduce(5), all_reduce(5, at::kFloat, ReduceOp::max),
              {"(sum)", "(max)"}),
      differs("collective", "another collective", all_reduce(5), broadcast(5), {"all_reduce", "broadcast"}),
      differs("broadcast_size", "a broadcast of another size", broadcast(5), broadcast(6),
              {"broadcast of 5", "broadcast of 6"}),
      differs("broadcast_root", "a broadcast from another rank", broadcast(5), broadcast(5, 1),
              {"from rank 0", "from rank 1"}),
      differs("all_gather_size", "an all_gather of another size", all_gather(4), all_gather(3),
              {"all_gather of 4", "all_gather of 3"}),
      differs("barrier", "a barrier among sums", all_reduce(5), [](Communicator& c) { c.barrier(); },
              {"all_reduce of 5", "barrier"}),
      differs("row_width", "rows of another width", rows(at::ones({2, 3})), rows(at::ones({2, 4})),
              {"3", "4"}),
      differs("row_type", "rows of another type", rows(at::ones({2, 3})), rows(at::ones({2, 3}, at::kLong)),
              {"float32", "int64"}),
      refused("strided", "a tensor that is not contiguous",
              [=](Communicator& c) { c.all_reduce(strided).wait(); }, {"contiguous"}),
      refused("bool", "a type that is not moved",
              [](Communicator& c) { c.all_reduce(at::zeros({3}, at::kBool)).wait(); }, {"Bool"}),
      refused("undefined", "an undefined tensor", [](Communicator& c) { c.all_reduce(at::Tensor()).wait(); },
              {"undefined"}),
      refused("root", "a root that is no rank", broadcast(5, 99), {"root 99"}),
      refused(
          "parts", "an all_gather into too little",
          [](Communicator& c) { c.all_gather(at::zeros({c.world_size() * 3 + 1}), at::zeros({3})).wait(); },
          {"all_gather"}),
      refused("two_types", "a reduce_scatter of two types",
              [](Communicator& c) {
                c.reduce_scatter(at::zeros({3}), at::zeros({c.world_size() * 3}, at::kDouble)).wait();
              },
              {"float32", "float64"}),
      {"agree_on", "a value that differs is named with both values", different_values, false, 2},
      {"together_one", "one rank's failure ends the phase on all, with its name", one_rank_fails, false, 2},
      {"together_all", "a failure of all ranks, and what comes after goes on", all_ranks_fail}};
}

}  // namespace cases
