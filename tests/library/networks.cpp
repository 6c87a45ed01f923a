#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>
#include <torch/optim/adamw.h>

#include "cases.h"
#include "ringtrain/comm/averaging/sync_batch_norm.h"
#include "ringtrain/common/errors.h"

namespace cases {
namespace {

using ringtrain::FlatParameters;
using ringtrain::GradientAverager;
using torch::nn::Linear;
using torch::nn::Sequential;

/// Parameters of one number each, with gradients that can be told in the head.
struct Numbers : torch::nn::Module {
  explicit Numbers(int count, at::ScalarType type = at::kDouble) {
    for (int i = 0; i < count; ++i)
      all.push_back(register_parameter("p" + std::to_string(i), at::ones({1}, type)));
  }
  std::vector<at::Tensor> all;
};

struct Averaged {
  Averaged(Ranks& r, const torch::nn::Module& module)
      : flat(module), averager(flat, r.communicator, {.overlap = r.overlap}) {}
  FlatParameters flat;
  GradientAverager averager;
};

double gradient_of(const at::Tensor& parameter) { return parameter.grad().sum().item<double>(); }

void used_on_one(Ranks& r) {
  Numbers net(3);
  Averaged a(r, net);
  for (int step = 0; step < 3; ++step) {
    a.flat.zero_gradients();
    auto loss = net.all[0] * 2;
    if (r.is_last()) loss = loss + net.all[2] * 5;
    loss.sum().backward();
    a.averager.finish({.weight = 1});
    expect(gradient_of(net.all[0]) == 2 * r.size() && gradient_of(net.all[2]) == 5, "the sums");
    // Entries stand in reverse order of registration.
    expect(a.averager.unused() == std::vector<bool>{false, true, false}, "p1 alone is unused");
  }
}

void ways_differ(Ranks& r) {
  Numbers net(2);
  Averaged a(r, net);
  for (int step = 0; step < 4; ++step) {
    a.flat.zero_gradients();
    const auto way = static_cast<std::size_t>((r.rank() + step) % 2);
    net.all[way].sum().backward();
    a.averager.finish({.weight = 1});
    const int evens = (r.size() + 1) / 2, odds = r.size() / 2;
    expect(gradient_of(net.all[0]) == (step % 2 == 0 ? evens : odds), "way 0");
    expect(gradient_of(net.all[1]) == (step % 2 == 0 ? odds : evens), "way 1");
  }
}

void order_changes(Ranks& r) {
  Numbers net(4);
  Averaged a(r, net);
  for (int step = 0; step < 4; ++step) {
    a.flat.zero_gradients();
    at::Tensor loss = at::zeros({1}, at::kDouble);
    for (int i = 0; i < 4; ++i) {
      const auto which = static_cast<std::size_t>((i + r.rank() + step) % 4);
      loss = (loss + net.all[which] * static_cast<double>(which + 1)) * 1.0;
    }
    loss.sum().backward();
    a.averager.finish({.weight = 1});
    for (int i = 0; i < 4; ++i)
      expect(gradient_of(net.all[static_cast<std::size_t>(i)]) == (i + 1) * r.size(),
             "p" + std::to_string(i));
  }
}

void idle_is_left(Ranks& r) {
  Sequential net(Linear(3, 2), Linear(2, 1));
  Averaged a(r, *net);
  torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(0.1).weight_decay(0.5));
  const auto idle = net->ptr<torch::nn::LinearImpl>(1)->weight.detach().clone();
  for (int step = 0; step < 2; ++step) {
    a.flat.zero_gradients();
    net->ptr<torch::nn::LinearImpl>(0)->forward(at::ones({2, 3})).sum().backward();
    a.averager.finish({.weight = 1});
    a.averager.drop_unused_gradients();
    optimizer.step();
  }
  expect_equal(net->ptr<torch::nn::LinearImpl>(1)->weight.detach(), idle, "what nobody used");
}

void tied(Ranks& r) {
  const auto shared = std::make_shared<Linear>(2, 2);
  struct Both : torch::nn::Module {
    explicit Both(const Linear& layer)
        : one(register_module("one", layer)), other(register_module("other", layer)) {}
    Linear one, other;
  };
  Both net(*shared);
  Averaged a(r, net);
  expect(a.flat.entries().size() == 2, "stored once");
  const auto x = at::ones({1, 2});
  (net.one->forward(x) + net.other->forward(x)).sum().backward();
  a.averager.finish({.weight = 1});
  expect_equal(net.one->bias.grad(), at::full({2}, 2.0f * r.size()));
}

void used_twice(Ranks& r) {
  Numbers net(1);
  Averaged a(r, net);
  (net.all[0] * 2 + net.all[0] * 3).sum().backward();
  a.averager.finish({.weight = 1});
  expect(gradient_of(net.all[0]) == 5 * r.size(), "both uses");
}

void frozen_part(Ranks& r) {
  Sequential net(Linear(3, 4), Linear(4, 1));
  net->parameters()[0].set_requires_grad(false);
  net->parameters()[1].set_requires_grad(false);
  Averaged a(r, *net);
  expect(a.flat.entries().size() == 2 && a.flat.others().size() == 2, "two are trained, two are not");
  const auto before = net->parameters()[0].clone();
  net->forward(at::ones({2, 3})).sum().backward();
  a.averager.finish({.weight = 1});
  expect(!net->parameters()[0].grad().defined(), "no gradient of what is frozen");
  expect_equal(net->parameters()[3].grad(), at::full({1}, 2.0f * r.size()));
  expect_equal(net->parameters()[0], before);
}

void frozen_for_a_time(Ranks& r) {
  Sequential net(Linear(1, 1), Linear(1, 1));
  Averaged a(r, *net);
  auto& first = *net->ptr<torch::nn::LinearImpl>(0);
  for (const bool frozen : {true, false, true}) {
    for (auto& one : first.parameters()) one.set_requires_grad(!frozen);
    a.flat.zero_gradients();
    net->forward(at::ones({1, 1})).sum().backward();
    a.averager.finish({.weight = 1});
    const auto& unused = a.averager.unused();
    expect(frozen ? unused == std::vector<bool>({false, false, true, true}) : unused.empty(),
           "a part that is passed through");
  }
}

void mixed_types(Ranks& r) {
  struct Mixed : torch::nn::Module {
    at::Tensor wide = register_parameter("wide", at::ones({3}, at::kDouble));
    at::Tensor usual = register_parameter("usual", at::ones({3}));
    at::Tensor narrow = register_parameter("narrow", at::ones({3}, at::kBFloat16));
  } net;
  Averaged a(r, net);
  expect(a.flat.groups().size() == 3, "a group for each type");
  (net.wide.sum() + net.usual.to(at::kDouble).sum() * 2 + net.narrow.to(at::kDouble).sum() * 3).backward();
  a.averager.finish({.weight = 1});
  expect_equal(net.wide.grad(), at::full({3}, r.size(), at::kDouble));
  expect_equal(net.usual.grad(), at::full({3}, 2 * r.size(), at::kFloat));
  expect_equal(net.narrow.grad(), at::full({3}, 3 * r.size(), at::kBFloat16));
}

void empty_parameter(Ranks& r) {
  struct Hollow : torch::nn::Module {
    at::Tensor none = register_parameter("none", at::zeros({0, 4}));
    at::Tensor one = register_parameter("one", at::ones({2}));
  } net;
  Averaged a(r, net);
  net.one.sum().backward();
  a.averager.finish({.weight = 1});
  expect_equal(net.one.grad(), at::full({2}, r.size(), at::kFloat));
}

void no_parameters(Ranks& r) {
  torch::nn::Module net;
  net.register_buffer("count", at::full({1}, r.rank()));
  Averaged a(r, net);
  const auto totals = a.averager.finish({.weight = 2});
  expect(totals.weight == 2 * r.size(), "the weight");
}

void strided_parameter(Ranks& r) {
  struct Turned : torch::nn::Module {
    at::Tensor turned = register_parameter("turned", at::arange(6, at::kDouble).reshape({2, 3}).t());
  } net;
  Averaged a(r, net);
  const auto factor = at::arange(6, at::kDouble).reshape({3, 2});
  (net.turned * factor).sum().backward();
  a.averager.finish({.weight = 1});
  expect_equal(net.turned.grad(), factor * r.size());
  expect_equal(net.turned.detach(), at::arange(6, at::kDouble).reshape({2, 3}).t(), "its values");
}

void sparse(Ranks& r) {
  torch::nn::Embedding table(torch::nn::EmbeddingOptions(10, 4).sparse(true));
  Averaged a(r, *table);
  table->zero_grad(/*set_to_none=*/true);
  expect_error<ringtrain::ConfigError>(
      [&] {
        table->forward(at::tensor({1, 2}, at::kLong)).sum().backward();
        a.flat.repair_gradients();
      },
      {"weight", "sparse"});
  expect(a.averager.finish({.failed = 1}).failed == r.size(), "all ranks know");
}

void embedding(Ranks& r) {
  torch::nn::Embedding table(8, 3);
  Averaged a(r, *table);
  table->forward(at::tensor({r.rank(), 7}, at::kLong)).sum().backward();
  a.averager.finish({.weight = 1});
  const auto rows = table->weight.grad().select(1, 0);
  expect(rows[7].item<double>() == r.size() && rows.sum().item<double>() == 2 * r.size(),
         "rows of all ranks");
}

struct Doubled : torch::autograd::Function<Doubled> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x) { return x * 2; }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 const torch::autograd::variable_list& g) {
    return {g[0] * 2};
  }
};

