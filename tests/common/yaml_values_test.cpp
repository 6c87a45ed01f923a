#include "common/yaml_values.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace ringtrain::config {
namespace {

TEST(YamlValues, AreListedWithTheirPaths) {
  const std::vector<std::pair<std::string, std::string>> expected{{"name", "a b"},
                                                                  {"trainer.epochs", "3"},
                                                                  {"trainer.optimizer.lr", "0.01"},
                                                                  {"hidden", "[8, 4]"},
                                                                  {"none", ""}};
  EXPECT_EQ(
      yaml_values("name: \"a b\"\ntrainer:\n  epochs: 3\n  optimizer: {lr: 0.01}\nhidden: [8, 4]\nnone:\n",
                  "x.yaml"),
      expected);
  EXPECT_TRUE(yaml_values("", "x.yaml").empty());
  EXPECT_THROW(yaml_values("a: [1\nb: }", "x.yaml"), ConfigError);
}

}  // namespace
}  // namespace ringtrain::config
