#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/nn/utils/convert_parameters.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>
#include <torch/serialize.h>
#include <torch/utils.h>

#include <sstream>

#include "cases.h"
#include "ringtrain/comm/averaging/broadcast.h"
#include "ringtrain/comm/averaging/sharded_averager.h"
#include "ringtrain/common/errors.h"
#include "ringtrain/data/order/sampler.h"

namespace cases {
namespace {

using ringtrain::ConfigError;
using ringtrain::FlatParameters;
using ringtrain::GradientAverager;
using ringtrain::Range;
using ringtrain::StepTotals;
using torch::nn::Linear;
using torch::nn::Sequential;

constexpr std::int64_t kSamples = 11;  // of a joined batch: uneven on 2, 3 and 4 ranks

Sequential network() {
  torch::manual_seed(5);
  Sequential net(Linear(3, 7), torch::nn::Tanh(), Linear(7, 2));
  net->to(at::kDouble);
  return net;
}

at::Tensor inputs(std::int64_t step = 0) {
  return (at::arange(kSamples * 3, at::kDouble).reshape({kSamples, 3}) * 0.37 + static_cast<double>(step))
      .sin();
}
at::Tensor targets() { return (at::arange(kSamples * 2, at::kDouble).reshape({kSamples, 2}) * 0.7).cos(); }

at::Tensor loss_sum(Sequential& net, const Range& rows, std::int64_t step = 0) {
  const auto count = rows.end - rows.begin;
  return at::mse_loss(net->forward(inputs(step).narrow(0, rows.begin, count)),
                      targets().narrow(0, rows.begin, count), at::Reduction::Sum);
}

Range share(const Ranks& r) { return ringtrain::even_share(kSamples, r.rank(), r.size()); }

/// Gradients of one process that holds all samples.
std::vector<at::Tensor> joined_gradients(std::int64_t step = 0) {
  auto net = network();
  loss_sum(net, {0, kSamples}, step).backward();
  std::vector<at::Tensor> all;
  for (const auto& one : net->parameters()) all.push_back(one.grad());
  return all;
}

void expect_joined(Sequential& net, const std::vector<at::Tensor>& wanted, double factor = 1) {
  const auto all = net->parameters();
  for (std::size_t i = 0; i < all.size(); ++i)
    expect_near(all[i].grad(), wanted[i] * factor, 1e-12, "gradient " + std::to_string(i));
}

/// One case's network, flat and averaged.
struct Averaged {
  explicit Averaged(Ranks& r, Sequential module = network())
      : net(std::move(module)), flat(*net), averager(flat, r.communicator, {.overlap = r.overlap}) {}
  Sequential net;
  FlatParameters flat;
  GradientAverager averager;
};

void joined_batch(Ranks& r) {
  Averaged a(r);
  for (int step = 0; step < 3; ++step) {
    a.flat.zero_gradients();
    loss_sum(a.net, share(r), step).backward();
    a.averager.finish({.weight = 1});
    expect_joined(a.net, joined_gradients(step));
  }
}

void one_rank_has_all(Ranks& r) {
  Averaged a(r);
  if (r.is_last()) loss_sum(a.net, {0, kSamples}).backward();
  const auto totals = a.averager.finish({.weight = r.is_last() ? 11.0 : 0.0});
  expect(totals.weight == kSamples, "the weight");
  expect_joined(a.net, joined_gradients());
}

void nobody_has_any(Ranks& r) {
  Averaged a(r);
  const auto totals = a.averager.finish({});
  expect(totals.weight == 0, "the weight");
  for (const auto& one : a.net->parameters())
    expect(!one.grad().defined() || one.grad().abs().sum().item<double>() == 0, "no gradient");
  expect(a.averager.unused() == std::vector<bool>(4, true), "nobody used anything");
}

void ranks_leave_by_and_by(Ranks& r) {
  Averaged a(r);
  for (int step = 0; step < r.size(); ++step) {
    a.flat.zero_gradients();
    const bool has = r.rank() >= step;  // one rank more has run out of data in each step
    if (has) loss_sum(a.net, {0, kSamples}).backward();
    a.averager.finish({.weight = has ? 1.0 : 0.0});
    expect_joined(a.net, joined_gradients(), r.size() - step);
  }
}

void totals(Ranks& r) {
  Averaged a(r);
  loss_sum(a.net, share(r)).backward();
  const auto sum = a.averager.finish(
      {.weight = 0.5, .loss_sum = 1.0 + r.rank(), .samples = 3, .stop = r.is_last() ? 1.0 : 0.0});
  expect(sum.weight == 0.5 * r.size() && sum.loss_sum == sum_to(r.size()) && sum.samples == 3 * r.size() &&
             sum.stop == 1 && sum.failed == 0,
         "the sums");
}

void failed_rank(Ranks& r) {
  Averaged a(r);
  if (!r.is_last()) loss_sum(a.net, share(r)).backward();
  const auto sum = a.averager.finish({.weight = 1, .failed = r.is_last() ? 1.0 : 0.0});
  expect(sum.failed == 1, "all know of it");
  a.flat.zero_gradients();
  loss_sum(a.net, share(r)).backward();
  a.averager.finish({.weight = 1});
  expect_joined(a.net, joined_gradients());
}

void from_rank_0(Ranks& r) {
  Linear layer(2, 2);
  {
    const torch::NoGradGuard no_grad;
    layer->weight.fill_(r.rank() + 3);
    layer->bias.fill_(r.rank() + 4).set_requires_grad(false);  // frozen
  }
  const auto count = layer->register_buffer("count", at::full({1}, r.rank() + 5, at::kLong));
  const auto mask = layer->register_buffer("mask", at::full({2}, r.rank() == 0, at::kBool));
  FlatParameters flat(*layer);
  GradientAverager averager(flat, r.communicator, {.overlap = r.overlap});
  expect(layer->weight.eq(3).all().item<bool>() && layer->bias.eq(4).all().item<bool>() &&
             count.item<std::int64_t>() == 5 && mask.all().item<bool>(),
         "weights, frozen ones, buffers are rank 0's");
}

void buffers_when_asked(Ranks& r) {
  Linear layer(2, 2);
  const auto mean = layer->register_buffer("mean", at::full({4}, r.rank() + 1.5));
  ringtrain::broadcast_buffers(*layer, r.communicator);
  expect_equal(mean, at::full({4}, 1.5));
}

void accumulates(Ranks& r) {
  Averaged a(r);
  const auto mine = share(r);
  for (int step = 0; step < 2; ++step) {
    a.flat.zero_gradients();
    {
      const auto quiet = a.averager.no_sync();
      for (auto row = mine.begin; row + 1 < mine.end; ++row) loss_sum(a.net, {row, row + 1}).backward();
    }
    loss_sum(a.net, {mine.end - 1, mine.end}).backward();
    a.averager.finish({.weight = 1});
    expect_joined(a.net, joined_gradients());
  }
}

void nested_quiet(Ranks& r) {
  Averaged a(r);
  {
    const auto outer = a.averager.no_sync();
    {
      const auto inner = a.averager.no_sync();
      loss_sum(a.net, share(r)).backward();
    }
    loss_sum(a.net, share(r)).backward();
  }
  loss_sum(a.net, share(r)).backward();
  a.averager.finish({.weight = 1});
  expect_joined(a.net, joined_gradients(), 3);
}

void quiet_alone(Ranks& r) {
  Averaged a(r);
  {
    const auto quiet = a.averager.no_sync();
    loss_sum(a.net, share(r)).backward();
  }
  a.averager.finish({.weight = 1});  // without a last backward
  expect_joined(a.net, joined_gradients());
}

void second_backward(Ranks& r) {
  Averaged a(r);
  loss_sum(a.net, share(r)).backward();
  expect_error<ConfigError>([&] { loss_sum(a.net, share(r)).backward(); }, {"no_sync()"});
}

void zero_grad(Ranks& r) {
  Averaged a(r);
  torch::optim::SGD optimizer(a.net->parameters(), 0.1);
  for (int step = 0; step < 4; ++step) {
    optimizer.zero_grad(/*set_to_none=*/step % 2 == 0);
    loss_sum(a.net, share(r), step).backward();
    a.averager.finish({.weight = 1});
    expect_joined(a.net, joined_gradients(step));
  }
}

/// Trains as a loop of one's own does; returns all weights.
at::Tensor train(Averaged& a, const Range& mine, torch::optim::Optimizer& optimizer, int steps) {
  for (int step = 0; step < steps; ++step) {
    a.flat.zero_gradients();
    if (mine.end > mine.begin) loss_sum(a.net, mine, step).backward();
    const auto sum = a.averager.finish({.weight = static_cast<double>(mine.end - mine.begin)});
    for (const auto& group : a.flat.groups()) group.gradients.div_(sum.weight);
    a.averager.drop_unused_gradients();
    optimizer.step();
  }
  return torch::nn::utils::parameters_to_vector(a.net->parameters()).detach();
}

/// The same by one process.
template <class Optimizer, class Options>
at::Tensor trained_alone(const Options& options, int steps) {
  auto net = network();
  Optimizer optimizer(net->parameters(), options);
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    (loss_sum(net, {0, kSamples}, step) / static_cast<double>(kSamples)).backward();
    optimizer.step();
  }
  return torch::nn::utils::parameters_to_vector(net->parameters()).detach();
}

void twenty_steps(Ranks& r) {
  Averaged a(r);
  const auto options = torch::optim::SGDOptions(0.1).momentum(0.9);
  torch::optim::SGD optimizer(a.net->parameters(), options);
  expect_near(train(a, share(r), optimizer, 20), trained_alone<torch::optim::SGD>(options, 20), 1e-11,
              "weights");
}

void twenty_steps_of_adamw(Ranks& r) {
  Averaged a(r);
  const auto options = torch::optim::AdamWOptions(0.01).weight_decay(0.1);
  torch::optim::AdamW optimizer(a.net->parameters(), options);
  const auto weights = train(a, share(r), optimizer, 20);
  expect_near(weights, trained_alone<torch::optim::AdamW>(options, 20), 1e-9, "weights");
  const auto first = weights.clone();
  r.communicator.broadcast(first, 0).wait();
  expect_equal(weights, first, "the replicas' bits");
}

void clipped(Ranks& r) {
  Averaged a(r);
  loss_sum(a.net, share(r)).backward();
  a.averager.finish({.weight = 1});
  const double norm = torch::nn::utils::clip_grad_norm_(a.net->parameters(), 0.5);
  double squares = 0;
  for (const auto& one : joined_gradients()) squares += one.pow(2).sum().item<double>();
  expect(std::abs(norm - std::sqrt(squares)) < 1e-9, "the norm is the joined batch's");
  expect_joined(a.net, joined_gradients(), 0.5 / (norm + 1e-6));
}

void loaded(Ranks& r) {
  Averaged a(r);
  auto other = network();
  {
    const torch::NoGradGuard no_grad;
    for (const auto& one : other->parameters()) one.mul_(0.5);
  }
  std::stringstream file;
  torch::save(other, file);
  torch::load(a.net, file);
  loss_sum(a.net, share(r)).backward();
  a.averager.finish({.weight = 1});
  loss_sum(other, {0, kSamples}).backward();
  std::vector<at::Tensor> wanted;
  for (const auto& one : other->parameters()) wanted.push_back(one.grad());
  expect_joined(a.net, wanted);
  expect(a.flat.repair_values() == 0, "the flat tensor has them");
}

void from_a_vector(Ranks& r) {
  Averaged a(r);
  const auto given = at::linspace(-1, 1, 44, at::kDouble);
  torch::nn::utils::vector_to_parameters(given, a.net->parameters());
  torch::optim::SGD optimizer(a.net->parameters(), 0.0);
  expect_equal(train(a, share(r), optimizer, 2), given);
  expect(a.averager.unused().empty(), "all are used");
}

void converted(Ranks& r) {
  Averaged a(r);
  a.net->to(at::kFloat);
  expect_error<ConfigError>([&] { a.averager.finish({}); }, {"another type"});
}

Case other_module(const std::string& name, const std::string& proves, const std::function<Sequential()>& last,
                  const std::vector<std::string>& parts) {
  return {"other_" + name, proves + " on a rank is named on all, in the constructor",
          [=](Ranks& r) {
            auto net = r.is_last() ? last() : Sequential(Linear(3, 4), Linear(4, 3));
            FlatParameters flat(*net);
            expect_error<ConfigError>([&] { GradientAverager(flat, r.communicator, {.overlap = r.overlap}); },
                                      parts);
          },
          true, 2};
}

void two_on_one(Ranks& r) {
  Averaged one(r), other(r);
  for (int step = 0; step < 3; ++step) {
    one.flat.zero_gradients();
    other.flat.zero_gradients();
    loss_sum(one.net, share(r), step).backward();
    one.averager.finish({.weight = 1});
    loss_sum(other.net, share(r), step + 7).backward();
    other.averager.finish({.weight = 1});
    expect_joined(one.net, joined_gradients(step));
    expect_joined(other.net, joined_gradients(step + 7));
  }
}

void one_after_another(Ranks& r) {
  for (int i = 0; i < 12; ++i) {
    Averaged a(r);
    loss_sum(a.net, share(r)).backward();
    a.averager.finish({.weight = 1});
    if (i == 11) expect_joined(a.net, joined_gradients());
  }
}

void hooks_go(Ranks& r) {
  auto net = network();
  {
    FlatParameters flat(*net);
    GradientAverager averager(flat, r.communicator, {.overlap = r.overlap});
  }
  loss_sum(net, {0, kSamples}).backward();
  loss_sum(net, {0, kSamples}).backward();  // nobody complains any more
}

void small_buckets(Ranks& r) {
  auto net = network();
  FlatParameters flat(*net);
  GradientAverager averager(flat, r.communicator, {.overlap = r.overlap, .bucket_bytes = 1});
  for (int step = 0; step < 3; ++step) {
    flat.zero_gradients();
    loss_sum(net, share(r), step).backward();
    averager.finish({.weight = 1});
    expect_joined(net, joined_gradients(step));
  }
}

void sharded(Ranks& r) {
  auto net = network();
  FlatParameters flat(*net);
  ringtrain::ShardedAverager averager(flat, ringtrain::shard_slices(flat, r.rank(), r.size()),
                                      r.communicator);
  for (int step = 0; step < 5; ++step) {
    flat.zero_gradients();
    loss_sum(net, share(r), step).backward();
    averager.finish({.weight = 1});
    for (const auto& slice : averager.slices()) slice.values.sub_(slice.gradients, 0.1 / kSamples);
    averager.share_values();
  }
  expect_near(torch::nn::utils::parameters_to_vector(net->parameters()).detach(),
              trained_alone<torch::optim::SGD>(torch::optim::SGDOptions(0.1), 5), 1e-12, "weights");
}

void saved_part(Ranks& r) {
  Sequential net(Linear(200, 200), Linear(200, 2));
  const auto size = [](const auto& what) {
    std::stringstream file;
    torch::save(what, file);
    return file.str().size();
  };
  const Linear small(net->ptr<torch::nn::LinearImpl>(1));
  const auto before = size(small);
  FlatParameters flat(*net);
  GradientAverager averager(flat, r.communicator, {.overlap = r.overlap});
  expect(size(small) == before && size(small->weight.detach()) < 10'000, "a part is saved alone");
}

void sampler(Ranks& r) {
  ringtrain::Sampler sampler(
      {.samples = 23, .global_batch_size = 5, .seed = 3, .rank = r.rank(), .world_size = r.size()});
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    const auto seen = at::zeros({23}, at::kLong);
    for (std::int64_t batch = 0; batch < sampler.batches_per_epoch(); ++batch)
      for (const auto index : sampler.indices(epoch, batch)) seen[index].add_(1);
    r.communicator.all_reduce(seen).wait();
    expect_equal(seen, at::ones({23}, at::kLong), "how often each sample was seen");
  }
  expect(sampler.global_indices(0, 0) != sampler.global_indices(1, 0), "epochs have orders of their own");
}

}  // namespace

