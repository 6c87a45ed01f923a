#include "data/schema/signature.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.h"
#include "data/schema/collate.h"
#include "data/schema/preprocessing.h"

namespace ringtrain {
namespace {

/// A series of up to three pairs with its mask, a word of five, and a number.
Signature example() {
  return {{{.name = "series", .dims = {3, 2}, .pad = -1, .mask = "known"},
           {.name = "known", .dims = {3}},
           {.name = "word", .type = at::kLong, .dims = {}, .below = 5},
           {.name = "amount", .dims = {}}}};
}

Fields sample(const std::vector<float>& series, std::int64_t word, double amount) {
  const auto entries = static_cast<std::int64_t>(series.size() / 2);
  return Fields({{"series", at::tensor(series).reshape({entries, 2})},
                 {"word", at::scalar_tensor(word, at::kLong)},
                 {"amount", at::scalar_tensor(amount, at::kDouble)}});
}

template <class Call>
std::string refused(const Call& call) {
  try {
    call();
  } catch (const DataError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Signature, JsonKeepsAll) {
  Preprocessing schema;
  schema.signature = example();
  schema.targets = {"y"};
  const auto back =
      Preprocessing::from_json(nlohmann::json::parse(schema.to_json().dump())).signature.value();
  ASSERT_EQ(back.inputs.size(), 4U);
  const auto& series = back.inputs[0];
  EXPECT_EQ(series.name, "series");
  EXPECT_EQ(series.type, at::kFloat);
  EXPECT_EQ(series.dims, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(series.pad, -1);
  EXPECT_EQ(series.mask, "known");
  EXPECT_EQ(back.inputs[2].type, at::kLong);
  EXPECT_EQ(back.inputs[2].below, 5);
  EXPECT_FALSE(back.inputs[3].pad.has_value());
  EXPECT_EQ(back.values(), 6 + 3 + 1 + 1);
  EXPECT_EQ(back.given().size(), 3U);
  schema.signature.reset();
  EXPECT_FALSE(schema.to_json().contains("signature")) << "what has none is written as before";
}

TEST(Signature, SaysAllThatIsWrong) {
  const Signature wrong{{{.name = "a b"},
                         {.name = "self"},
                         {.name = "x", .type = at::kHalf, .dims = {0}},
                         {.name = "x", .pad = 0},
                         {.name = "m", .dims = {2}},
                         {.name = "s", .type = at::kLong, .dims = {3}, .pad = 0.5, .mask = "m"},
                         {.name = "t", .dims = {2}, .mask = "m"},
                         {.name = "u", .dims = {2}, .pad = 0, .mask = "nowhere"}}};
  const auto text = refused([&] { wrong.require_valid(); });
  for (const char* part :
       {"input 'a b': its name is no identifier", "input 'self': its name means something else",
        "input 'x': its type Half is none of float32, float64, int64, bool", "its dims [0] are not possible",
        "input 'x': there are two of this name", "`pad` needs a dimension",
        "input 's': its type does not hold the pad 0.5", "its mask 'm' must be float32 or bool [3]",
        "input 't': `mask` is for an input with a `pad`", "there is no input 'nowhere', its mask"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
  EXPECT_EQ(refused([] { Signature().require_valid(); }), "signature: there are no inputs");
  auto json = example().to_json();
  json[0]["type"] = "complex64";
  EXPECT_NE(refused([&] { Signature::from_json(json); }).find("unknown type 'complex64'"), std::string::npos);
  EXPECT_EQ(refused([] { example().require_valid(); }), "nothing was thrown");
}

TEST(Collate, FillsUpAndMakesTheMask) {
  const auto batch =
      collate(example(), {sample({1, 2, 3, 4}, 4, 0.5), sample({}, 0, 2), sample({1, 2, 3, 4, 5, 6}, 1, -1)});
  EXPECT_TRUE(at::equal(batch.at("series"), at::tensor({1.F, 2.F, 3.F, 4.F, -1.F, -1.F, -1.F, -1.F, -1.F,
                                                        -1.F, -1.F, -1.F, 1.F, 2.F, 3.F, 4.F, 5.F, 6.F})
                                                .view({3, 3, 2})));
  EXPECT_TRUE(
      at::equal(batch.at("known"), at::tensor({1.F, 1.F, 0.F, 0.F, 0.F, 0.F, 1.F, 1.F, 1.F}).view({3, 3})));
  EXPECT_TRUE(at::equal(batch.at("word"), at::tensor({4, 0, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(batch.at("amount"), at::tensor({0.5F, 2.F, -1.F})));
  std::vector<std::string> order;
  for (const auto& [name, tensor] : batch) order.push_back(name);
  EXPECT_EQ(order, (std::vector<std::string>{"series", "known", "word", "amount"}));
  require_inputs(example(), batch);
  EXPECT_EQ(collate(example(), {}).samples(), 0);
}

TEST(Collate, ARunInFloat64HasFloat64AndIsServedFloat32) {
  const auto batch = collate(example(), {sample({1, 2}, 4, 0.1)}, at::kDouble);
  EXPECT_EQ(batch.at("amount").item<double>(), 0.1);
  EXPECT_EQ(batch.at("known").scalar_type(), at::kDouble);
  EXPECT_EQ(batch.at("word").scalar_type(), at::kLong);
  require_inputs(example(), batch, at::kDouble);
  EXPECT_TRUE(as_served(example(), batch).is_like(collate(example(), {sample({1, 2}, 4, 0.1)})));
}

TEST(Collate, SaysAllThatIsWrongWithASample) {
  EXPECT_EQ(
      refused([] {
        collate(example(), {sample({1, 2}, 0, 0), Fields({{"series", at::zeros({4, 2})},
                                                          {"word", at::scalar_tensor(0.5)},
                                                          {"known", at::ones({3})},
                                                          {"amuont", at::zeros({})}})});
      }),
      "sample 2: input 'series': 4 entries are more than the 3 that the model takes; give the last ones; "
      "input 'word': expected int64, got float32; input 'amount' is missing; input 'known' is made of "
      "'series', not given; there is no input 'amuont'");
  EXPECT_EQ(
      refused([] {
        collate(example(), {Fields({{"series", at::zeros({2, 3})},
                                    {"word", at::zeros({1}, at::kLong)},
                                    {"amount", at::zeros({})}})});
      }),
      "sample 1: input 'series': expected the dims [at most 3, 2], got [2, 3]; input 'word': expected the "
      "dims [], got [1]");
}

TEST(RequireInputs, RefusesWhatCollateCouldNotHaveMade) {
  const auto with = [](const char* name, const at::Tensor& tensor) {
    const auto good = collate(example(), {sample({1, 2}, 4, 0.5), sample({1, 2, 3, 4}, 0, 1)});
    std::vector<Fields::Field> fields;
    for (const auto& [known, value] : good) fields.emplace_back(known, known == name ? tensor : value);
    return refused([&] { require_inputs(example(), Fields(fields)); });
  };
  EXPECT_EQ(with("amount", at::tensor({1.F, NAN})), "input 'amount', row 2: a value is no finite number");
  EXPECT_EQ(with("word", at::tensor({4, 5}, at::kLong)),
            "input 'word', row 2: a value does not lie between 0 and 4");
  EXPECT_EQ(with("known", at::tensor({1.F, 0.F, 0.F, 0.F, 1.F, 0.F}).view({2, 3})),
            "input 'known', row 2: a mask is 1 for what is given, then 0 for the padding");
  EXPECT_EQ(with("known", at::tensor({1.F, 0.F, 0.F, 1.F, 0.F, 0.F}).view({2, 3})),
            "input 'series', row 2: its values are not the pad -1 where its mask 'known' is 0");
  EXPECT_EQ(with("amount", at::zeros({2}, at::kDouble)),
            "input 'amount': expected float32 [2], got float64 [2]");
}

}  // namespace
}  // namespace ringtrain
