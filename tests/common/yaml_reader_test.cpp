#include "common/yaml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/files.h"
#include "tests/common/sample_config.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain::config {
namespace {

using ringtrain::testing::SampleConfig;

SampleConfig read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  SampleConfig config;
  YamlDocument::from_text(text, "fraud.yaml", overrides).read([&config](Visitor& v) { config.describe(v); });
  return config;
}

std::string problem(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    read(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no problem";
}

TEST(YamlReader, ReadsEveryKindOfField) {
  const SampleConfig config = read(
      "name: fraud\ncolumns: [Time, V*]\nhidden:\n  - 8\n  - 4\nweights: [1, 2.5]\nlimit: -.inf\n"
      "trainer:\n  epochs: 7\n  shuffle: false\n  device: cuda\n"
      "  optimizer: {type: adam, lr: 1e-3, betas: [0.5, .75]}\n");
  EXPECT_EQ(config.name, "fraud");
  EXPECT_EQ(config.columns, (std::vector<std::string>{"Time", "V*"}));
  EXPECT_EQ(config.hidden, (std::vector<std::int64_t>{8, 4}));
  EXPECT_EQ(config.weights, (std::vector<double>{1, 2.5}));
  EXPECT_EQ(config.limit, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(config.trainer.epochs, 7);
  EXPECT_FALSE(config.trainer.shuffle);
  EXPECT_EQ(config.trainer.device, "cuda");
  EXPECT_EQ(config.trainer.optimizer.type, "adam");
  EXPECT_EQ(config.trainer.optimizer.lr, 0.001);
  EXPECT_EQ(config.trainer.optimizer.betas, (std::vector<double>{0.5, 0.75}));
}

TEST(YamlReader, NothingMeansDefaults) {
  for (const char* text : {"", "# only a comment\n", "trainer:\n", "trainer: ~\n", "trainer:\n  optimizer:\n",
                           "trainer:\n  epochs:\n", "name: ~\nhidden:\n"})
    EXPECT_EQ(read(text), SampleConfig()) << text;
}

TEST(YamlReader, ASingleValueIsAListOfOne) {
  EXPECT_EQ(read("hidden: 8\ncolumns: Time\n").hidden, (std::vector<std::int64_t>{8}));
  EXPECT_TRUE(read("hidden: []\n").hidden.empty());
}

TEST(YamlReader, WholeNumbers) {
  EXPECT_EQ(read("trainer: {epochs: 1e3}").trainer.epochs, 1000);
  EXPECT_EQ(read("trainer: {epochs: +5}").trainer.epochs, 5);
  EXPECT_EQ(read("trainer: {epochs: 9223372036854775807}").trainer.epochs, 9223372036854775807LL);
  for (const char* value :
       {"1.5", "1_000", "0x10", "99999999999999999999", "1e300", "ten", "-+5", ".nan", ".inf"})
    EXPECT_NE(problem(std::string("trainer: {epochs: ") + value + "}")
                  .find("trainer.epochs: expected a whole number, got"),
              std::string::npos)
        << value;
}

TEST(YamlReader, NumbersAreWrittenTheYamlWay) {
  EXPECT_EQ(read("limit: .5").limit, 0.5);
  for (const char* value : {"inf", "nan", "infinity", "1.5x", "true", "\"1.5\"", "[1]", ".nan", "--5"})
    EXPECT_NE(problem(std::string("limit: ") + value).find("limit: expected a number"), std::string::npos)
        << value;
}

TEST(YamlReader, TruthIsTrueOrFalseOnly) {
  EXPECT_EQ(problem("trainer:\n  shuffle: yes\n"),
            "trainer.shuffle: expected true or false, got 'yes' (fraud.yaml:2)");
  for (const char* value : {"on", "1", "True", "\"true\"", "[true]"})
    EXPECT_NE(problem(std::string("trainer: {shuffle: ") + value + "}").find("expected true or false"),
              std::string::npos)
        << value;
}

TEST(YamlReader, MessagesNameTypePathFileAndLine) {
  EXPECT_EQ(problem("trainer:\n  epochs: ten\n"),
            "trainer.epochs: expected a whole number, got 'ten' (fraud.yaml:2)");
  EXPECT_EQ(problem("trainer:\n  optimizer:\n    lr: -1\n"),
            "trainer.optimizer.lr: expected a positive number, got -1 (fraud.yaml:3)");
  EXPECT_EQ(problem("trainer:\n\n  epochs: 0\n"),
            "trainer.epochs: expected a number of at least 1, got 0 (fraud.yaml:3)");
  EXPECT_EQ(problem("hidden: [8, 0]\n"), "hidden[1]: expected a number of at least 1, got 0 (fraud.yaml:1)");
  EXPECT_EQ(problem("hidden:\n  - 8\n  - x\n"), "hidden[1]: expected a whole number, got 'x' (fraud.yaml:3)");
  EXPECT_EQ(problem("trainer:\n  epochs: \"3\"\n"),
            "trainer.epochs: expected a whole number, got the text \"3\" (fraud.yaml:2)");
  EXPECT_EQ(problem("name: {a: 1}\n"), "name: expected a text, got a mapping (fraud.yaml:1)");
  EXPECT_EQ(problem("trainer:\n  device: cudo\n"),
            "trainer.device: expected one of: cpu, cuda; got 'cudo'. Did you mean 'cuda'? (fraud.yaml:2)");
}

TEST(YamlReader, ASectionMustBeAMapping) {
  EXPECT_EQ(problem("trainer: x\n"), "trainer: expected a mapping, got 'x' (fraud.yaml:1)");
  EXPECT_EQ(problem("trainer: [1]\n"), "trainer: expected a mapping, got a list (fraud.yaml:1)");
  EXPECT_EQ(problem("just a text\n"), "expected a mapping, got 'just a text' (fraud.yaml:1)");
}

TEST(YamlReader, UnknownKeysComeWithTheNearestKnownName) {
  EXPECT_EQ(problem("trainer:\n  epoch: 3\n"),
            "trainer.epoch: unknown key. Did you mean 'epochs'? (fraud.yaml:2)");
  EXPECT_EQ(problem("trainer:\n  zzzzzz: 3\n"),
            "trainer.zzzzzz: unknown key; known here: device, epochs, optimizer, shuffle (fraud.yaml:2)");
  EXPECT_EQ(problem("trainr: {}\n"), "trainr: unknown key. Did you mean 'trainer'? (fraud.yaml:1)");
}

TEST(YamlReader, DuplicateKeysAreRefusedWithBothLines) {
  EXPECT_EQ(problem("trainer:\n  epochs: 3\n  shuffle: true\n  epochs: 4\n"),
            "trainer.epochs: given twice (fraud.yaml:2 and fraud.yaml:4)");
}

TEST(YamlReader, Variants) {
  EXPECT_EQ(
      problem("trainer:\n  optimizer:\n    type: adm\n    betas: [0.1]\n"),
      "trainer.optimizer.type: expected one of: sgd, adam; got 'adm'. Did you mean 'adam'? (fraud.yaml:3)");
  EXPECT_EQ(
      problem("trainer:\n  optimizer:\n    betas: [0.1]\n"),
      "trainer.optimizer.betas: goes with type: adam; here type is 'sgd'. Set trainer.optimizer.type, or "
      "leave it out (fraud.yaml:3)");
  const auto without_default = [](Visitor& v) {
    std::string chosen;
    v.variants("type", chosen, "", {{"a", "", [](Visitor&) {}}, {"b", "", [](Visitor&) {}}});
  };
  try {
    YamlDocument::from_text("", "m.yaml").read(without_default);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "type: missing; expected one of: a, b (m.yaml)");
  }
}

TEST(YamlReader, AListOfMappingsThatBeginWithSomething) {
  ringtrain::testing::SampleStages list;
  const auto read_list = [&](const std::string& text) {
    YamlDocument::from_text(text, "s.yaml").read([&](Visitor& v) { list.describe(v); });
  };
  read_list("stages:\n  - type: steady\n  - {type: steady, steps: 9}\n  - type: warm\n");
  ASSERT_EQ(list.stages.size(), 3U);
  EXPECT_EQ(list.stages[0].steps, 5) << "the one it begins with";
  EXPECT_EQ(list.stages[1].steps, 9);
  EXPECT_EQ(list.stages[2].type, "warm");
  try {
    read_list("stages:\n  - type: warm\n  - steps: 9\n");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "stages[1].type: missing; expected one of: warm, steady (s.yaml:3)");
  }
}

