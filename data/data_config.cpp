#include "data/data_config.h"

#include <cmath>

namespace ringtrain {

void FeaturesConfig::describe(config::Visitor& v) {
  v.field("numeric", numeric,
          "Columns that hold numbers, by name or pattern (V*). Those under categorical and ignore, and the "
          "target, are left out.");
  v.field("categorical", categorical,
          "Columns that hold words (or numbers that mean words), by name or pattern: one-hot.");
  v.field("ignore", ignore, "Columns that the model does not see, by name or pattern.");
}

void MissingConfig::describe(config::Visitor& v) {
  v.field("numeric", numeric,
          "What a missing number (an empty field, NaN, NA) becomes: an error that names its row, or the "
          "training part's mean.",
          {"error", "mean"});
  v.field("categorical", categorical,
          "What a missing word becomes: an error that names its row, or a category of its own.",
          {"error", "category"});
}

void SplitConfig::describe(config::Visitor& v) {
  v.field("train", train, "Share of the rows that the model learns from.", config::fraction());
  v.field("validation", validation, "Share that chooses the best checkpoint and the threshold.",
          config::fraction());
  v.field("test", test, "Share that is only measured at the end.", config::fraction());
  v.field("stratify", stratify, "Give each part its share of every class (classification only).");
  v.require("train", train > 0,
            "expected a positive number: without training rows there is nothing to learn from");
  v.require("test", std::abs(train + validation + test - 1) <= 1e-9,
            "train, validation and test must add up to 1; they add up to " +
                std::to_string(train + validation + test));
}

void DataConfig::describe(config::Visitor& v) {
  v.field("train_file", train_file,
          "A CSV file with a header line (.csv or .csv.gz); it is split into the three parts.");
  v.require("train_file", !train_file.empty(),
            "required: the CSV file to train on, such as data.train_file: transactions.csv");
  v.field("target", target, "The column to predict.");
  v.require("target", !target.empty(), "required: the column to predict, such as data.target: Class");
  v.section("features", "Which columns the model sees.", features);
  v.section("missing", "What missing values become.", missing);
  v.field("normalize", normalize,
          "How numeric columns are scaled, fitted on the training part only: standard (mean 0, deviation 1), "
          "minmax (0 to 1), none.",
          {"standard", "minmax", "none"});
  v.section("split", "How the rows are divided: a pure function of row and seed.", split);
  v.field("prefetch_batches", prefetch_batches,
          "Batches that a thread of its own reads ahead. 0 reads them in the training thread, which costs "
          "less than handing "
          "them over while the table is in memory.",
          config::non_negative());
}

}  // namespace ringtrain
