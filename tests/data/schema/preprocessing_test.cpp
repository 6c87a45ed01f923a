#include "data/schema/preprocessing.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "data/schema/vocabulary.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

Preprocessing example() {
  Preprocessing p;
  p.numeric = {{.name = "a", .shift = 1, .scale = 0.5, .fill = 3.0},
               {.name = "b", .shift = 0, .scale = 1, .fill = {}}};
  p.categorical = {{.name = "w", .vocabulary = {"x", "y"}, .missing_is_category = true},
                   {.name = "v", .vocabulary = {"k"}, .missing_is_category = false}};
  p.targets = {"t"};
  p.labels = {"no", "yes"};
  return p;
}

TEST(Preprocessing, FillsScalesAndEncodes) {
  const Preprocessing p = example();
  EXPECT_EQ(p.width(), 6);
  for (auto dtype : {at::kFloat, at::kDouble}) {
    const auto numbers =
        torch::tensor({5.0, 2.0, std::nan(""), -4.0, 1.0, 0.0, 0.0, 0.0}, dtype).reshape({4, 2});
    const auto codes = encode_words(p.categorical, {{"y", "", "new", "x"}, {"k", "k", "", "new"}}, 4);
    EXPECT_TRUE(torch::equal(codes, torch::tensor({1, 0, 2, 0, -1, 1, 0, -1}, at::kLong).reshape({4, 2})));
    const auto expected = torch::tensor({2.0,  2.0,  0.0, 1.0, 0.0, 1.0,   //
                                         1.0,  -4.0, 0.0, 0.0, 1.0, 1.0,   //
                                         0.0,  0.0,  0.0, 0.0, 0.0, 0.0,   //
                                         -0.5, 0.0,  1.0, 0.0, 0.0, 0.0},  //
                                        dtype)
                              .reshape({4, 6});
    const at::Tensor result = p.apply(numbers, codes, dtype);
    EXPECT_EQ(result.scalar_type(), dtype);
    EXPECT_TRUE(torch::equal(result, expected)) << result;
  }
}

TEST(Preprocessing, WithoutAFillAMissingValueStays) {
  Preprocessing p = example();
  p.numeric[0].fill.reset();
  p.categorical.clear();
  const at::Tensor result =
      p.apply(torch::tensor({{NAN, 1.0f}}), torch::empty({1, 0}, at::kLong), at::kFloat);
  EXPECT_TRUE(std::isnan(result[0][0].item<float>()));
  EXPECT_EQ(result[0][1].item<float>(), 1);
}

TEST(Preprocessing, TakesNoRows) {
  const Preprocessing p = example();
  EXPECT_EQ(p.apply(torch::empty({0, 2}), torch::empty({0, 2}, at::kLong), at::kFloat).only().sizes(),
            (std::vector<std::int64_t>{0, 6}));
}

TEST(Preprocessing, JsonKeepsEveryBit) {
  Preprocessing p = example();
  p.numeric[0].shift = 0.1;
  p.numeric[0].scale = 1.0 / 3;
  const Preprocessing q = Preprocessing::from_json(nlohmann::json::parse(p.to_json().dump()));
  ASSERT_EQ(q.numeric.size(), 2u);
  EXPECT_EQ(q.numeric[0].shift, 0.1);
  EXPECT_EQ(q.numeric[0].scale, 1.0 / 3);
  EXPECT_EQ(q.numeric[0].fill, 3.0);
  EXPECT_FALSE(q.numeric[1].fill.has_value());
  EXPECT_EQ(q.categorical[0].vocabulary, p.categorical[0].vocabulary);
  EXPECT_TRUE(q.categorical[0].missing_is_category);
  EXPECT_EQ(q.targets, std::vector<std::string>{"t"});
  EXPECT_EQ(q.labels, p.labels);
  EXPECT_EQ(q.to_json(), p.to_json());
}

TEST(Preprocessing, WideColumnsAreShiftedAndScaledInFloat64) {
  Preprocessing p;
  p.numeric = {{.name = "time", .shift = 1.7e12 + 50, .scale = 0.01, .fill = 1.7e12, .wide = true},
               {.name = "b", .shift = 0.1, .scale = 3, .fill = 0.5}};
  EXPECT_EQ(p.numeric_type(), at::kDouble);
  const auto numbers =
      torch::tensor({1.7e12 + 51, 0.3, std::nan(""), std::nan(""), 1.7e12 + 49, 1e300}, at::kDouble)
          .reshape({3, 2});
  const at::Tensor result = p.apply(numbers, torch::empty({3, 0}, at::kLong), at::kFloat);
  EXPECT_EQ(result.scalar_type(), at::kFloat);
  EXPECT_EQ(result[0][0].item<float>(), 0.01F);
  EXPECT_EQ(result[1][0].item<float>(), -0.5F);
  EXPECT_EQ(result[2][0].item<float>(), -0.01F);
  // The narrow one in float32, as it is without a wide one beside it.
  Preprocessing alone;
  alone.numeric = {p.numeric[1]};
  const at::Tensor narrow = alone.apply(numbers.select(1, 1).unsqueeze(1).to(at::kFloat),
                                        torch::empty({3, 0}, at::kLong), at::kFloat);
  EXPECT_TRUE(torch::equal(result.select(1, 1), narrow.select(1, 0)));
  const auto back = Preprocessing::from_json(p.to_json());
  EXPECT_TRUE(back.numeric[0].wide);
  EXPECT_FALSE(back.numeric[1].wide);
}

