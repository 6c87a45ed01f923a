#include "trainer/weights/weight_fit.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include <limits>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// body (2 → 3), norm, fc (3 → 2).
class Net : public torch::nn::Module {
 public:
  Net() {
    body = register_module("body", torch::nn::Linear(2, 3));
    norm = register_module("norm", torch::nn::BatchNorm1d(3));
    fc = register_module("fc", torch::nn::Linear(3, 2));
  }
  torch::nn::Linear body{nullptr}, fc{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
};

StoredWeights whole() {
  StoredWeights stored;
  stored.where = "some.safetensors";
  stored.tensors = {{"body.weight", at::full({3, 2}, 1.0)},
                    {"body.bias", at::full({3}, 2.0)},
                    {"norm.weight", at::full({3}, 3.0)},
                    {"norm.bias", at::full({3}, 4.0)},
                    {"norm.running_mean", at::full({3}, 5.0)},
                    {"norm.running_var", at::full({3}, 6.0)},
                    {"norm.num_batches_tracked", at::scalar_tensor(7, at::kLong)},
                    {"fc.weight", at::full({2, 3}, 8.0)},
                    {"fc.bias", at::full({2}, 9.0)}};
  return stored;
}

WeightsConfig config(const std::function<void(WeightsConfig&)>& change = [](WeightsConfig&) {}) {
  WeightsConfig result;
  result.from = "some.safetensors";
  change(result);
  return result;
}

std::string refusal(const StoredWeights& stored, const WeightsConfig& config) {
  try {
    fit_weights(stored, config, nullptr, Net());
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

bool told(const FittedWeights& fitted, std::string_view text) {
  return std::any_of(fitted.told.begin(), fitted.told.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

TEST(WeightFit, AllOfIt) {
  Net net;
  const auto stored = whole();
  const auto fitted = fit_weights(stored, config(), nullptr, net);
  take_weights(fitted, net);
  for (const auto& item : net.named_parameters())
    EXPECT_TRUE(at::equal(item.value(), stored.tensors.at(item.key()))) << item.key();
  for (const auto& item : net.named_buffers())
    EXPECT_TRUE(at::equal(item.value(), stored.tensors.at(item.key()))) << item.key();
  EXPECT_TRUE(told(fitted, "9 tensors, 30 numbers")) << fitted.told[0];
  EXPECT_EQ(fitted.told.size(), 1U);
}

TEST(WeightFit, EverythingThatDoesNotFitIsSaidAtOnce) {
  auto stored = whole();
  stored.tensors.erase("body.bias");
  stored.tensors["head.weight"] = at::ones({2});
  stored.tensors["fc.weight"] = at::ones({1000, 3});
  stored.tensors["norm.bias"] = at::full({3}, std::numeric_limits<float>::quiet_NaN());
  const auto text = refusal(stored, config());
  for (const char* part :
       {"missing in the file: body.bias", "not in the model: head.weight",
        "fc.weight [1000, 3] there, [2, 3] here", "not finite: norm.bias", "model.weights.ignore"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(WeightFit, NotStrictTakesWhatFitsAndTellsTheRest) {
  auto stored = whole();
  stored.tensors.erase("body.bias");
  stored.tensors["head.weight"] = at::ones({2});
  stored.tensors["fc.weight"] = at::ones({1000, 3});
  const auto loose = config([](WeightsConfig& c) { c.strict = false; });
  const auto fitted = fit_weights(stored, loose, nullptr, Net());
  EXPECT_EQ(fitted.tensors.size(), 7U);
  EXPECT_TRUE(told(fitted, "missing in the file: body.bias"));
  EXPECT_TRUE(told(fitted, "not in the model: head.weight"));
  EXPECT_TRUE(told(fitted, "of another shape: fc.weight [1000, 3] there, [2, 3] here"));
  stored.tensors["norm.bias"] = at::full({3}, std::numeric_limits<float>::infinity());
  EXPECT_NE(refusal(stored, loose).find("not finite: norm.bias"), std::string::npos);
  StoredWeights other;
  other.tensors = {{"x", at::ones({1})}};
  EXPECT_NE(refusal(other, loose).find("none of its weights fits"), std::string::npos);
}

TEST(WeightFit, ANewHead) {
  auto stored = whole();
  stored.tensors["fc.weight"] = at::ones({1000, 3});
  stored.tensors["fc.bias"] = at::ones({1000});
  Net net;
  const auto before = net.fc->weight.clone();
  const auto fitted =
      fit_weights(stored, config([](WeightsConfig& c) { c.ignore = {"fc.*"}; }), nullptr, net);
  take_weights(fitted, net);
  EXPECT_TRUE(at::equal(net.fc->weight, before));
  EXPECT_EQ(net.body->weight[0][0].item<float>(), 1);
  EXPECT_TRUE(told(fitted, "start at random: fc.bias, fc.weight"));
  EXPECT_NE(refusal(stored, config([](WeightsConfig& c) {
                      c.ignore = {"fc.*", "hed.*"};
                    }))
                .find("'hed.*' matches no name"),
            std::string::npos);
}

TEST(WeightFit, OtherNames) {
  StoredWeights stored;
  for (const auto& [name, tensor] : whole().tensors)
    stored.tensors[(name.starts_with("fc") ? "head" + name.substr(2) : "net." + name)] = tensor;
  const auto renames = [](WeightsConfig& c) { c.rename = {{"net.*", "*"}, {"head.*", "fc.*"}}; };
  EXPECT_EQ(fit_weights(stored, config(renames), nullptr, Net()).tensors.size(), 9U);
  const auto clash = refusal(stored, config([](WeightsConfig& c) { c.rename = {{"*", "fc.weight"}}; }));
  EXPECT_NE(clash.find("both become 'fc.weight'"), std::string::npos) << clash;
  const auto idle = refusal(whole(), config([](WeightsConfig& c) { c.rename = {{"nett.*", "*"}}; }));
  EXPECT_NE(idle.find("'nett.*' matches no name"), std::string::npos) << idle;
}

TEST(WeightFit, AWordBeforeAllNamesIsToldWithItsRule) {
  StoredWeights stored;
  for (const auto& [name, tensor] : whole().tensors) stored.tensors["net." + name] = tensor;
  const auto said = refusal(stored, config());
  EXPECT_NE(said.find("set model.weights.rename: {match: \"net.*\", to: \"*\"}"), std::string::npos) << said;
  EXPECT_EQ(fit_weights(stored, config([](WeightsConfig& c) {
                          c.rename = {{"net.*", "*"}};
                        }),
                        nullptr, Net())
                .tensors.size(),
            9U);
}

TEST(WeightFit, OtherTypes) {
  auto stored = whole();
  stored.tensors["body.weight"] = at::full({3, 2}, 1.5, at::kHalf);
  stored.tensors["fc.bias"] = at::full({2}, 0.1, at::kDouble);
  const auto fitted = fit_weights(stored, config(), nullptr, Net());
  EXPECT_EQ(fitted.tensors.at("body.weight").scalar_type(), at::kFloat);
  EXPECT_EQ(fitted.tensors.at("body.weight")[0][0].item<float>(), 1.5);
  EXPECT_EQ(fitted.tensors.at("fc.bias")[0].item<float>(), 0.1F);
  EXPECT_TRUE(told(fitted, "1 tensors are Half there, Float here"));
  stored.tensors["fc.bias"] = at::full({2}, 1e300, at::kDouble);
  EXPECT_NE(refusal(stored, config()).find("not finite: fc.bias"), std::string::npos)
      << "too large for float32";
  stored.tensors["fc.bias"] = at::full({2}, 1, at::kLong);
  EXPECT_NE(refusal(stored, config()).find("fc.bias is Long there, Float here"), std::string::npos);
}

TEST(WeightFit, FilesOfBeforeBatchesWereCounted) {
  auto stored = whole();
  stored.tensors.erase("norm.num_batches_tracked");
  EXPECT_TRUE(told(fit_weights(stored, config(), nullptr, Net()), "num_batches_tracked are not in the file"));
}

}  // namespace
}  // namespace ringtrain