void own_function(Ranks& r) {
  Numbers net(1);
  Averaged a(r, net);
  Doubled::apply(net.all[0]).sum().backward();
  a.averager.finish({.weight = 1});
  expect(gradient_of(net.all[0]) == 2 * r.size(), "a function of one's own");
}

void two_losses(Ranks& r) {
  Numbers net(2);
  Averaged a(r, net);
  const auto middle = net.all[0] * net.all[1];
  {
    const auto quiet = a.averager.no_sync();
    (middle * 2).sum().backward({}, /*retain_graph=*/true);
  }
  (middle * 3).sum().backward();
  a.averager.finish({.weight = 1});
  expect(gradient_of(net.all[0]) == 5 * r.size(), "two losses of one graph");
}

void recurrent(Ranks& r) {
  torch::manual_seed(2);
  torch::nn::GRU net(torch::nn::GRUOptions(2, 3).num_layers(2));
  net->to(at::kDouble);
  Averaged a(r, *net);
  const auto loss = [&](int rank) {
    const auto x = at::full({rank + 1, 1, 2}, 0.1 * (rank + 1), at::kDouble);  // of unequal lengths
    return std::get<0>(net->forward(x)).sum();
  };
  loss(r.rank()).backward();
  a.averager.finish({.weight = 1});
  const auto got = net->parameters()[0].grad().clone();
  std::vector<at::Tensor> weights = net->parameters();
  at::Tensor wanted = at::zeros_like(got);
  for (int rank = 0; rank < r.size(); ++rank) wanted += torch::autograd::grad({loss(rank)}, {weights[0]})[0];
  expect_near(got, wanted, 1e-13, "a gradient of sequences of unequal lengths");
}

