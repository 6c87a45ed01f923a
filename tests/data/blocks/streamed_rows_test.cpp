#include "data/blocks/streamed_rows.h"

#include <arrow/api.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <fstream>
#include <mutex>
#include <numeric>
#include <random>
#include <set>

#include "comm/backends.h"
#include "comm/local/local_communicator.h"
#include "common/files.h"
#include "data/order/sampler.h"
#include "data/order/split.h"
#include "data/schema/fit.h"
#include "data/table/table_dataset.h"
#include "tests/data/parquet_writer.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using testing::data_error;
using testing::TemporaryFolder;

constexpr std::int64_t kBlockBytes = 4096;

/// A row of a table with all that a CSV file may hold: quotes, line ends in them, missing values, words.
struct Row {
  std::string a, b, city, y;
  std::string csv(const char* end) const { return a + "," + b + "," + city + "," + y + end; }
};

std::vector<Row> some_rows(std::int64_t count, unsigned seed = 3) {
  std::mt19937 random(seed);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto draw = [&](unsigned n) { return random() % n; };
    rows.push_back({std::to_string(1600000000000 + draw(1000000)),
                    draw(20) == 0 ? "" : std::to_string(draw(900)) + ".25",
                    draw(9) == 0   ? "\"two\nlines, and \"\"quotes\"\"\""
                    : draw(2) == 0 ? "Oslo"
                                   : "Rome",
                    draw(10) == 0  ? "fraud"
                    : draw(3) == 0 ? "theft"
                                   : "good"});
  }
  return rows;
}

void write_csv(const fs::path& file, const std::vector<Row>& rows, const char* end = "\n",
               const char* mark = "") {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << mark << "a,b,city,y" << end;
  for (const auto& row : rows) out << row.csv(end);
}

TableConfig config_of(const fs::path& place) {
  auto config = testing::config_for(place, "y");
  config.features.categorical = {"city"};
  config.missing.numeric = "mean";
  return config;
}

/// A table in blocks, and all that belongs to it.
struct Streamed {
  TableConfig config;
  BlockIndex index;
  BlockPlan plan;
  std::unique_ptr<BlockDecoder> decoder;
  std::shared_ptr<DecodedBlocks> blocks;

  void open(const fs::path& folder, std::int64_t most_bytes = 0) {
    decoder = std::make_unique<BlockDecoder>(index, plan, config, TargetKind::classes, at::kFloat);
    blocks = std::make_shared<DecodedBlocks>(
        DecodedBlocks::Options{.folder = folder, .key = "key", .most_bytes = most_bytes}, *decoder, plan);
  }
};

PlanRequest request_of(const TableConfig& config, const Preprocessing* schema = nullptr) {
  return {.config = config,
          .kind = TargetKind::classes,
          .type = at::kFloat,
          .seed = 7,
          .schema = schema,
          .positive = "",
          .scales_target = false};
}

std::unique_ptr<Streamed> stream_of(TableConfig config, const Preprocessing* schema, const fs::path& folder,
                                    std::int64_t block_bytes = kBlockBytes, std::int64_t most_bytes = 0) {
  LocalCommunicator alone;
  auto streamed = std::make_unique<Streamed>();
  streamed->config = std::move(config);
  streamed->index = make_index(streamed->config.train_file, streamed->config.csv, block_bytes, alone);
  streamed->plan = make_plan(streamed->index, request_of(streamed->config, schema), alone);
  streamed->open(folder, most_bytes);
  return streamed;
}

void expect_same(const Batch& a, const Batch& b) {
  ASSERT_TRUE(a.inputs.is_like(b.inputs));
  ASSERT_TRUE(a.targets.is_like(b.targets));
  EXPECT_TRUE(at::equal(a.inputs.only(), b.inputs.only()));
  EXPECT_TRUE(at::equal(a.targets.only(), b.targets.only()));
  EXPECT_TRUE(at::equal(a.sample, b.sample));
  ASSERT_EQ(a.weights.defined(), b.weights.defined());
}