TEST(YamlReader, RequireReportsTheFieldsLineElseTheSections) {
  EXPECT_EQ(problem("trainer:\n  optimizer:\n    type: sgd\n    lr: 7\n"),
            "trainer.optimizer.lr: must be below 5 (fraud.yaml:4)");
  const auto at_section = [](Visitor& v) {
    v.section("outer", "", [](Visitor& w) {
      w.section("inner", "", [](Visitor& u) { u.require("x", false, "is needed"); });
    });
  };
  try {
    YamlDocument::from_text("\nouter:\n  inner: {}\n", "m.yaml").read(at_section);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "outer.inner.x: is needed (m.yaml:3)");
  }
  try {
    YamlDocument::from_text("\nouter: {}\n", "m.yaml").read(at_section);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "outer.inner.x: is needed (m.yaml:2)");
  }
}

TEST(YamlReader, AllProblemsAtOnce) {
  EXPECT_EQ(problem("trainer:\n  epochs: ten\n  shufle: true\n  optimizer: {lr: 0}\nhidden: [x]\n"),
            "fraud.yaml: 4 problems\n"
            "  hidden[0]: expected a whole number, got 'x' (fraud.yaml:5)\n"
            "  trainer.epochs: expected a whole number, got 'ten' (fraud.yaml:2)\n"
            "  trainer.optimizer.lr: expected a positive number, got 0 (fraud.yaml:4)\n"
            "  trainer.shufle: unknown key. Did you mean 'shuffle'? (fraud.yaml:3)");
}