Cases of_averaging() {
  const auto made = [](auto... layers) { return [=] { return Sequential(layers()...); }; };
  const auto linear = [](int in, int out) { return [=] { return Linear(in, out); }; };
  return {
      {"joined_batch", "uneven shares give the gradients of the joined batch, step after step", joined_batch,
       true},
      {"one_has_all", "one rank has all samples, the others none", one_rank_has_all, true},
      {"nobody_has_any", "a step without samples is no hang", nobody_has_any, true},
      {"uneven_data", "ranks run out of data one after another", ranks_leave_by_and_by, true},
      {"totals", "weight, loss, samples and the stop flag are summed", totals, true},
      {"failed_rank", "all know of a rank that failed, and the next step is right", failed_rank, true},
      {"from_rank_0", "weights, frozen weights and buffers start from rank 0's", from_rank_0, true},
      {"buffers", "buffers are given to all when asked", buffers_when_asked},
      {"no_sync", "micro-steps add up to the batch", accumulates, true},
      {"no_sync_nested", "an inner no_sync keeps the outer one", nested_quiet, true},
      {"no_sync_alone", "what was accumulated is sent without a last backward", quiet_alone, true},
      {"second_backward", "a second backward without no_sync is an error, everywhere the same",
       second_backward, true},
      {"zero_grad", "torch::optim's zero_grad, which drops gradients or fills them", zero_grad, true},
      {"sgd", "20 steps with momentum are those of one process", twenty_steps, true},
      {"adamw", "20 steps of AdamW too, with the same bits on all ranks", twenty_steps_of_adamw, true},
      {"clip_grad_norm", "clipping after finish is that of the joined batch", clipped, true},
      {"load", "weights that torch::load put in place go on being trained", loaded, true},
      {"vector_to_parameters", "so do those of vector_to_parameters", from_a_vector, true},
      {"to", "a module that became another type is refused by name", converted, true},
      other_module("shape", "another shape", made(linear(3, 5), linear(5, 3)), {"[3, 5]", "[3, 4]"}),
      other_module("order", "the same sizes in another order", made(linear(4, 3), linear(3, 4)), {"1.bias"}),
      other_module("number", "fewer parameters", made(linear(3, 4)), {"2 and 4"}),
      other_module("type", "another type",
                   [] {
                     Sequential net(Linear(3, 4), Linear(4, 3));
                     net->to(at::kDouble);
                     return net;
                   },
                   {"Double"}),
      other_module("frozen", "a frozen parameter",
                   [] {
                     Sequential net(Linear(3, 4), Linear(4, 3));
                     net->parameters()[3].set_requires_grad(false);
                     return net;
                   },
                   {"1.weight"}),
      {"two_on_one", "two averagers on one communicator, in turn", two_on_one, true},
      {"one_after_another", "a dozen averagers, each after the other", one_after_another, true},
      {"hooks_go", "nothing of an averager stays in the module", hooks_go, true},
      {"small_buckets", "a bucket for each parameter", small_buckets, true},
      {"sharded", "an optimizer divided over the ranks is the whole one", sharded},
      {"save_part", "torch::save of a part writes that part", saved_part, true},
      {"sampler", "every sample once an epoch, another order in each", sampler}};
}

}  // namespace cases
