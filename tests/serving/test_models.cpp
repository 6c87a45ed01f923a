#include "tests/serving/test_models.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <algorithm>

namespace ringtrain::test {
namespace {

class TestMlp : public Model {
 public:
  TestMlp(std::int64_t features, std::int64_t outputs) : Model("ringtrain::test::TestMlp") {
    hidden_ = register_module("hidden", torch::nn::Linear(features, 16));
    output_ = register_module("output", torch::nn::Linear(16, outputs));
  }
  at::Tensor forward(const at::Tensor& inputs) override {
    return output_(at::dropout(at::relu(hidden_(inputs)), 0.5, is_training()));
  }

 private:
  torch::nn::Linear hidden_{nullptr}, output_{nullptr};
};

class TestConvnet : public Model {
 public:
  explicit TestConvnet(std::int64_t outputs) : Model("TestConvnet") {
    conv_ = register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 4, 3).padding(1)));
    norm_ = register_module("norm", torch::nn::GroupNorm(2, 4));
    output_ = register_module("output", torch::nn::Linear(4 * 3 * 3, outputs));
    const at::NoGradGuard no_grad;
    norm_->weight.uniform_(0.5, 2);
    norm_->bias.uniform_(-1, 1);
  }
  at::Tensor forward(const at::Tensor& inputs) override {
    const at::Tensor x = at::relu(norm_(conv_(at::unflatten(inputs, 1, {1, 6, 6}))));
    return output_(at::max_pool2d(x, 2).flatten(1));
  }

 private:
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::GroupNorm norm_{nullptr};
  torch::nn::Linear output_{nullptr};
};

class OperatorZoo : public Model {
 public:
  explicit OperatorZoo(std::int64_t outputs) : Model("OperatorZoo") {
    layers_ = register_module("layers",
                              torch::nn::Sequential(torch::nn::Linear(24, 24), torch::nn::BatchNorm1d(24)));
    conv1_ = register_module(
        "conv1", torch::nn::Conv1d(torch::nn::Conv1dOptions(4, 8, 3).stride(2).padding(1).groups(2)));
    conv2_ = register_module(
        "conv2", torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 3, 3).padding(torch::kSame).bias(false)));
    batch_ = register_module("batch", torch::nn::BatchNorm2d(3));
    layer_ = register_module("layer", torch::nn::LayerNorm(torch::nn::LayerNormOptions({24})));
    weight_ = register_parameter("weight", at::randn({24, 24}));
    shift_ = register_buffer("shift", at::randn({24}));
    output_ = register_module("output", torch::nn::Linear(24 + 8 + 3 + 3, outputs));
    const at::NoGradGuard no_grad;
    batch_->running_mean.uniform_(-1, 1);
    batch_->running_var.uniform_(0.5, 2);
    layer_->weight.uniform_(0.5, 2);
  }
  at::Tensor forward(const at::Tensor& inputs) override {
    at::Tensor x = layers_->forward(inputs);
    x = at::silu(x) + at::gelu(x, "tanh") * 0.5 - at::gelu(x);
    x = layer_(at::addmm(shift_, x, weight_.t()) / 3.0);
    x.relu_();
    x = at::add(x, at::arange(24, at::kFloat), 0.01);
    const at::Tensor lines = x.unflatten(1, {4, 6});
    const at::Tensor a = at::adaptive_avg_pool1d(conv1_(lines.contiguous()), {1}).flatten(1);
    const at::Tensor images = x.view({-1, 2, 3, 4}).permute({0, 1, 3, 2}).transpose(2, 3);
    const at::Tensor c = at::leaky_relu(batch_(conv2_(images)), 0.1);
    const at::Tensor b = at::adaptive_avg_pool2d(c, {1, 1}).flatten(1);
    const at::Tensor d = at::avg_pool2d(c, {2, 2}, {1, 1}, {1, 1}).mean({2, 3}) + at::elu(c.sum({-1, 2}));
    const at::Tensor e = at::softmax(at::matmul(lines, lines.transpose(1, 2)), -1);
    const at::Tensor f = at::clamp(at::matmul(e, lines).reshape({-1, 24}), -2, 2);
    const at::Tensor g =
        at::sqrt(at::exp(-at::tanh(f))) + at::log(at::sigmoid(f)) * at::log_softmax(f, 1).mul(0.1);
    return output_(at::cat({g, a, b, d}, 1));
  }

 private:
  torch::nn::Sequential layers_{nullptr};
  torch::nn::Conv1d conv1_{nullptr};
  torch::nn::Conv2d conv2_{nullptr};
  torch::nn::BatchNorm2d batch_{nullptr};
  torch::nn::LayerNorm layer_{nullptr};
  at::Tensor weight_, shift_;
  torch::nn::Linear output_{nullptr};
};

class Unmapped : public Model {
 public:
  explicit Unmapped(std::int64_t features) : Model("Unmapped") {
    output_ = register_module("output", torch::nn::Linear(features, 1));
  }
  at::Tensor forward(const at::Tensor& inputs) override { return at::special_bessel_j0(output_(inputs)); }

 private:
  torch::nn::Linear output_{nullptr};
};

/// Mixes types as PyTorch allows: what ONNX needs is converted in the export.
struct Sequences : torch::nn::Module {
  explicit Sequences(std::int64_t outputs)
      : torch::nn::Module("Sequences"),
        step(register_module("step", torch::nn::Linear(2, 6))),
        kinds(register_module("kinds", torch::nn::Embedding(5, 3))),
        output(register_module("output", torch::nn::Linear(6 + 3 + 3 + 1, outputs))) {}

