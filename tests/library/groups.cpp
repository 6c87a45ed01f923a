#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include "cases.h"
#include "ringtrain/common/errors.h"

namespace cases {
namespace {

void evens_and_odds(Ranks& r) {
  const auto group = r.communicator.split(r.rank() % 2);
  const int members = (r.size() + 1 - r.rank() % 2) / 2;
  expect(group->world_size() == members && group->rank() == r.rank() / 2, "its place");
  const auto tensor = at::full({10}, r.rank(), at::kLong);
  group->all_reduce(tensor).wait();
  std::int64_t wanted = 0;
  for (int rank = r.rank() % 2; rank < r.size(); rank += 2) wanted += rank;
  expect_equal(tensor, at::full({10}, wanted, at::kLong));
}

void by_key(Ranks& r) {
  const auto group = r.communicator.split(0, -r.rank());
  expect(group->rank() == r.size() - 1 - r.rank(), "the order of keys");
  const auto all = at::zeros({r.size()}, at::kLong);
  group->all_gather(all, at::full({1}, r.rank(), at::kLong)).wait();
  expect_equal(all, at::arange(r.size(), at::kLong).flip(0));
}

void without_color(Ranks& r) {
  const auto group = r.communicator.split(r.is_last() ? std::nullopt : std::optional<int>(7));
  expect((group == nullptr) == r.is_last(), "a rank without a color has no group");
  if (group == nullptr) return;
  const auto one = at::ones({1});
  group->all_reduce(one).wait();
  expect(one.item<double>() == r.size() - 1, "the others are a group");
}

void alone(Ranks& r) {
  const auto group = r.communicator.split(r.rank());
  const auto tensor = at::full({3}, r.rank());
  group->all_reduce(tensor).wait();
  group->broadcast(tensor, 0).wait();
  expect(group->world_size() == 1 && tensor[0].item<double>() == r.rank(), "alone");
}

void unequal_work(Ranks& r) {
  const auto group = r.communicator.split(r.rank() % 2);
  const auto one = at::ones({100});
  for (int i = 0; i < (r.rank() % 2 == 0 ? 5 : 2); ++i) group->broadcast(one, 0).wait();
  r.communicator.all_reduce(one).wait();
  expect(one[0].item<double>() == r.size(), "groups do not wait for each other");
}

void outlives(Ranks& r) {
  std::unique_ptr<ringtrain::Communicator> group;
  {
    const auto parent = r.communicator.duplicate();
    group = parent->split(0);
  }
  const auto one = at::ones({1});
  group->all_reduce(one).wait();
  expect(one.item<double>() == r.size(), "it outlives what it was split from");
}

void negative_color(Ranks& r) {
  expect_error<ringtrain::CommError>([&] { r.communicator.split(r.is_last() ? -3 : 0); }, {"-3"});
}

void of_a_group(Ranks& r) {
  const auto group = r.communicator.split(1);
  const auto smaller = group->split(group->rank() == 0 ? 0 : 1);
  expect(smaller->world_size() == (r.rank() == 0 ? 1 : r.size() - 1), "a group is split again");
}

void world_of_a_group(Ranks& r) {
  const auto world = r.world.split(r.rank() % 2);
  expect(world->rank() == r.rank() / 2, "its rank");
  const auto one = at::ones({1});
  world->control().all_reduce(one).wait();
  expect(one.item<double>() == world->world_size(), "its ranks");
  world->close();
}

void averages_in_its_group(Ranks& r) {
  const auto group = r.communicator.split(r.rank() % 2);
  torch::nn::Linear net(2, 1);
  ringtrain::FlatParameters flat(*net);
  ringtrain::GradientAverager averager(flat, *group, {.overlap = r.overlap});
  net->forward(at::full({1, 2}, r.rank() + 1.0F)).sum().backward();
  averager.finish({.weight = 1});
  std::int64_t wanted = 0;
  for (int rank = r.rank() % 2; rank < r.size(); rank += 2) wanted += rank + 1;
  expect_equal(net->weight.grad(), at::full({1, 2}, wanted, at::kFloat));
}

}  // namespace

Cases of_groups() {
  return {{"split_evens_odds", "each group sums its own", evens_and_odds},
          {"split_keys", "ranks of a group are numbered by key", by_key},
          {"split_no_color", "a rank may be in no group", without_color},
          {"split_alone", "a group of one", alone},
          {"split_unequal_work", "groups do as much as they like, then all meet", unequal_work},
          {"split_outlives", "a group outlives its parent", outlives},
          {"split_negative", "a negative color is refused on all ranks", negative_color},
          {"split_twice", "a group of a group", of_a_group},
          {"world_split", "the world of a group", world_of_a_group},
          {"split_averages", "a model is averaged in its group alone", averages_in_its_group, true}};
}

}  // namespace cases
