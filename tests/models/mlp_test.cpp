#include "models/mlp.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/embedding.h>
#include <torch/types.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

const std::vector<CodedColumn> kColumns{{"shop", 5}, {"user", 9}};

Fields inputs(const at::Tensor& numbers, const at::Tensor& codes) {
  std::vector<Fields::Field> fields;
  if (numbers.defined()) fields.emplace_back(kNumericInput, numbers);
  fields.emplace_back(kCategoriesInput, codes);
  return Fields(std::move(fields));
}

/// A network without hidden layers whose answer shows which rows of the tables it read.
TEST(Mlp, ReadsTheRowOfEachCode) {
  const at::NoGradGuard no_grad;
  MlpKind kind;
  kind.hidden.clear();
  kind.embedding_widths = {2, 1};
  const auto network = kind.make({.features = 1, .outputs = 1, .categories = kColumns});
  auto parameters = network->named_parameters();
  EXPECT_EQ(parameters.keys(), (std::vector<std::string>{"embedding0.weight", "embedding1.weight",
                                                         "output.weight", "output.bias"}));
  for (const char* table : {"embedding0.weight", "embedding1.weight"})
    EXPECT_EQ(parameters[table].abs().max().item<float>(), 0) << table;
  parameters["embedding0.weight"].copy_(torch::arange(10, at::kFloat).reshape({5, 2}));
  parameters["embedding1.weight"].copy_(100 * torch::arange(9, at::kFloat).reshape({9, 1}));
  parameters["output.weight"].copy_(torch::tensor({{0.5f, 1.0f, 10000.0f, 1.0f}}));
  parameters["output.bias"].zero_();
  const auto answers = network.forward(
      inputs(torch::tensor({{2.0f}, {0.0f}, {-2.0f}}), torch::tensor({{0, 8}, {3, 0}, {4, 1}}, at::kLong)));
  EXPECT_TRUE(torch::equal(
      answers, torch::tensor({{1 + 0 + 10000.0f + 800}, {0 + 6 + 70000.0f + 0}, {-1 + 8 + 90000.0f + 100}})))
      << answers;
  EXPECT_ANY_THROW(network.forward(inputs(torch::zeros({1, 1}), torch::tensor({{5, 0}}, at::kLong))));
}

/// Tables begin at 0 and leave it where a batch has their codes, and nowhere else.
TEST(Mlp, OnlyCodesOfABatchAreTrained) {
  torch::manual_seed(1);
  MlpKind kind;
  kind.hidden = {4};
  kind.activation = "tanh";
  const auto network = kind.make({.features = 0, .outputs = 1, .categories = {kColumns[0]}});
  const auto codes = torch::tensor({{2}, {4}, {2}}, at::kLong);
  network.forward(inputs({}, codes)).sum().backward();
  const auto gradient = network->named_parameters()["embedding0.weight"].grad();
  const auto moved = gradient.abs().sum(1).gt(0);
  EXPECT_TRUE(torch::equal(moved, torch::tensor({0, 0, 1, 0, 1}, at::kBool))) << gradient;
}

TEST(Mlp, WidthsOfTables) {
  // fastai's round(1.6 n^0.56), computed by hand; 50 at the most.
  EXPECT_EQ(embedding_width(3), 3);
  EXPECT_EQ(embedding_width(10), 6);
  EXPECT_EQ(embedding_width(100), 21);
  EXPECT_EQ(embedding_width(32769), 50);
  const MlpKind kind;
  const auto parameters =
      kind.make({.features = 2, .outputs = 1, .categories = {{"a", 3}, {"b", 100}}})->named_parameters();
  EXPECT_EQ(parameters["embedding0.weight"].sizes(), (std::vector<std::int64_t>{3, 3}));
  EXPECT_EQ(parameters["embedding1.weight"].sizes(), (std::vector<std::int64_t>{100, 21}));
  EXPECT_EQ(parameters["hidden0.weight"].sizes(), (std::vector<std::int64_t>{64, 26}));

  MlpKind wrong;
  wrong.embedding_widths = {1, 2, 3};
  try {
    wrong.make({.features = 2, .outputs = 1, .categories = kColumns});
    ADD_FAILURE() << "three widths for two columns";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("(shop, user)"), std::string::npos) << error.what();
  }
}

/// A network of features alone is what it was: the same parameters of the same random numbers.
TEST(Mlp, WithoutCodesNothingChanges) {
  const MlpKind kind;
  torch::manual_seed(3);
  const auto plain = kind.make({.features = 4, .outputs = 1});
  torch::manual_seed(3);
  const auto coded = kind.make({.features = 0, .outputs = 1, .categories = {{"a", 6}}});  // a width of 4
  EXPECT_EQ(embedding_width(6), 4);
  EXPECT_EQ(plain->named_parameters().keys().front(), "hidden0.weight");
  EXPECT_TRUE(
      torch::equal(plain->named_parameters()["hidden0.weight"], coded->named_parameters()["hidden0.weight"]));
  EXPECT_EQ(plain.forward(torch::zeros({3, 4})).sizes(), (std::vector<std::int64_t>{3, 1}));
}

}  // namespace
}  // namespace ringtrain