/// The table in memory, and in blocks under its preprocessing: the same split, the same samples, bit by bit.
void expect_as_in_memory(const TableConfig& config, const fs::path& folder, std::size_t fewest_blocks,
                         std::int64_t most_bytes = 0) {
  LocalCommunicator alone;
  const Table table = read_table(config, TargetKind::classes, at::kFloat);
  const Split split = make_split(config.split, table, 7);
  const auto fitted = fit_preprocessing(config, table, split.train, alone);
  const auto streamed = stream_of(config, &fitted, folder, kBlockBytes, most_bytes);
  EXPECT_GE(streamed->index.blocks.size(), fewest_blocks);
  EXPECT_EQ(streamed->index.rows(), table.rows());
  for (const auto part : {SplitPart::train, SplitPart::validation, SplitPart::test}) {
    const auto& rows = part == SplitPart::train        ? split.train
                       : part == SplitPart::validation ? split.validation
                                                       : split.test;
    const TableDataset in_memory(table, fitted, rows);
    const StreamedRows in_blocks(streamed->blocks, part, 1 << 16);
    ASSERT_EQ(in_blocks.size(), in_memory.size());
    std::vector<std::int64_t> all(rows.size());
    std::iota(all.begin(), all.end(), 0);
    std::shuffle(all.begin(), all.end(), std::mt19937(5));
    expect_same(in_blocks.read(all), in_memory.read(all));
    expect_same(in_blocks.read({}), in_memory.read({}));
  }
  // Fitted in blocks it is the same to the last digits: sums are joined in another order.
  const auto own = make_plan(streamed->index, request_of(config), alone).preprocessing;
  ASSERT_EQ(own.numeric.size(), fitted.numeric.size());
  EXPECT_EQ(own.labels, fitted.labels);
  EXPECT_EQ(own.categorical[0].vocabulary, fitted.categorical[0].vocabulary);
  for (std::size_t c = 0; c < own.numeric.size(); ++c) {
    EXPECT_EQ(own.numeric[c].wide, fitted.numeric[c].wide);
    EXPECT_NEAR(own.numeric[c].shift, fitted.numeric[c].shift, 1e-12 * std::abs(fitted.numeric[c].shift));
    EXPECT_NEAR(own.numeric[c].scale, fitted.numeric[c].scale, 1e-9 * fitted.numeric[c].scale);
  }
}

TEST(StreamedRows, EqualTheTableInMemory) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "plain.csv", some_rows(2000));
  expect_as_in_memory(config_of(folder.path() / "plain.csv"), folder.path(), 10);
  write_csv(folder.path() / "dos.csv", some_rows(700), "\r\n", "\xEF\xBB\xBF");
  expect_as_in_memory(config_of(folder.path() / "dos.csv"), folder.path(), 3);
  write_csv(folder.path() / "mac.csv", some_rows(700), "\r");
  expect_as_in_memory(config_of(folder.path() / "mac.csv"), folder.path(), 3);
  write_csv(folder.path() / "short.csv", some_rows(40));
  expect_as_in_memory(config_of(folder.path() / "short.csv"), folder.path(), 1);
}

TEST(StreamedRows, FoldsAndGroupsAreThoseOfMemory) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "plain.csv", some_rows(2000));
  auto config = config_of(folder.path() / "plain.csv");
  for (const std::int64_t fold : {1, 3}) {
    config.split = {.folds = 3, .fold = fold, .repeat = fold};
    expect_as_in_memory(config, folder.path(), 10);
  }
  config.split = {.group = "a"};
  expect_as_in_memory(config, folder.path(), 10);
}

TEST(StreamedRows, EqualTheTableOfSeveralFilesAndFolders) {
  const TemporaryFolder folder;
  for (const int year : {2023, 2024, 2025})
    write_csv(folder.path() / "data" / ("year=" + std::to_string(year)) / "part-0.csv",
              some_rows(year == 2024 ? 900 : 150, static_cast<unsigned>(year)));
  expect_as_in_memory(config_of(folder.path() / "data"), folder.path(), 7);
}

TEST(StreamedRows, EqualTheParquetTable) {
  const TemporaryFolder folder;
  std::vector<double> a, b;
  std::vector<std::string> city, y;
  for (const auto& row : some_rows(1000)) {
    a.push_back(std::stod(row.a));
    b.push_back(row.b.empty() ? NAN : std::stod(row.b));
    city.push_back(row.city);
    y.push_back(row.y);
  }
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("a", arrow::float64()), arrow::field("b", arrow::float64()),
                     arrow::field("city", arrow::utf8()), arrow::field("y", arrow::utf8())}),
      {testing::doubles(a), testing::doubles(b), testing::words(city), testing::words(y)});
  const auto file = testing::write_parquet(folder.path() / "t.parquet", *table, 150);
  expect_as_in_memory(config_of(file), folder.path(), 7);
}

