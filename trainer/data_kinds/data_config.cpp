#include "trainer/data_kinds/data_config.h"

#include <fmt/format.h>

namespace ringtrain {

std::vector<std::shared_ptr<DataKind>> built_in_data() { return {table_kind(), tokens_kind()}; }

TaskData PreparedData::for_task() const {
  TaskData data;
  data.targets = preprocessing.targets;
  data.labels = preprocessing.labels;
  data.class_counts = class_counts;
  data.rows = train->size();
  if (preprocessing.tokens) data.vocabulary = preprocessing.tokens->vocabulary;
  if (preprocessing.scales_target()) data.scales = preprocessing.target_scales;
  return data;
}

void DataConfig::describe(config::Visitor& v) {
  v.field(
      "train_file", train_file,
      "The file to learn from. csv: a table with a header line (.csv or .csv.gz) or in Parquet (.parquet or "
      ".pq), which is split into the three parts; also a folder of such files, with all below it, or a "
      "pattern such as sales/part-*.csv, and folders named year=2024 are columns; on this machine or in an "
      "object store, such as gs://bucket/cards.csv (docs/storage.md). tokens: unsigned numbers "
      "of 16 or 32 bits, "
      "little-endian, nothing else (nanoGPT's files), or with llm.c's header.");
  v.field("prefetch_batches", prefetch_batches,
          "Batches that a thread of its own reads ahead. 0 reads them in the training thread, which costs "
          "less than handing them over while the table is in memory. For a GPU it is 2 at least: the thread "
          "copies them there, too.",
          config::non_negative());
  format.describe(v);
  const auto* kind = format.find();
  v.require("train_file", !train_file.empty() || (kind && !kind->reads_file()),
            "required: the file to train on, such as data.train_file: transactions.csv");
}

TableConfig DataConfig::table() const {
  if (auto table = kind().table(train_file)) return *table;
  throw ConfigError(fmt::format("data.format: {} is no table, which this needs; use csv", kind().name()));
}

}  // namespace ringtrain