  at::Tensor forward(const Fields& inputs) {
    const auto type = step->weight.scalar_type();
    const auto known = inputs.at("known").unsqueeze(2);
    const auto steps = at::tanh(step(inputs.at("series"))) * known;
    const auto mean = steps.sum(1) / (known.sum(1) + 1);
    const auto when = ((inputs.at("when") - 1e6) * 1e-3).to(type).unsqueeze(1);
    return output(at::cat({mean, kinds(inputs.at("kind")), inputs.at("counts"), when}, 1));
  }

  torch::nn::Linear step;
  torch::nn::Embedding kinds;
  torch::nn::Linear output;
};

class Baked : public Model {
 public:
  explicit Baked(std::int64_t features) : Model("Baked") {
    output_ = register_module("output", torch::nn::Linear(features, 1));
  }
  at::Tensor forward(const at::Tensor& inputs) override { return output_(inputs.view({inputs.size(0), -1})); }

 private:
  torch::nn::Linear output_{nullptr};
};

}  // namespace

MakeModel make_mlp(std::int64_t features, std::int64_t outputs) {
  return [=] { return std::make_shared<TestMlp>(features, outputs); };
}
MakeModel make_convnet(std::int64_t outputs) {
  return [=] { return std::make_shared<TestConvnet>(outputs); };
}
MakeModel make_operator_zoo(std::int64_t outputs) {
  return [=] { return std::make_shared<OperatorZoo>(outputs); };
}
MakeModel make_unmapped(std::int64_t features) {
  return [=] { return std::make_shared<Unmapped>(features); };
}
MakeModel make_baked(std::int64_t features) {
  return [=] { return std::make_shared<Baked>(features); };
}

Preprocessing numeric_columns(std::int64_t count, std::vector<std::string> labels) {
  Preprocessing result;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto number = static_cast<double>(i);
    result.numeric.push_back({fmt::format("V{}", i), 0.3 * number - 1, 1 / (0.7 + 0.1 * number),
                              i % 3 == 0 ? std::optional(0.25 * number) : std::nullopt});
  }
  result.targets = {"Class"};
  result.labels = std::move(labels);
  return result;
}

Preprocessing mixed_columns(std::vector<std::string> labels) {
  Preprocessing result = numeric_columns(3, std::move(labels));
  result.categorical.push_back({"color", {"blue", "green", "très rouge"}, true});
  result.categorical.push_back({"class", {"first", "second"}, false});
  return result;
}

Preprocessing named_tensors(std::vector<std::string> labels) {
  Preprocessing result;
  result.signature = Signature{{{.name = "series", .dims = {4, 2}, .pad = 0.5, .mask = "known"},
                                {.name = "known", .type = at::kBool, .dims = {4}},
                                {.name = "kind", .type = at::kLong, .below = 5},
                                {.name = "counts", .type = at::kLong, .dims = {3}},
                                {.name = "when", .type = at::kDouble}}};
  result.targets = {"amount"};
  result.labels = std::move(labels);
  return result;
}

MakeModel make_sequences(std::int64_t outputs) {
  return [=]() -> Network {
    const auto module = std::make_shared<Sequences>(outputs);
    return {module, [&taker = *module](const Fields& inputs) { return taker.forward(inputs); }};
  };
}

Preprocessing token_input(std::int64_t context, std::int64_t vocabulary, bool texts) {
  Preprocessing result;
  result.tokens = TokenInput{.context = context, .vocabulary = vocabulary};
  for (std::int64_t i = 0; texts && i < vocabulary; ++i)
    result.tokens->texts.emplace_back(1, static_cast<char>('a' + i));
  return result;
}

Head labels_head() { return {AnswerForm::labels, 3, {{HeadOperation::Kind::sigmoid}}, {0.5, 0.45, 0.6}, {}}; }

Head values_head() {
  return {AnswerForm::values,
          3,
          {{HeadOperation::Kind::scale, {250, 0.5, 3}, {1000, -2, 0}}},
          {},
          {"low", "middle, or so", "high"}};
}

Head exponential_head() { return {AnswerForm::values, 1, {{HeadOperation::Kind::exponential}}, {}, {}}; }

Manifest make_manifest(const std::string& name, const std::string& task, Preprocessing preprocessing) {
  auto head = head_of_earlier(task, preprocessing, 0.37);
  auto manifest = make_manifest(name, std::move(head), std::move(preprocessing));
  manifest.task = task;
  return manifest;
}

Manifest make_manifest(const std::string& name, Head head, Preprocessing preprocessing) {
  Manifest manifest;
  manifest.name = name;
  manifest.task = "a task of its own";
  manifest.head = std::move(head);
  manifest.preprocessing = std::move(preprocessing);
  manifest.metrics = {{"accuracy", 0.75}};
  manifest.provenance = {{"config_hash", "00112233"}, {"libraries", {{"mpi", "4.1"}}}};
  return manifest;
}

ExportRequest request_of(const std::filesystem::path& base, Manifest manifest, const MakeModel& make) {
  auto model = make();
  model->to(at::kDouble);
  model->train();
  return {base, std::move(manifest), model, make, {"torchscript", "onnx"}};
}

std::vector<std::string> verify_command() { return {VERIFY_EXPORT_PROGRAM}; }

std::vector<std::string> entries(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (std::filesystem::exists(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ringtrain::test
