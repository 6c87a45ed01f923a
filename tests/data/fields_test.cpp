#include "data/fields.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

Fields two() { return Fields({{"ids", torch::arange(6).reshape({3, 2})}, {"mask", torch::ones({3, 4})}}); }

TEST(Fields, OneTensorIsTakenWithoutItsName) {
  const Fields one = torch::arange(3);
  EXPECT_EQ(one.size(), 1U);
  EXPECT_EQ(one.samples(), 3);
  EXPECT_TRUE(torch::equal(one.only(), torch::arange(3)));
  EXPECT_TRUE(Fields(at::Tensor()).empty());
  EXPECT_THROW(Fields().only(), Error);
}

TEST(Fields, SeveralAreTakenByName) {
  const auto fields = two();
  EXPECT_EQ(fields.at("mask").sizes(), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(fields.begin()->first, "ids");
  try {
    fields.only();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("2 tensors here (ids, mask)"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(fields.at("masc"), Error);
  EXPECT_THROW(Fields({{"a", torch::ones(1)}, {"a", torch::ones(1)}}), Error);
}

TEST(Fields, PartsCopiesAndComparisons) {
  const auto fields = two();
  EXPECT_EQ(fields.narrow(1, 2).samples(), 2);
  EXPECT_TRUE(torch::equal(fields.narrow(1, 1).at("ids"), torch::tensor({{2, 3}})));
  const auto copy = fields.clone();
  copy.at("mask").zero_();
  EXPECT_EQ(fields.at("mask").sum().item<double>(), 12);
  copy.copy_from(fields);
  EXPECT_EQ(copy.at("mask").sum().item<double>(), 12);
  EXPECT_TRUE(fields.is_like(copy));
  EXPECT_FALSE(fields.is_like(fields.narrow(0, 2)));
  EXPECT_FALSE(fields.is_like(torch::ones({3, 2})));
  EXPECT_FALSE(fields.is_like(fields.map([](const at::Tensor& tensor) { return tensor.to(at::kDouble); })));
}

}  // namespace
}  // namespace ringtrain