TEST(StreamedRows, LargeRowGroupsAreCut) {
  const TemporaryFolder folder;
  constexpr std::size_t rows = 140'000;
  std::vector<double> a(rows), b(rows);
  std::vector<std::string> city(rows, "Oslo"), y(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    a[i] = static_cast<double>(i);
    b[i] = std::sqrt(a[i]);
    y[i] = i % 3 == 0 ? "good" : "fraud";
  }
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("a", arrow::float64()), arrow::field("b", arrow::float64()),
                     arrow::field("city", arrow::utf8()), arrow::field("y", arrow::utf8())}),
      {testing::doubles(a), testing::doubles(b), testing::words(city), testing::words(y)});
  const auto file = testing::write_parquet(folder.path() / "t.parquet", *table, rows);
  expect_as_in_memory(config_of(file), folder.path(), 2);
}

TEST(StreamedRows, DoNotNeedRoomForAllBlocks) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "t.csv", some_rows(2000));
  expect_as_in_memory(config_of(folder.path() / "t.csv"), folder.path(), 10, /*most_bytes=*/3000);
}

TEST(StreamedRows, ABlockIsDecodedOnceByAllOfAHost) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "t.csv", some_rows(800));
  const auto first = stream_of(config_of(folder.path() / "t.csv"), nullptr, folder.path());
  Streamed second;
  second.config = first->config;
  second.index = first->index;
  second.plan = first->plan;
  second.open(folder.path());
  const StreamedRows rows(first->blocks, SplitPart::train, 1 << 16),
      others(second.blocks, SplitPart::train, 1 << 16);
  std::vector<std::int64_t> all(static_cast<std::size_t>(rows.size()));
  std::iota(all.begin(), all.end(), 0);
  const Batch made = rows.read(all), found = others.read(all);
  expect_same(made, found);
  EXPECT_EQ(first->blocks->decoded(), static_cast<std::int64_t>(first->index.blocks.size()));
  EXPECT_EQ(second.blocks->decoded(), 0);
}

TEST(StreamedRows, LeaveNothingBehind) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "t.csv", some_rows(300));
  fs::create_directories(folder.path() / "rows");
  {
    const auto streamed = stream_of(config_of(folder.path() / "t.csv"), nullptr, folder.path() / "rows");
    StreamedRows(streamed->blocks, SplitPart::train, 1 << 16).read({0});
    EXPECT_FALSE(fs::is_empty(folder.path() / "rows"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path() / "rows"));
}

TEST(StreamedRows, PlansAreTheSameOnAnyNumberOfRanks) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "t.csv", some_rows(2500));
  const auto config = config_of(folder.path() / "t.csv");
  const auto one = stream_of(config, nullptr, folder.path());
  for (const int ranks : {2, 5, 40}) {
    std::mutex mutex;
    run_as_threads(ranks, [&](Communicator& control) {
      const auto index = make_index(config.train_file, config.csv, kBlockBytes, control);
      const auto plan = make_plan(index, request_of(config), control);
      const std::lock_guard lock(mutex);
      EXPECT_EQ(index.to_json().dump(), one->index.to_json().dump()) << ranks;
      EXPECT_EQ(plan.to_json().dump(), one->plan.to_json().dump()) << ranks;
    });
  }
}

TEST(StreamedRows, PlansAndIndexesAreKept) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "t.csv", some_rows(500));
  const auto config = config_of(folder.path() / "t.csv");
  LocalCommunicator alone;
  const auto file = index_file(config.train_file);
  const auto index = open_index({file}, config.train_file, config.csv, kBlockBytes, alone);
  ASSERT_TRUE(current_index(file, config.train_file, config.csv, kBlockBytes));
  EXPECT_FALSE(current_index(file, config.train_file, config.csv, 2 * kBlockBytes)) << "cut in another way";
  const auto plan = open_plan({file.parent_path()}, index, request_of(config), alone);
  EXPECT_EQ(open_plan({file.parent_path()}, index, request_of(config), alone).to_json().dump(),
            plan.to_json().dump());
  write_csv(folder.path() / "t.csv", some_rows(501));
  EXPECT_FALSE(current_index(file, config.train_file, config.csv, kBlockBytes)) << "the file has changed";
  EXPECT_NE(open_index({file}, config.train_file, config.csv, kBlockBytes, alone).hash(), index.hash());
}

TEST(StreamedRows, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "t.csv";
  write_csv(file, some_rows(800));
  const auto streamed = stream_of(config_of(file), nullptr, folder.path());
  const auto& block = streamed->index.blocks.at(2);
  {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(block.part.begin + 5);
    out.put('7');
  }
  const auto text = data_error([&] { streamed->blocks->open(2, SplitPart::train); });
  EXPECT_CONTAINS(text, "rows " + std::to_string(block.part.first_row + 1) + " to ");
  EXPECT_CONTAINS(text, "has changed or is damaged");
  fs::remove(file);
  EXPECT_CONTAINS(data_error([&] { streamed->blocks->open(3, SplitPart::train); }), "there is no such file");
}