TEST(Preprocessing, WhatWasWrittenBeforeVersionsMeansWhatItMeant) {
  auto json = example().to_json();
  for (const char* key : {"schema_version", "missing", "unseen"}) json.erase(key);
  for (auto& column : json["categorical"]) column.erase("missing_is_unseen");
  const auto old = Preprocessing::from_json(json);
  EXPECT_EQ(old.reading.version, 1);
  EXPECT_EQ(old.reading.missing, ReadingRules::usual_missing());
  EXPECT_FALSE(old.refuse_unseen);
  EXPECT_FALSE(old.categorical[1].takes_missing());
  json = example().to_json();
  json["schema_version"] = 99;
  EXPECT_CONTAINS(testing::data_error([&] { Preprocessing::from_json(json); }), "version 99");
}

TEST(Preprocessing, JsonNamesWhatIsWrong) {
  auto json = example().to_json();
  json["numeric"][1].erase("scale");
  EXPECT_CONTAINS(testing::data_error([&] { Preprocessing::from_json(json); }), "field 'scale'");
  json = example().to_json();
  json["labels"] = "no";
  EXPECT_CONTAINS(testing::data_error([&] { Preprocessing::from_json(json); }), "field 'labels'");
  EXPECT_CONTAINS(testing::data_error([&] { Preprocessing::from_json(nlohmann::json::array()); }),
                  "field 'numeric'");
}

TEST(Preprocessing, TokensComeBackFromJson) {
  Preprocessing p;
  EXPECT_FALSE(Preprocessing::from_json(p.to_json()).tokens.has_value());
  p.tokens = TokenInput{.context = 4, .vocabulary = 3, .texts = {"a", "\n", "é"}};
  const auto back = Preprocessing::from_json(p.to_json()).tokens.value();
  EXPECT_EQ(back.context, 4);
  EXPECT_EQ(back.vocabulary, 3);
  EXPECT_EQ(back.texts, p.tokens->texts);
}

TEST(Preprocessing, TheScaleOfARegressionsTargetIsKept) {
  Preprocessing p;
  p.targets = {"price"};
  p.target_scales = {{.shift = 1234.5, .scale = 0.1}};
  EXPECT_EQ(p.to_json()["target"], "price");
  EXPECT_EQ(p.to_json()["target_shift"], 1234.5);
  EXPECT_EQ(p.to_json()["target_scale"], 0.1);
  const auto read = Preprocessing::from_json(p.to_json());
  EXPECT_EQ(read.target_scales, p.target_scales);
  EXPECT_TRUE(read.scales_target());
  auto old = p.to_json();  // as it was written before there was a scale
  old.erase("target_shift");
  old.erase("target_scale");
  EXPECT_FALSE(Preprocessing::from_json(old).scales_target());
  auto bad = p.to_json();
  bad["target_scale"] = 0;
  EXPECT_THROW(Preprocessing::from_json(bad), DataError);
  bad["target_scale"] = {1, 2};
  EXPECT_THROW(Preprocessing::from_json(bad), DataError);
}

TEST(Preprocessing, AScaleOfNothingIsNone) {
  Preprocessing p;
  p.targets = {"price"};
  EXPECT_EQ(p.to_json()["target_shift"], 0.0);
  EXPECT_EQ(p.to_json()["target_scale"], 1.0);
  EXPECT_TRUE(Preprocessing::from_json(p.to_json()).target_scales.empty());
  p.target_scales = {{.shift = 0, .scale = 1}};
  EXPECT_FALSE(p.scales_target());
  EXPECT_EQ(Preprocessing().scale_of(0), TargetScale());
}

TEST(Preprocessing, SeveralTargetsAreListsInJson) {
  Preprocessing p;
  p.targets = {"x", "y"};
  p.target_scales = {{.shift = 0, .scale = 1}, {.shift = -2, .scale = 1.0 / 3}};
  const auto json = nlohmann::json::parse(p.to_json().dump());
  EXPECT_EQ(json["target"], nlohmann::json({"x", "y"}));
  EXPECT_EQ(json["target_shift"], nlohmann::json({0.0, -2.0}));
  const auto read = Preprocessing::from_json(json);
  EXPECT_EQ(read.targets, p.targets);
  EXPECT_EQ(read.target_scales, p.target_scales);
  EXPECT_EQ(read.scale_of(1).shift, -2);
  for (const auto& wrong : {nlohmann::json(1.0), nlohmann::json({1, 2, 3}), nlohmann::json({1, 0})}) {
    auto bad = json;
    bad["target_scale"] = wrong;
    EXPECT_THROW(Preprocessing::from_json(bad), DataError) << wrong;
  }
  p.target_scales.clear();
  EXPECT_TRUE(Preprocessing::from_json(p.to_json()).target_scales.empty());
  p.labels = p.targets;  // of flags
  const auto flags = Preprocessing::from_json(p.to_json());
  EXPECT_EQ(flags.targets, p.targets);
  EXPECT_EQ(flags.labels, p.labels);
}

}  // namespace
}  // namespace ringtrain