void joined_norm(Ranks& r) {
  const std::int64_t rows = 3 * r.size();
  const auto all = (at::arange(rows * 2, at::kDouble).reshape({rows, 2}) * 0.77).sin();
  const auto weight = at::full({2}, 1.5, at::kDouble), bias = at::full({2}, 0.2, at::kDouble);
  const auto mean = at::zeros({2}, at::kDouble), variance = at::ones({2}, at::kDouble);
  const auto ours = ringtrain::sync_batch_norm(all.narrow(0, 3 * r.rank(), 3), weight, bias, mean, variance,
                                               0.1, 1e-5, r.communicator);
  const auto its_mean = at::zeros({2}, at::kDouble), its_variance = at::ones({2}, at::kDouble);
  const auto theirs = at::batch_norm(all, weight, bias, its_mean, its_variance, true, 0.1, 1e-5, false);
  expect_near(ours, theirs.narrow(0, 3 * r.rank(), 3), 1e-12, "the output");
  expect_near(mean, its_mean, 1e-12, "the running mean");
  expect_near(variance, its_variance, 1e-12, "the running variance");
}

}  // namespace

Cases of_networks() {
  return {{"used_on_one_rank", "a parameter that one rank alone uses; what nobody uses is named", used_on_one,
           true},
          {"ways_differ", "ranks take other ways through the network, and change", ways_differ, true},
          {"order_changes", "backward reaches parameters in another order on each rank and step",
           order_changes, true},
          {"idle_is_left", "weight decay does not move what nobody used", idle_is_left, true},
          {"tied", "a module that is registered twice is averaged once", tied, true},
          {"used_twice", "a parameter that is used twice", used_twice, true},
          {"frozen", "a frozen part is passed through", frozen_part, true},
          {"frozen_for_a_time", "a part is frozen and thawed between steps", frozen_for_a_time, true},
          {"mixed_types", "float64, float32 and bfloat16 in one module", mixed_types, true},
          {"empty_parameter", "a parameter without elements", empty_parameter, true},
          {"no_parameters", "a module without parameters", no_parameters, true},
          {"strided", "a transposed parameter", strided_parameter, true},
          {"sparse", "a sparse gradient is refused by name", sparse, true},
          {"embedding", "rows of an embedding that other ranks used", embedding, true},
          {"own_function", "an autograd function of one's own", own_function, true},
          {"two_losses", "two losses of one graph", two_losses, true},
          {"recurrent", "a GRU over sequences of unequal lengths", recurrent, true},
          {"sync_batch_norm", "statistics of the joined batch", joined_norm}};
}

}  // namespace cases
