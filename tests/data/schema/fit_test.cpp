#include "data/schema/fit.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <mutex>
#include <numeric>

#include "comm/backends.h"
#include "common/errors.h"
#include "data/schema/target_scale.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

/// 500 rows; column c has mean about 10^c and deviation about 3; the last column is constant.
Table example(at::ScalarType dtype = at::kDouble) {
  torch::manual_seed(3);
  Table table;
  table.numeric = torch::randn({500, 5}, at::kDouble) * 3;
  table.numeric_names = {"n0", "n1", "n2", "n3", "constant"};
  for (int c = 0; c < 4; ++c) table.numeric.select(1, c).add_(std::pow(10.0, c));
  table.numeric.select(1, 4).fill_(0.1);
  table.numeric = table.numeric.to(dtype);
  table.categorical_names = {"w"};
  table.categorical.emplace_back();
  for (int row = 0; row < 500; ++row)
    table.categorical[0].push_back(row % 3 == 0 ? "pear" : row % 3 == 1 ? "apple" : "fig");
  table.target = torch::arange(500, at::kLong) % 2;
  table.target_names = {"y"};
  table.labels = {"0", "1"};
  return table;
}

std::vector<std::int64_t> first_rows(std::int64_t count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<Preprocessing> fit_on(int ranks, const TableConfig& config, const Table& table,
                                  const std::vector<std::int64_t>& rows) {
  std::vector<Preprocessing> fits(static_cast<std::size_t>(ranks));
  run_as_threads(ranks, [&](Communicator& control) {
    fits[static_cast<std::size_t>(control.rank())] = fit_preprocessing(config, table, rows, control);
  });
  return fits;
}

void expect_near(double got, double want) { EXPECT_NEAR(got, want, 1e-12 * std::abs(want)); }

TEST(Fit, StandardiseByMeanAndPopulationDeviation) {
  for (auto dtype : {at::kDouble, at::kFloat}) {
    const Table table = example(dtype);
    const auto train = table.numeric.narrow(0, 0, 350).to(at::kDouble);
    const auto mean = train.mean(0), deviation = train.std(0, /*unbiased=*/false);
    for (int ranks : {1, 2, 3, 4})
      for (const Preprocessing& fit : fit_on(ranks, {}, table, first_rows(350))) {
        ASSERT_EQ(fit.numeric.size(), 5u);
        for (int c = 0; c < 4; ++c) {
          EXPECT_EQ(fit.numeric[c].name, table.numeric_names[c].name);
          expect_near(fit.numeric[c].shift, mean[c].item<double>());
          expect_near(fit.numeric[c].scale, 1 / deviation[c].item<double>());
          EXPECT_FALSE(fit.numeric[c].fill.has_value());
        }
        EXPECT_EQ(fit.numeric[4].scale, 1);
        EXPECT_EQ(fit.numeric[4].shift, table.numeric[0][4].item<double>());
        EXPECT_EQ(fit.targets, std::vector<std::string>{"y"});
        EXPECT_EQ(fit.labels, table.labels);
      }
  }
}

TEST(Fit, MinmaxAndNone) {
  const Table table = example();
  const auto train = table.numeric.narrow(0, 0, 350);
  TableConfig config;
  config.normalize = "minmax";
  for (int ranks : {1, 3})
    for (const Preprocessing& fit : fit_on(ranks, config, table, first_rows(350))) {
      const at::Tensor scaled = fit.apply(train, torch::zeros({350, 1}, at::kLong), train.scalar_type());
      for (int c = 0; c < 4; ++c) {
        EXPECT_EQ(scaled.select(1, c).min().item<double>(), 0);
        EXPECT_NEAR(scaled.select(1, c).max().item<double>(), 1, 1e-12);
      }
      EXPECT_EQ(fit.numeric[4].scale, 1);
    }
  config.normalize = "none";
  const Preprocessing plain = fit_on(2, config, table, first_rows(350))[1];
  EXPECT_EQ(plain.numeric[2].shift, 0);
  EXPECT_EQ(plain.numeric[2].scale, 1);
}

TEST(Fit, RowsOutsideTheTrainingPartChangeNothing) {
  const Table clean = example();
  Table spoilt = example();
  spoilt.numeric.narrow(0, 350, 150).fill_(1e30);
  for (std::size_t row = 350; row < 500; ++row) spoilt.categorical[0][row] = "unseen";
  for (const char* normalize : {"standard", "minmax"}) {
    TableConfig config;
    config.normalize = normalize;
    config.missing.numeric = "mean";
    EXPECT_EQ(fit_on(2, config, clean, first_rows(350))[0].to_json(),
              fit_on(2, config, spoilt, first_rows(350))[0].to_json());
  }
}

TEST(Fit, MissingValuesAreLeftOutAndFilledByTheMean) {
  Table table = example();
  table.numeric[7][0] = NAN;
  table.numeric[340][0] = NAN;
  auto kept = torch::ones({350}, at::kBool);
  kept[7] = false;
  kept[340] = false;
  const auto column = table.numeric.narrow(0, 0, 350).select(1, 0).index({kept});
  TableConfig config;
  config.missing.numeric = "mean";
  for (int ranks : {1, 2, 3, 4}) {
    const Preprocessing fit = fit_on(ranks, config, table, first_rows(350))[0];
    expect_near(*fit.numeric[0].fill, column.mean().item<double>());
    expect_near(fit.numeric[0].scale, 1 / column.std(0, false).item<double>());
    EXPECT_TRUE(fit.numeric[1].fill.has_value());
    EXPECT_NEAR(
        fit.apply(table.numeric.narrow(0, 7, 1), torch::zeros({1, 1}, at::kLong), table.numeric.scalar_type())
            .only()[0][0]
            .item<double>(),
        0, 1e-12);
  }
}

TEST(Fit, VocabulariesAreSortedAndOfTheTrainingRows) {
  Table table = example();
  table.categorical[0][2] = "";
  TableConfig config;
  config.missing.categorical = "category";
  const Preprocessing fit = fit_on(3, config, table, {0, 1, 2, 3})[2];
  EXPECT_EQ(fit.categorical[0].vocabulary, (std::vector<std::string>{"apple", "pear"}));
  EXPECT_TRUE(fit.categorical[0].missing_is_category);
}

TEST(Fit, FewerRowsThanRanks) {
  const Table table = example();
  const Preprocessing fit = fit_on(4, {}, table, {10, 11})[3];
  expect_near(fit.numeric[0].shift, (table.numeric[10][0] + table.numeric[11][0]).item<double>() / 2);
}

TEST(Fit, RefusesOneClassOnAllRanks) {
  Table table = example();
  table.labels = {"0"};
  std::mutex mutex;
  std::vector<std::string> texts;
  run_as_threads(3, [&](Communicator& control) {
    try {
      fit_preprocessing(testing::config_for("fraud.csv", "y"), table, first_rows(350), control);
    } catch (const DataError& error) {
      const std::lock_guard lock(mutex);
      texts.emplace_back(error.what());
    }
  });
  ASSERT_EQ(texts.size(), 3u);
  for (const auto& text : texts) {
    EXPECT_EQ(text, texts[0]);
    EXPECT_CONTAINS(text, "fraud.csv: column 'y' (data.target) has one class only, '0', in all 500 rows");
  }
}

TEST(Fit, RefusesAColumnWithoutValues) {
  Table table = example();
  table.numeric.narrow(0, 0, 350).select(1, 2).fill_(NAN);
  TableConfig config;
  config.missing.numeric = "mean";
  EXPECT_CONTAINS(testing::data_error([&] { fit_on(2, config, table, first_rows(350)); }),
                  "column 'n2' has no value in the training part");
}

/// Of each rank.
std::vector<std::vector<TargetScale>> scales_on(int ranks, const at::Tensor& target,
                                                const std::vector<std::int64_t>& rows) {
  std::vector<std::vector<TargetScale>> scales(static_cast<std::size_t>(ranks));
  run_as_threads(ranks, [&](Communicator& control) {
    scales[static_cast<std::size_t>(control.rank())] = fit_target_scale(target, rows, control);
  });
  return scales;
}

/// Of one column.
std::vector<TargetScale> scale_on(int ranks, const at::Tensor& target,
                                  const std::vector<std::int64_t>& rows) {
  std::vector<TargetScale> result;
  for (const auto& scales : scales_on(ranks, target, rows)) {
    EXPECT_EQ(scales.size(), 1U);
    result.push_back(scales.at(0));
  }
  return result;
}

TEST(TargetScaleOf, TheTrainingPartOnAnyNumberOfRanks) {
  torch::manual_seed(5);
  for (auto dtype : {at::kDouble, at::kFloat}) {
    const auto target = (torch::randn({500}, at::kDouble) * 250 + 1e5).to(dtype);
    const auto train = target.narrow(0, 0, 350).to(at::kDouble);
    for (int ranks : {1, 2, 3})
      for (const auto& scale : scale_on(ranks, target, first_rows(350))) {
        expect_near(scale.shift, train.mean().item<double>());
        expect_near(scale.scale, train.std(0, /*unbiased=*/false).item<double>());
      }
  }
}

TEST(TargetScaleOf, AConstantTargetHasNone) {
  for (int ranks : {1, 3})
    for (const auto& scale : scale_on(ranks, torch::full({10}, 0.1, at::kDouble), first_rows(10))) {
      EXPECT_EQ(scale.shift, 0.1);
      EXPECT_EQ(scale.scale, 1);
    }
}

TEST(TargetScaleOf, EachColumnIsAsItIsAlone) {
  torch::manual_seed(6);
  const auto target = torch::randn({500, 3}) * 4 + 7;
  target.select(1, 1).fill_(2);
  for (const int ranks : {1, 3})
    for (const auto& scales : scales_on(ranks, target, first_rows(350))) {
      ASSERT_EQ(scales.size(), 3U);
      for (std::int64_t c = 0; c < 3; ++c)
        EXPECT_EQ(scales[static_cast<std::size_t>(c)],
                  scale_on(ranks, target.select(1, c), first_rows(350))[0]);
      EXPECT_EQ(scales[1], (TargetScale{.shift = 2, .scale = 1}));
    }
}

TEST(Fit, FlagsAreNoClasses) {
  Table table = example();
  table.target = torch::zeros({500, 1}, at::kDouble);
  table.labels = {"y"};
  for (const auto& fit : fit_on(2, {}, table, first_rows(350))) {
    EXPECT_EQ(fit.labels, table.labels);
    EXPECT_EQ(fit.targets, table.target_names);
  }
}

TEST(Fit, AColumnIsWideWhereFloat32LosesItsDigits) {
  Table table = example();
  const auto count = table.rows();
  // Milliseconds of a day in 2023, which float32 rounds to 131 seconds; and their difference, which it holds.
  const auto times = torch::arange(count, at::kDouble) * 86'400 + 1.7e12;
  for (const bool in_float64 : {false, true}) {
    table.numeric = table.numeric.to(in_float64 ? at::kDouble : at::kFloat);
    table.numeric.select(1, 0).copy_(times);
    table.numeric.select(1, 1).copy_(times - 1.7e12);
    table.exact.assign(table.numeric_names.size(), at::Tensor());
    if (!in_float64) table.exact[0] = times;
    for (const int ranks : {1, 3})
      for (const Preprocessing& fit : fit_on(ranks, TableConfig(), table, first_rows(350))) {
        EXPECT_TRUE(fit.numeric[0].wide);
        EXPECT_FALSE(fit.numeric[1].wide);
        EXPECT_NEAR(fit.numeric[0].shift, 1.7e12 + 86'400 * 174.5, 1e-2);
      }
  }
}

TEST(Fit, AMissingWordHasAPlaceOnlyWhereTrainingHadOne) {
  Table table = example();
  TableConfig config;
  config.missing.categorical = "category";
  const auto last = static_cast<std::size_t>(table.rows()) - 1;
  for (auto& word : table.categorical[0])
    if (word.empty()) word = "red";
  table.categorical[0][last] = "";
  const auto without = fit_on(1, config, table, first_rows(350)).front();
  EXPECT_FALSE(without.categorical[0].missing_is_category);
  EXPECT_TRUE(without.categorical[0].missing_is_unseen);
  table.categorical[0][0] = "";
  const auto with = fit_on(1, config, table, first_rows(350)).front();
  EXPECT_TRUE(with.categorical[0].missing_is_category);
  EXPECT_FALSE(with.categorical[0].missing_is_unseen);
}

/// Of a word of the training part that occurs twice, one that occurs once, and one that it does not have.
TEST(Fit, AnEmbeddedColumnHasCodesOfWordsThatAreNotRare) {
  Table table = example();
  for (std::size_t row = 0; row < 10; ++row) table.categorical[0][row] = "once" + std::to_string(row);
  table.categorical[0][400] = "later";
  TableConfig config;
  config.features.categorical = {"w"};
  config.features.encodings.embedding = {"w*"};
  for (int ranks : {1, 3})
    for (const auto& fit : fit_on(ranks, config, table, first_rows(350))) {
      const auto& column = fit.categorical[0];
      EXPECT_EQ(column.encoding, Encoding::embedding);
      EXPECT_EQ(column.vocabulary, (std::vector<std::string>{"apple", "fig", "pear"}));
      EXPECT_EQ(column.min_count, 2);
      EXPECT_EQ(fit.coded(), (std::vector<CodedColumn>{{"w", 5}}));
    }
  // Where unseen words are refused, there is none that rare ones could stand for.
  config.unseen = "error";
  const auto strict = fit_on(1, config, table, first_rows(350)).front().categorical[0];
  EXPECT_EQ(strict.vocabulary.size(), 13U);
  EXPECT_EQ(strict.min_count, 1);
  config.unseen = "other";
  config.features.min_count = 1000;
  EXPECT_THROW(fit_on(1, config, table, first_rows(350)), DataError);
}

/// One row would say what every unknown word means.
TEST(Fit, AFewRareWordsAreLearnedAsOthersAre) {
  Table table = example();
  for (std::size_t row = 0; row < 9; ++row) table.categorical[0][row] = "once" + std::to_string(row);
  TableConfig config;
  config.features.categorical = {"w"};
  config.features.encodings.embedding = {"w"};
  const auto column = fit_on(1, config, table, first_rows(350)).front().categorical[0];
  EXPECT_EQ(column.vocabulary.size(), 12U);
  EXPECT_EQ(column.min_count, 1);
}

TEST(Fit, AHashedColumnKeepsNoWords) {
  Table table = example();
  for (std::size_t row = 0; row < 500; ++row) table.categorical[0][row] = "user" + std::to_string(row);
  TableConfig config;
  config.features.encoding = "hash";
  config.features.buckets = 64;
  const auto fit = fit_on(2, config, table, first_rows(350))[1];
  EXPECT_TRUE(fit.categorical[0].vocabulary.empty());
  EXPECT_EQ(fit.coded(), (std::vector<CodedColumn>{{"w", 65}}));
  EXPECT_EQ(fit.width(), 5);
}

/// A hundred thousand words: refused as one-hot with what to do, taken as an embedding.
TEST(Fit, ManyWords) {
  constexpr std::int64_t rows = 250'000;
  Table table;
  table.numeric = torch::zeros({rows, 0}, at::kFloat);
  table.categorical_names = {"w"};
  table.categorical.resize(1);
  for (std::int64_t row = 0; row < rows; ++row)
    table.categorical[0].push_back("word" + std::to_string(row % 100'000));
  table.target = torch::arange(rows, at::kLong) % 2;
  table.target_names = {"y"};
  table.labels = {"0", "1"};
  TableConfig config;
  const auto said = [&] {
    try {
      fit_on(1, config, table, first_rows(rows));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(
      said().find("column 'w' has more than 10,000 different words in the training part, more than one-hot "
                  "takes; set data.features.encodings: {embedding: [\"w\"]}"),
      std::string::npos)
      << said();
  config.features.encoding = "embedding";
  EXPECT_EQ(fit_on(1, config, table, first_rows(rows)).front().coded()[0].codes, 100'002);
  for (std::int64_t row = 0; row < rows; ++row)
    table.categorical[0][static_cast<std::size_t>(row)] = "word" + std::to_string(row);
  EXPECT_NE(said().find("more than 200,000 different words"), std::string::npos) << said();
  EXPECT_NE(said().find("set data.features.encodings: {hash: [\"w\"]}"), std::string::npos) << said();
}

}  // namespace
}  // namespace ringtrain