TEST(YamlReader, AFailedReadKeepsTheOldValueOfTheWrongField) {
  SampleConfig config;
  EXPECT_THROW(YamlDocument::from_text("hidden: [8, x]\nlimit: x\n", "f").read([&](Visitor& v) {
    config.describe(v);
  }),
               ConfigError);
  EXPECT_EQ(config, SampleConfig());
}

TEST(YamlReader, Overrides) {
  const SampleConfig config =
      read("trainer:\n  epochs: 3\n", {"trainer.epochs=9", "hidden=[8, 4]",
                                       "name=", "trainer.optimizer.type=adam", "trainer.optimizer.lr=2e-3"});
  EXPECT_EQ(config.trainer.epochs, 9);
  EXPECT_EQ(config.hidden, (std::vector<std::int64_t>{8, 4}));
  EXPECT_EQ(config.name, "job");
  EXPECT_EQ(config.trainer.optimizer.type, "adam");
  EXPECT_EQ(config.trainer.optimizer.lr, 0.002);
  EXPECT_EQ(read("", {"trainer={epochs: 4}"}).trainer.epochs, 4);
  EXPECT_EQ(read("", {"name=a=b"}).name, "a=b");
}

TEST(YamlReader, ProblemsOfOverridesNameTheOverride) {
  EXPECT_EQ(problem("", {"trainer.epochs=ten"}),
            "trainer.epochs: expected a whole number, got 'ten' (--set trainer.epochs)");
  EXPECT_EQ(problem("", {"trainer.epocs=3"}),
            "trainer.epocs: unknown key. Did you mean 'epochs'? (--set trainer.epocs)");
  EXPECT_EQ(problem("trainer: 5\n", {"trainer.epochs=3"}),
            "--set trainer.epochs: trainer is no section but 5 (fraud.yaml:1)");
  for (const char* malformed : {"epochs", "=3", ".a=3", "a.=3", "a..b=3", "a b=3", ""})
    EXPECT_EQ(problem("", {malformed}), "--set '" + std::string(malformed) +
                                            "': expected KEY=VALUE, for example --set trainer.epochs=3");
  EXPECT_NE(problem("", {"name=[1"}).find("--set name: the value is not valid YAML: "), std::string::npos);
}

TEST(YamlReader, SyntaxErrorsCarryLineAndColumn) {
  EXPECT_EQ(problem("a: [1\nb: 2\n").substr(0, 45), "fraud.yaml:2:2: this is not valid YAML: end o");
  EXPECT_NE(problem("trainer:\n\tepochs: 3\n").find("fraud.yaml:2:"), std::string::npos);
  EXPECT_EQ(problem("a: 1\n---\nb: 2\n"),
            "fraud.yaml:2: more than one YAML document in a file, or a bracket that is not closed before it");
  EXPECT_NE(problem("a: *nowhere\n").find("fraud.yaml:1:"), std::string::npos);
}

TEST(YamlReader, HostileDocumentsEnd) {
  EXPECT_NE(problem(",a: b\n").find("more than one YAML document"), std::string::npos)
      << "endless for yaml-cpp's LoadAll";
  EXPECT_NE(problem("&a [*a]\n").find("nested too deeply"), std::string::npos);
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i)
    laughs += fmt::format("a{0}: &a{0} [{1}]\n", i,
                          fmt::join(std::vector<std::string>(10, fmt::format("*a{}", i - 1)), ", "));
  EXPECT_NE(problem(laughs).find("too large"), std::string::npos);
}

TEST(YamlReader, FilesAreNamedAsTyped) {
  test::TemporaryFolder folder;
  const auto file = folder.path() / "f.yaml";
  write_file_synced(file, "nam: x\n");
  try {
    YamlDocument::from_file(file).read([](Visitor& v) { SampleConfig().describe(v); });
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), "nam: unknown key. Did you mean 'name'? (" + file.string() + ":1)");
  }
  EXPECT_THROW(YamlDocument::from_file(folder.path() / "missing.yaml"), ConfigError);
  EXPECT_THROW(YamlDocument::from_file(folder.path()), ConfigError);
}

TEST(YamlReader, MappingsHaveAnyNames) {
  Mapping mapping{{"kept", {"1"}}};
  bool has_columns = false, has_other = true;
  const auto from = [&](const std::string& text) {
    YamlDocument::from_text(text, "f.yaml").read([&](Visitor& v) {
      has_columns = v.has("columns");
      has_other = v.has("other");
      v.mapping("columns", mapping, "Any.");
    });
  };
  from("");
  EXPECT_EQ(mapping, (Mapping{{"kept", {"1"}}}));
  EXPECT_FALSE(has_columns);
  from("columns: {\"a b\": 1, c: [x, 2.50], \"\": ''}\n");
  EXPECT_EQ(mapping, (Mapping{{"a b", {"1"}}, {"c", {"x", "2.50"}}, {"", {""}}}));
  EXPECT_TRUE(has_columns);
  EXPECT_FALSE(has_other);
  for (const char* wrong : {"columns: 5\n", "columns: [a]\n", "columns: {a: {b: c}}\n"})
    EXPECT_THROW(from(wrong), ConfigError) << wrong;
}

}  // namespace
}  // namespace ringtrain::config
