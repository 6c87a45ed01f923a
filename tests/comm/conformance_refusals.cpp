#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/comm/conformance.h"

namespace ringtrain::conformance {
namespace {

struct Refusal {
  std::string name;
  std::function<void(Communicator&)> call;
  std::string text;
};

std::vector<Refusal> refusals(int ranks) {
  const at::Tensor part = at::zeros({6}), whole = at::zeros({6 * ranks});
  const at::Tensor strided = at::zeros({6, 2}).select(1, 0);
  const at::Tensor strided_whole = at::zeros({6 * ranks, 2}).select(1, 0);
  const at::Tensor doubles = whole.to(at::kDouble);
  const std::string types = "expected float32, float64, bfloat16, float16, int64, int32 or uint8";
  const std::string contiguous = "is not contiguous; pass tensor.contiguous()";
  const std::string alike = "pass two of one type, on one device";
  return {
      {"undefined", [](Communicator& c) { c.all_reduce(at::Tensor()).wait(); },
       "all_reduce: tensor is an undefined tensor; pass a defined one, be it empty"},
      {"complex", [](Communicator& c) { c.all_reduce(at::zeros({2}, at::kComplexFloat)).wait(); },
       "all_reduce: tensor has type ComplexFloat; " + types},
      {"bool", [](Communicator& c) { c.broadcast(at::zeros({2}, at::kBool), 0).wait(); },
       "broadcast: tensor has type Bool; " + types},
      {"strided_all_reduce", [=](Communicator& c) { c.all_reduce(strided).wait(); },
       "all_reduce: tensor of shape [6] " + contiguous},
      {"strided_broadcast", [=](Communicator& c) { c.broadcast(strided, 0).wait(); },
       "broadcast: tensor of shape [6] " + contiguous},
      {"strided_reduce_scatter_output", [=](Communicator& c) { c.reduce_scatter(strided, whole).wait(); },
       "reduce_scatter: output of shape [6] " + contiguous},
      {"strided_reduce_scatter_input", [=](Communicator& c) { c.reduce_scatter(part, strided_whole).wait(); },
       fmt::format("reduce_scatter: input of shape [{}] {}", 6 * ranks, contiguous)},
      {"strided_all_gather_output", [=](Communicator& c) { c.all_gather(strided_whole, part).wait(); },
       fmt::format("all_gather: output of shape [{}] {}", 6 * ranks, contiguous)},
      {"strided_all_gather_input", [=](Communicator& c) { c.all_gather(whole, strided).wait(); },
       "all_gather: input of shape [6] " + contiguous},
      {"root_too_large", [=](Communicator& c) { c.broadcast(part, ranks).wait(); },
       fmt::format("broadcast: root {} is no rank; expected 0 to {}", ranks, ranks - 1)},
      {"root_negative", [=](Communicator& c) { c.broadcast(part, -1).wait(); },
       fmt::format("broadcast: root -1 is no rank; expected 0 to {}", ranks - 1)},
      {"reduce_scatter_of_two_types", [=](Communicator& c) { c.reduce_scatter(part, doubles).wait(); },
       "reduce_scatter: output and input differ: float32 on cpu and float64 on cpu; " + alike},
      {"all_gather_of_two_types", [=](Communicator& c) { c.all_gather(doubles, part).wait(); },
       "all_gather: output and input differ: float64 on cpu and float32 on cpu; " + alike},
      {"reduce_scatter_of_too_few",
       [=](Communicator& c) { c.reduce_scatter(part, at::zeros({6 * ranks - 1})).wait(); },
       fmt::format("reduce_scatter: the whole has {} elements and a part 6; expected {} x 6 on {} ranks",
                   6 * ranks - 1, ranks, ranks)},
      {"all_gather_into_too_many",
       [=](Communicator& c) { c.all_gather(at::zeros({6 * ranks + 1}), part).wait(); },
       fmt::format("all_gather: the whole has {} elements and a part 6; expected {} x 6 on {} ranks",
                   6 * ranks + 1, ranks, ranks)},
      {"all_to_all_of_two_sizes",
       [=](Communicator& c) { c.all_to_all(whole, at::zeros({6 * ranks + 1})).wait(); },
       fmt::format(
           "all_to_all: output has {} elements and input {}; expected as many in both, in {} equal parts",
           6 * ranks, 6 * ranks + 1, ranks)}};
}

void expect_refused(Communicator& communicator, const Refusal& refusal) {
  try {
    refusal.call(communicator);
    ADD_FAILURE() << "expected CommError: " << refusal.text;
  } catch (const CommError& error) {
    EXPECT_EQ(error.what(), refusal.text);
  }
  // Nothing was sent: the ranks are still in step.
  const at::Tensor one = at::ones({1}, at::kLong);
  communicator.all_reduce(one).wait();
  EXPECT_EQ(one.item<std::int64_t>(), communicator.world_size());
}

void tensors_elsewhere(Communicator& communicator) {
  if (communicator.device() != at::Device(at::kCPU)) return;  // it takes those of any device
  const at::Tensor elsewhere = at::empty({4}, at::TensorOptions().device(at::kMeta));
  expect_refused(
      communicator,
      {"", [&](Communicator& c) { c.all_reduce(elsewhere).wait(); },
       fmt::format("all_reduce: tensor is on meta, but the {} backend moves tensors in host memory only; "
                   "choose comm.backend: nccl, or pass tensor.cpu()",
                   communicator.backend())});
}

}  // namespace

std::vector<Case> refusal_cases() {
  std::vector<Case> cases{{"refuses_tensors_elsewhere", tensors_elsewhere}};
  const auto all = refusals(1);
  for (std::size_t i = 0; i < all.size(); ++i)
    cases.push_back({"refuses_" + all[i].name, [i](Communicator& communicator) {
                       expect_refused(communicator, refusals(communicator.world_size())[i]);
                     }});
  return cases;
}

}  // namespace ringtrain::conformance
