#include "trainer/weights/pickle.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Kind = PickleValue::Kind;
using namespace std::string_literals;

std::string refusal(std::string_view bytes) {
  try {
    Pickle pickle(bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

// Bytes are Python's: pickle.dumps({"a": [1, -2, 300, 2.5, None, True], "b": ("x", 2**40, -2**40)},
// protocol=2).
TEST(Pickle, PlainValues) {
  const Pickle pickle(
      "\x80\x02}q\x00(X\x01\x00\x00\x00"
      "aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88"
      "eX\x01\x00\x00\x00"
      "bq\x03X\x01\x00\x00\x00xq\x04\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xff\x87q\x05u."s);
  const auto* list = pickle.root().find("a");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->items.size(), 6U);
  EXPECT_EQ(list->items[0]->integer, 1);
  EXPECT_EQ(list->items[1]->integer, -2);
  EXPECT_EQ(list->items[2]->integer, 300);
  EXPECT_EQ(list->items[3]->real, 2.5);
  EXPECT_TRUE(list->items[4]->is(Kind::none));
  EXPECT_TRUE(list->items[5]->is(Kind::boolean));
  EXPECT_EQ(list->items[5]->integer, 1);
  const auto* tuple = pickle.root().find("b");
  ASSERT_EQ(tuple->items.size(), 3U);
  EXPECT_EQ(tuple->items[0]->text, "x");
  EXPECT_EQ(tuple->items[1]->integer, std::int64_t{1} << 40);
  EXPECT_EQ(tuple->items[2]->integer, -(std::int64_t{1} << 40));
  EXPECT_EQ(pickle.root().find("c"), nullptr);
}

// The pickle of an object whose __reduce__ is (os.system, ("true",)): a name with its arguments, not run.
TEST(Pickle, ACallIsAName) {
  const Pickle pickle(
      "\x80\x02"
      "cposix\nsystem\nX\x04\x00\x00\x00true\x85R."s);
  EXPECT_TRUE(pickle.root().is(Kind::call));
  EXPECT_EQ(pickle.root().text, "posix.system");
  EXPECT_EQ(pickle.root().items.at(0)->text, "true");
}

TEST(Pickle, AnOrderedDictWithAttributesIsADict) {
  const Pickle pickle(
      "\x80\x02"
      "ccollections\nOrderedDict\n)Rq\x00X\x01\x00\x00\x00kK\x07s}X\x01\x00\x00\x00mNsb."s);
  EXPECT_EQ(pickle.root().find("k")->integer, 7);
}

TEST(Pickle, WhatEndsTooEarlyOrUsesWhatIsNotThere) {
  const std::string whole = "\x80\x02}X\x01\x00\x00\x00kK\x07s."s;
  EXPECT_EQ(refusal(whole), "");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(refusal(whole.substr(0, length)), "") << length;
  EXPECT_NE(refusal("X\xff\xff\xff\xff.").find("ends too early"), std::string::npos);
  EXPECT_NE(refusal("h\x05.").find("has not"), std::string::npos);
  EXPECT_NE(refusal("a.").find("too many"), std::string::npos);
  EXPECT_NE(refusal("}(0.").find("too many"), std::string::npos) << "a value below a mark";
  EXPECT_NE(refusal("}u.").find("did not begin"), std::string::npos);
  EXPECT_NE(refusal("}(K\x01u.").find("without a value"), std::string::npos);
  EXPECT_NE(refusal("\xff.").find("0xff"), std::string::npos);
}

}  // namespace
}  // namespace ringtrain
