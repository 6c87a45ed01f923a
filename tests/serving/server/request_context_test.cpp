#include "serving/server/request_context.h"

#include <gtest/gtest.h>

#include "serving/server/http_server.h"

namespace ringtrain::test {
namespace {

TEST(RequestId, AsGivenOrDrawn) {
  EXPECT_EQ(request_id("order-7/b"), "order-7/b");
  EXPECT_EQ(request_id(std::string(128, 'x')), std::string(128, 'x'));
  for (const auto& wrong : {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\nb"),
                            std::string("\xC3\xA9")}) {
    const auto id = request_id(wrong);
    EXPECT_EQ(id.size(), 16U);
    EXPECT_NE(id, request_id(wrong));
  }
}

TEST(Traceparent, OnlyWhatIsOne) {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(well_formed_traceparent(good), good);
  EXPECT_EQ(well_formed_traceparent("01" + good.substr(2) + "-00ab"), "01" + good.substr(2) + "-00ab");
  for (const auto& wrong :
       {std::string(), good.substr(1), good + "-00", "ff" + good.substr(2), "0G" + good.substr(2),
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"), good.substr(0, 54) + "\n",
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")})
    EXPECT_EQ(well_formed_traceparent(wrong), "") << wrong;
}

TEST(PathOfTarget, OriginAndAbsoluteForm) {
  EXPECT_EQ(path_of_target("/v1/models?a=b"), "/v1/models");
  EXPECT_EQ(path_of_target("http://host:8501/v1/models?a"), "/v1/models");
  EXPECT_EQ(path_of_target("https://host"), "/");
  EXPECT_EQ(path_of_target("http://host?a"), "/");
  EXPECT_EQ(path_of_target("/v1/http://x"), "/v1/http://x");
  EXPECT_EQ(path_of_target("*"), "*");
}

}  // namespace
}  // namespace ringtrain::test
