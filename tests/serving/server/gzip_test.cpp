#include "serving/server/gzip.h"

#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

/// gzip of "hello", by Python's gzip.compress(b"hello", mtime=0).
const std::string kHello = std::string(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00", 25);

TEST(Gunzip, OneMemberOrSeveral) {
  EXPECT_EQ(gunzip(kHello, {}), "hello");
  EXPECT_EQ(gunzip(kHello + kHello, {}), "hellohello");
}

TEST(Gunzip, WhatIsNoneOrCutOff) {
  for (const auto& wrong : {std::string("hello"), std::string(), kHello + "x"})
    EXPECT_THROW(gunzip(wrong, {}), DataError);
  for (std::size_t length = 1; length < kHello.size(); ++length)
    EXPECT_THROW(gunzip(kHello.substr(0, length), {}), DataError) << length;
}

TEST(Gunzip, NoMoreThanTheLimits) {
  EXPECT_EQ(gunzip(kHello, {.bytes = 5}), "hello");
  EXPECT_EQ(thrown<TooLarge>([] { gunzip(kHello, {.bytes = 4}); }),
            "the body is larger than 4 bytes when it is unpacked");
  std::string many;
  for (int i = 0; i < 20; ++i) many += kHello;
  EXPECT_EQ(gunzip(many, {.bytes = 1000, .ratio = 1, .free_bytes = 0}).size(), 100U);
  EXPECT_EQ(thrown<TooLarge>([&] { gunzip(many, {.bytes = 1000, .ratio = 0, .free_bytes = 50}); }),
            "the body is more than 0 times as large when it is unpacked; send it as it is");
}

}  // namespace
}  // namespace ringtrain::test
