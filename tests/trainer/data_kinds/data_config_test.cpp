#include "trainer/data_kinds/data_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/config_writer.h"
#include "common/yaml_reader.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

DataConfig read_data(const std::string& text) {
  DataConfig data;
  config::YamlDocument::from_text(text, "job.yaml").read([&](config::Visitor& v) {
    v.section("data", "", data);
  });
  return data;
}

TableConfig read(const std::string& text) { return read_data(text).table(); }

std::string written(DataConfig data) {
  return config::to_yaml([&](config::Visitor& v) { v.section("data", "", data); });
}

std::string problems(const std::string& text) {
  try {
    read(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no ConfigError was thrown";
  return "";
}

/// What every job needs, and `lines`.
std::string job(std::string_view lines = {}) {
  return fmt::format("data:\n  train_file: a.csv\n  target: y\n{}", lines);
}

TEST(DataConfig, TokensHaveTheirOwnFields) {
  const DataConfig data = read_data(
      "data: {format: tokens, train_file: a.bin, validation_file: b.bin, split: {train: 0.5, validation: "
      "0.5, test: 0}}");
  EXPECT_TRUE(data.kind().gives_tokens());
  EXPECT_CONTAINS(written(data), "validation_file: b.bin");
  EXPECT_CONTAINS(written(data), "train: 0.5");
  EXPECT_THROW(data.table(), ConfigError);
  const auto text = problems("data: {format: tokens, train_file: a.bin, target: y}");
  EXPECT_NE(text.find("target"), std::string::npos) << text;
}

TEST(DataConfig, HasDefaults) {
  const TableConfig data = read(job());
  EXPECT_EQ(data.train_file, "a.csv");
  EXPECT_EQ(data.features.numeric, std::vector<std::string>{"*"});
  EXPECT_EQ(data.normalize, "standard");
  EXPECT_EQ(data.split.train, 0.7);
}

TEST(DataConfig, ReadsAllFields) {
  const TableConfig data =
      read(job("  features: {numeric: ['V*', Amount], categorical: [Shop], ignore: [Time]}\n"
               "  missing: {numeric: mean, categorical: category}\n"
               "  normalize: minmax\n"
               "  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: false}\n"
               "  csv: {delimiter: ';', decimal: ',', quote: \"'\", encoding: latin-1}\n"));
  EXPECT_EQ(data.features.numeric, (std::vector<std::string>{"V*", "Amount"}));
  EXPECT_EQ(data.missing.categorical, "category");
  EXPECT_EQ(data.split.validation, 0.2);
  EXPECT_FALSE(data.split.stratify);
  EXPECT_EQ(data.csv.delimiter, ";");
  EXPECT_EQ(data.csv.quote, "'");
}

TEST(DataConfig, RequiresFileAndTarget) {
  const std::string text = problems("data: {normalize: none}\n");
  EXPECT_CONTAINS(text, "data.train_file: required");
  EXPECT_CONTAINS(text, "data.target: required");
}

TEST(DataConfig, TargetIsANameOrAList) {
  EXPECT_EQ(read(job()).targets, std::vector<std::string>{"y"});
  const std::string lines = "data: {train_file: a.csv, target: ";
  EXPECT_EQ(read(lines + "[a, b]}").targets, (std::vector<std::string>{"a", "b"}));
  for (const char* none : {"[]", "''", "['']", "[a, '']"})
    EXPECT_CONTAINS(problems(lines + none + "}"), "data.target: required: the column to predict");
  EXPECT_CONTAINS(problems(lines + "[a, b, a]}"), "data.target: it names 'a' twice");
}

TEST(DataConfig, OneTargetIsWrittenWithoutBrackets) {
  const auto one = written(read_data(job()));
  EXPECT_CONTAINS(one, "\n  target: \"y\"\n");
  EXPECT_EQ(read(one).targets, std::vector<std::string>{"y"});
  const auto two = written(read_data("data: {train_file: a.csv, target: [a, y]}"));
  EXPECT_CONTAINS(two, "\n  target: [a, \"y\"]\n");
  EXPECT_EQ(read(two).targets, (std::vector<std::string>{"a", "y"}));
}

TEST(DataConfig, TheReferenceSaysThatATargetIsANameOrAList) {
  DataConfig data;
  const auto text =
      config::to_markdown([&](config::Visitor& v) { v.section("data", "", data); }, "Reference");
  EXPECT_CONTAINS(text,
                  "| `data.target` | text or list of texts |  |  | The target column; a list for tasks with "
                  "several. |\n");
}

TEST(DataConfig, TheWeightIsNoTargetAndOfTablesAlone) {
  EXPECT_EQ(read(job()).weight, "");
  EXPECT_EQ(read(job("  weight: w\n")).weight, "w");
  EXPECT_CONTAINS(problems(job("  weight: y\n")), "data.weight: 'y' is a target, too");
  EXPECT_CONTAINS(problems("data: {format: tokens, train_file: a.bin, weight: w}"), "weight");
}

TEST(DataConfig, EncodingsOfAllAndOfSomeColumns) {
  const auto config =
      read(job("  features: {encoding: embedding, encodings: {hash: user, one_hot: [a, b]}}\n"));
  EXPECT_EQ(config.features.encoding, "embedding");
  EXPECT_EQ(config.features.encodings.hash, std::vector<std::string>{"user"});
  EXPECT_EQ(config.features.encodings.one_hot, (std::vector<std::string>{"a", "b"}));
  EXPECT_CONTAINS(problems(job("  features: {encoding: onehot}\n")), "data.features.encoding");
  EXPECT_CONTAINS(problems(job("  features: {buckets: 1, min_count: 0}\n")), "data.features.buckets");
  for (const char* hashed : {"encoding: hash", "encodings: {hash: user}"})
    EXPECT_CONTAINS(problems(job(fmt::format("  unseen: error\n  features: {{{}}}\n", hashed))),
                    "data.unseen: error needs a list of words, which a hashed column does not keep");
}

TEST(DataConfig, SharesAddUpToOne) {
  EXPECT_CONTAINS(problems(job("  split: {train: 0.7, validation: 0.2, test: 0.2}\n")), "must add up to 1");
  EXPECT_CONTAINS(problems(job("  split: {train: 0, validation: 0.5, test: 0.5}\n")), "data.split.train");
  EXPECT_NO_THROW(read(job("  split: {train: 0.7, validation: 0.1, test: 0.2}\n")));
}

TEST(DataConfig, RefusesWrongValues) {
  EXPECT_CONTAINS(problems(job("  normalize: standart\n")), "data.normalize");
  EXPECT_CONTAINS(problems(job("  missing: {numeric: zero}\n")), "data.missing.numeric");
  EXPECT_CONTAINS(problems(job("  prefetch_batches: -1\n")), "data.prefetch_batches");
  for (const char* delimiter : {"ab", "'\"'", "x", "5", "'.'", "semicolon", "é", "''"})
    EXPECT_CONTAINS(problems(job(fmt::format("  csv: {{delimiter: {}}}\n", delimiter))),
                    "data.csv.delimiter");
  EXPECT_CONTAINS(problems(job("  csv: {delimiter: ',', decimal: ',', quote: none}\n")), "data.csv.decimal");
  EXPECT_CONTAINS(problems(job("  csv: {encoding: utf8}\n")), "data.csv.encoding");
}

}  // namespace
}  // namespace ringtrain