TEST(StreamedRows, BadRowsAreNamedOrLeftOut) {
  const TemporaryFolder folder;
  auto rows = some_rows(800);
  rows[500].b = "oops";
  rows[700].a = "";
  write_csv(folder.path() / "t.csv", rows);
  auto config = config_of(folder.path() / "t.csv");
  config.missing.numeric = "error";
  config.features.ignore = {"b"};
  LocalCommunicator alone;
  const auto index = make_index(config.train_file, config.csv, kBlockBytes, alone);
  EXPECT_CONTAINS(data_error([&] { make_plan(index, request_of(config), alone); }), "row 701 (line ");
  config.bad_rows = "skip";
  const auto plan = make_plan(index, request_of(config), alone);
  EXPECT_EQ(plan.bad_rows, 1);
  EXPECT_CONTAINS(plan.first_bad, "row 701 (line ");
  EXPECT_EQ(
      plan.rows_of(SplitPart::train) + plan.rows_of(SplitPart::validation) + plan.rows_of(SplitPart::test),
      799);
  config.features.ignore = {};
  const auto both = make_plan(index, request_of(config), alone);
  EXPECT_GT(both.bad_rows, 2) << "missing values of b";
  config.most_bad_rows = 2;
  EXPECT_CONTAINS(data_error([&] { make_plan(index, request_of(config), alone); }),
                  "more than data.most_bad_rows (2)");
  config.missing.numeric = "mean";
  EXPECT_EQ(make_plan(index, request_of(config), alone).bad_rows, 1);
}

TEST(StreamedRows, UnseenWordsAreRefusedBeforeTheTraining) {
  const TemporaryFolder folder;
  auto rows = some_rows(800);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].city = i % 2 == 0 ? "Oslo" : "Rome";
  auto config = config_of(folder.path() / "t.csv");
  config.unseen = "error";
  config.split.stratify = false;
  for (const bool in_training : {true, false}) {
    auto some = rows;
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto part = part_by_hash(config.split, split_hash(static_cast<std::int64_t>(i), 7));
      if (i < 600 || (part == SplitPart::train) != in_training) continue;
      some[i].city = "Lima";
      break;
    }
    write_csv(folder.path() / "t.csv", some);
    for (const int ranks : {1, 3})
      run_as_threads(ranks, [&](Communicator& control) {
        const auto index = make_index(config.train_file, config.csv, kBlockBytes, control);
        if (in_training)
          EXPECT_EQ(make_plan(index, request_of(config), control).rows.size(), index.blocks.size());
        else
          EXPECT_THROW(make_plan(index, request_of(config), control), Error);
      });
    if (in_training) continue;
    LocalCommunicator alone;
    const auto index = make_index(config.train_file, config.csv, kBlockBytes, alone);
    EXPECT_CONTAINS(data_error([&] { make_plan(index, request_of(config), alone); }),
                    "column 'city': 'Lima' does not occur in the training part");
  }
}

TEST(StreamedRows, BlocksAreDecodedAhead) {
  const TemporaryFolder folder;
  write_csv(folder.path() / "t.csv", some_rows(2000));
  const auto streamed = stream_of(config_of(folder.path() / "t.csv"), nullptr, folder.path());
  EpochOrder::Options options{.blocks = {}, .lanes = 4, .window = 16, .seed = 3};
  for (const auto& rows : streamed->plan.rows) options.blocks.push_back(rows[0]);
  Sampler sampler({.global_batch_size = 64}, EpochOrder(options));
  const StreamedRows rows(streamed->blocks, SplitPart::train, 1 << 16);
  std::set<std::int64_t> soon;
  for (std::int64_t batch = 0; batch < sampler.batches_per_epoch(); ++batch) {
    const auto blocks = sampler.blocks_soon(0, batch);
    soon.insert(blocks.begin(), blocks.end());
    rows.expect(blocks);
    for (const auto index : sampler.indices(0, batch)) {
      std::int64_t block = 0, before = 0;
      while (before + options.blocks[static_cast<std::size_t>(block)] <= index)
        before += options.blocks[static_cast<std::size_t>(block++)];
      ASSERT_TRUE(soon.contains(block)) << batch;
    }
    rows.read(sampler.indices(0, batch));
  }
  EXPECT_EQ(soon.size(), streamed->index.blocks.size());
}

}  // namespace
}  // namespace ringtrain
