#include "common/config_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "common/errors.h"
#include "common/yaml_reader.h"
#include "tests/common/sample_config.h"

namespace ringtrain::config {
namespace {

using ringtrain::testing::SampleConfig;

std::string yaml_of(SampleConfig config) {
  return to_yaml([&config](Visitor& v) { config.describe(v); });
}

std::string reference(std::string_view under = {}) {
  SampleConfig config;
  return to_markdown([&config](Visitor& v) { config.describe(v); }, "Configuration", under);
}

TEST(ConfigWriter, TheResolvedYaml) {
  EXPECT_EQ(
      yaml_of({}),
      "name: job\ncolumns: [a, \"V*\"]\nhidden: [64, 32]\nweights: []\nlimit: 1\ntrainer:\n  epochs: 3\n"
      "  shuffle: true\n  device: cpu\n  optimizer:\n    type: sgd\n    lr: 0.1\n    momentum: 0.9\n");
}

void expect_same_when_read_back(const SampleConfig& config) {
  const std::string text = yaml_of(config);
  SampleConfig back;
  YamlDocument::from_text(text, "back.yaml").read([&back](Visitor& v) { back.describe(v); });
  EXPECT_EQ(back, config) << text;
  EXPECT_EQ(yaml_of(back), text);
}

TEST(ConfigWriter, AwkwardTextsComeBack) {
  for (const char* text : {"",           " ",           "a: b",     "a #b", "#",    "- x",  "[x]",
                           "{",          "*",           "&a",       "!",    "|",    ">",    "%",
                           "@x",         "`",           "'",        "\"",   "\\",   "a\nb", "\ta",
                           "a ",         " a",          "null",     "~",    "true", "no",   "1",
                           "1e3",        ".5",          ".inf",     "-",    "?",    "a:",   "gs://bucket/x",
                           "/tmp/x y",   "caf\xc3\xa9", "\x01\x7f", "=",    "<<",   "0x1f", "---",
                           "2026-01-01", "\r\n"}) {
    SampleConfig config;
    config.name = text;
    SampleConfig scalar;
    YamlDocument::from_text("name: " + to_scalar(text), "scalar.yaml").read([&](Visitor& v) {
      scalar.describe(v);
    });
    EXPECT_EQ(scalar.name, text) << to_scalar(text);
    config.columns = {text, "b", text};
    expect_same_when_read_back(config);
  }
}

TEST(ConfigWriter, RandomValuesComeBack) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    SampleConfig config;
    const auto any_finite = [&] {
      double value = 0;
      do value = std::bit_cast<double>(random());
      while (!std::isfinite(value));
      return value;
    };
    config.limit = any_finite();
    config.weights.assign(random() % 4, 0);
    for (double& weight : config.weights) weight = any_finite();
    config.hidden.assign(random() % 4, 0);
    for (auto& width : config.hidden) width = static_cast<std::int64_t>(random() >> 1 | 1);
    config.name.assign(random() % 6, ' ');
    for (char& c : config.name) c = static_cast<char>(1 + random() % 126);
    config.trainer.epochs = static_cast<std::int64_t>(random() % 1000 + 1);
    config.trainer.shuffle = random() % 2 == 0;
    config.trainer.device = random() % 2 ? "cpu" : "cuda";
    config.trainer.optimizer.type = random() % 2 ? "sgd" : "adam";
    config.trainer.optimizer.lr = std::uniform_real_distribution<>(1e-9, 4)(random);
    expect_same_when_read_back(config);
  }
}

TEST(ConfigWriter, InfinityComesBack) {
  SampleConfig config;
  config.limit = -std::numeric_limits<double>::infinity();
  expect_same_when_read_back(config);
}

TEST(ConfigReference, HasATableForEachSectionAndKind) {
  const std::string text = reference();
  EXPECT_TRUE(text.starts_with("# Configuration\n\n| field | type | default | values | meaning |\n"));
  for (const char* part :
       {"| `name` | text | `job` |  | Of the job. |\n",
        "| `hidden` | list of whole numbers | `[64, 32]` | a number of at least 1 | Widths. |\n",
        "\n## `trainer`\n\nThe loop.\n",
        "| `trainer.shuffle` | true or false | `true` |  | In each epoch. |\n",
        "| `trainer.device` | text | `cpu` | `cpu`, `cuda` | Where \\| what. |\n",
        "| `trainer.optimizer.type` | text | `sgd` | `sgd`, `adam` | The update rule. |\n",
        "\n## `trainer.optimizer` with `type: sgd`\n\nPlain descent.\n",
        "| `trainer.optimizer.momentum` | number | `0.9` | a number in [0, 1) | Of the past. |\n",
        "\n## `trainer.optimizer` with `type: adam`\n\nWith moments.\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
}

TEST(ConfigWriter, AListOfMappingsComesBack) {
  ringtrain::testing::SampleStages list;
  const auto describe = [&list](Visitor& v) { list.describe(v); };
  EXPECT_EQ(to_yaml(describe), "stages: []\n");
  const std::string text = "stages:\n  - type: warm\n  - type: steady\n    steps: 9\n";
  YamlDocument::from_text(text, "s.yaml").read(describe);
  EXPECT_EQ(to_yaml(describe), text);
}

TEST(ConfigReference, AListOfMappings) {
  ringtrain::testing::SampleStages list;
  const auto describe = [&list](Visitor& v) { list.describe(v); };
  const auto text = to_markdown(describe, "Stages", "stages");
  for (const char* part :
       {"## `stages[]`\n\nOne after the other.\n",
        "| `stages[].type` | text |  | `warm`, `steady` | What is done. |\n",
        "| `stages[].steps` | whole number | `5` | a number of at least 1 | How long. |\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
  EXPECT_TRUE(list.stages.empty());
}

TEST(ConfigReference, OneKind) {
  const std::string kind = reference("trainer.optimizer.adam");
  EXPECT_TRUE(kind.starts_with("## `trainer.optimizer` with `type: adam`\n\nWith moments.\n")) << kind;
  EXPECT_NE(kind.find("betas"), std::string::npos);
  EXPECT_EQ(kind.find("momentum"), std::string::npos);
  EXPECT_EQ(kind.find("epochs"), std::string::npos);
}

TEST(ConfigReference, APartOfIt) {
  const std::string section = reference("trainer.optimizer");
  EXPECT_TRUE(section.starts_with("## `trainer.optimizer`\n")) << section;
  EXPECT_NE(section.find("betas"), std::string::npos);
  EXPECT_EQ(section.find("epochs"), std::string::npos);
  const std::string field = reference("trainer.epochs");
  EXPECT_NE(field.find("`trainer.epochs`"), std::string::npos);
  EXPECT_EQ(field.find("shuffle"), std::string::npos);
  EXPECT_NE(reference("name").find("`name`"), std::string::npos);
  EXPECT_EQ(reference("name").find("columns"), std::string::npos);
  try {
    reference("trainer.optimiser");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "the configuration has no 'trainer.optimiser'. Did you mean 'trainer.optimizer'?");
  }
}

}  // namespace
}  // namespace ringtrain::config
