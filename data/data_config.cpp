#include "data/data_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace ringtrain {

static bool is_delimiter(const std::string& text) {
  if (text == "auto" || text == "tab" || text == "none") return true;
  if (text.size() != 1 || text[0] <= 0) return false;
  return !std::isalnum(static_cast<unsigned char>(text[0])) &&
         std::string_view("\"'\\+-.\r\n").find(text[0]) == std::string_view::npos;
}

/// The first name that a list has more than once; "" for none.
static std::string twice_in(const std::vector<std::string>& names) {
  for (auto name = names.begin(); name != names.end(); ++name)
    if (std::find(names.begin(), name, *name) != name) return *name;
  return "";
}

void FeaturesConfig::describe(config::Visitor& v) {
  v.field("numeric", numeric,
          "Columns that hold numbers, by name or pattern (V*). Those under categorical and ignore, the "
          "targets and the weight are left out.");
  v.field("categorical", categorical,
          "Columns that hold words (or numbers that mean words), by name or pattern.");
  v.field(
      "date", date,
      "Columns that hold dates or times (2024-07-01, 2024-07-01 12:30), by name or pattern. The model sees "
      "year, month, weekday, hour and the days since 1970 of each.");
  v.field("ignore", ignore, "Columns that the model does not see, by name or pattern.");
  v.field("encoding", encoding,
          "How the words of categorical columns reach the model: one_hot (a place for each word; at most "
          "10,000), embedding (a learned vector for each word; at most 200,000; model.type: mlp), hash (a "
          "learned vector for each of `buckets` groups of words, any number of them, no list of words kept; "
          "model.type: mlp).",
          {"one_hot", "embedding", "hash"});
  v.section("encodings", "Categorical columns with another encoding than that.", encodings);
  v.field("buckets", buckets,
          "Groups into which a hashed column's words fall, by their hash: about as many as there are words "
          "keep most of them apart.",
          config::NumberRule{.low = 2, .high = 16777216});
  v.field(
      "min_count", min_count,
      "How often the training part has a word that gets a vector of its own in an embedded column. Rarer "
      "ones share one, which is also that of words that training did not see. With data.unseen: error all "
      "words have one.",
      config::at_least(1));
}

void EncodingsConfig::describe(config::Visitor& v) {
  v.field("one_hot", one_hot, "Categorical columns with a place for each word, by name or pattern.");
  v.field("embedding", embedding,
          "Categorical columns with a learned vector for each word, by name or pattern.");
  v.field("hash", hash,
          "Categorical columns with a learned vector for each group of words of the same hash, by name or "
          "pattern.");
}

void MissingConfig::describe(config::Visitor& v) {
  v.field("numeric", numeric,
          "What a missing number (an empty field, NaN, NA) becomes: an error that names its row, or the "
          "training part's mean.",
          {"error", "mean"});
  v.field("categorical", categorical,
          "What a missing word becomes: an error that names its row, or a category of its own.",
          {"error", "category"});
  v.field("target", target, "What a row without a target is: an error that names it, or left out.",
          {"error", "drop"});
}

void CsvConfig::describe(config::Visitor& v) {
  v.field("delimiter", delimiter,
          "What stands between two fields: auto (, ; tab or |, as the file's beginning shows), tab, none (a "
          "single column), or any single ASCII character.");
  v.require("delimiter", is_delimiter(delimiter),
            "expected auto, tab, none, or a single ASCII character such as ';' (no quote, backslash, letter, "
            "digit, sign, dot or line end), got '" +
                delimiter + "'");
  v.field("decimal", decimal,
          "What stands before a number's decimals: auto (a comma where values look like 12,5 and none like "
          "12.5), a dot, or a comma.",
          {"auto", ".", ","});
  v.field("quote", quote,
          "What encloses a field that holds delimiters or line ends: auto, \", ', or none (quotes are "
          "characters like others).",
          {"auto", "\"", "'", "none"});
  v.require("decimal", decimal != "," || quote != "none" || delimiter != ",",
            "a comma cannot stand between fields and in numbers where there are no quotes");
  v.field("encoding", encoding,
          "How the file writes characters; auto finds UTF-8, UTF-16 and Windows-1252 (which has all of "
          "Latin-1).",
          {"auto", "utf-8", "latin-1", "windows-1252", "utf-16le", "utf-16be"});
  v.field(
      "missing", missing,
      "The texts that stand for a missing value, in every form of data; an empty one always does. Where NA "
      "is Namibia, leave it out.");
}

void SplitConfig::describe_shares(config::Visitor& v) {
  v.field("train", train, "Share of the samples that the model learns from.", config::fraction());
  v.field("validation", validation, "Share that chooses the best checkpoint and the threshold.",
          config::fraction());
  v.field("test", test, "Share that is only measured at the end.", config::fraction());
  v.require("train", train > 0,
            "expected a positive number: without training rows there is nothing to learn from");
  v.require("test", std::abs(train + validation + test - 1) <= 1e-9,
            "train, validation and test must add up to 1; they add up to " +
                std::to_string(train + validation + test));
}

void SplitConfig::describe(config::Visitor& v) {
  describe_shares(v);
  v.field("stratify", stratify, "Give each part its share of every class (classification only).");
  v.field(
      "group", group,
      "A column: rows of one value are all in one part, which the value's hash decides. Empty: none. It is "
      "a feature, too, unless data.features.ignore names it.");
  v.field(
      "time", time,
      "A column of numbers or dates: the oldest rows are the training part, the next ones validation, the "
      "newest the test part; rows of one time stay together. Empty: none. It is a feature, too, unless "
      "data.features.ignore names it.");
  v.require("time", group.empty() || time.empty(),
            "group and time exclude each other; leave one of them out");
  v.field(
      "folds", folds,
      "Cuts the rows into so many folds, of which one is the test part; validation is taken from the rest, "
      "validation / (train + validation) of it, and `test` has no effect. 0: no folds. `ringtrain "
      "cross-validate` trains on each of them.",
      config::NumberRule{.low = 0, .high = 1000});
  v.require("folds", folds != 1, "expected 0 (none), or 2 at least: one fold leaves nothing to train on");
  v.field("fold", fold, "Which fold is the test part, from 1 on.", config::at_least(1));
  v.require("fold", fold <= std::max<std::int64_t>(1, folds),
            folds == 0 ? fmt::format("there is no fold {} without data.split.folds", fold)
                       : fmt::format("there is no fold {} of {}; the first is 1", fold, folds));
  v.field("repeat", repeat, "Which drawing of the folds, from 1 on; each has others.", config::at_least(1));
  v.require("repeat", repeat == 1 || folds > 0, "it is folds that are drawn anew; set data.split.folds, too");
  v.require("repeat", repeat == 1 || time.empty(),
            "folds by time are the same in each drawing; leave it out");
}

void TokensConfig::describe(config::Visitor& v) {
  v.field(
      "validation_file", validation_file,
      "Tokens of the validation part. With it, or with test_file, train_file is the training part alone.");
  v.field("test_file", test_file, "Tokens of the test part.");
  v.field("token_dtype", dtype,
          "What a token is in the files: an unsigned little-endian number of 16 or 32 bits. auto: what the "
          "file's content shows; a file that shows neither is refused.",
          {"auto", "uint16", "uint32"});
  v.section("split", "How train_file is divided, into contiguous runs, when it is the only file.",
            [this](config::Visitor& inner) { split.describe_shares(inner); });
}

void StreamingConfig::describe(config::Visitor& v) {
  v.field(
      "enabled", enabled,
      "Whether rows are read from the file as they are needed, in place of all of them at the start. Their "
      "order is then another one: by blocks, lanes and windows (docs/data.md).");
  v.field("lanes", lanes,
          "Places of the data from which each batch is drawn: more of them mix better and take more memory. "
          "0: a quarter of the blocks, at most 64. Never more than the global batch.",
          config::NumberRule{.low = 0, .high = 65536});
  v.field("window", window,
          "Rows of a lane that are mixed with each other: more of them mix better and take more memory.",
          config::at_least(1));
  v.field("block_mib", block_mib, "About the size of the blocks into which a CSV file is cut, in MiB.",
          config::NumberRule{.low = 1, .high = 65536});
  v.field("memory_mib", memory_mib,
          "What the rows that a rank holds may take, in MiB; more than that is refused before the training "
          "starts. 0: a quarter of the host's memory, divided by its ranks.",
          config::non_negative());
  v.field("folder", folder,
          "Where decoded rows are kept until they are used, best on a disk of the host itself; shared by the "
          "ranks of a host. Empty: the system's folder of temporary files (TMPDIR).");
  v.field("folder_mib", folder_mib,
          "What they may take there, in MiB: blocks that were not used for the longest time go first and are "
          "decoded again. 0: as much as all rows take.",
          config::non_negative());
}

void TableConfig::describe(config::Visitor& v) {
  v.one_or_more("target", targets, "The target column; a list for tasks with several.");
  v.require("target", !targets.empty() && std::find(targets.begin(), targets.end(), "") == targets.end(),
            "required: the column to predict, such as data.target: Class");
  const auto twice = twice_in(targets);
  v.require("target", twice.empty(), fmt::format("it names '{}' twice", twice));
  v.field("weight", weight,
          "The column of the rows' weights: numbers from 0 on, by which each row counts in the "
          "loss. The model does not see it. Empty: all rows count alike.");
  v.require("weight", weight.empty() || std::find(targets.begin(), targets.end(), weight) == targets.end(),
            fmt::format("'{}' is a target, too", weight));
  v.section("features", "Which columns the model sees.", features);
  v.section("csv", "How the file is written.", csv);
  v.section("missing", "What missing values become.", missing);
  v.field(
      "bad_rows", bad_rows,
      "What a row is whose values cannot be read or are missing where they must not be: an error, or left "
      "out (counted, at most `most_bad_rows`).",
      {"stop", "skip"});
  v.field("most_bad_rows", most_bad_rows, "Rows that `bad_rows: skip` leaves out at most.",
          config::non_negative());
  v.section("streaming", "Tables that do not fit into memory.", streaming);
  v.field("sampling", sampling,
          "How often a row of the training part appears in an epoch, which stays as long as the part: all "
          "(each once); balanced (each class as often as the others); weight (as `weight` says, in place of "
          "counting by it in the loss).",
          {"all", "balanced", "weight"});
  v.require("sampling", sampling != "weight" || !weight.empty(), "weight needs data.weight, the column");
  v.require("sampling", sampling == "all" || !streaming.enabled,
            "rows that are read as they are needed (data.streaming) appear once each; use all, or weigh the "
            "classes in the loss (task.class_weights)");
  v.field("unseen", unseen,
          "What a word is that the training part does not have: other (like none of those that it "
          "has; counted), or an error.",
          {"other", "error"});
  v.require(
      "unseen", unseen != "error" || (features.encoding != "hash" && features.encodings.hash.empty()),
      "error needs a list of words, which a hashed column does not keep; use the encoding embedding for "
      "it, or unseen: other");
  v.field("validation_file", validation_file,
          "The rows of the validation part. With it, or with test_file, train_file is the "
          "training part alone, and nothing is split.");
  v.field("test_file", test_file, "The rows of the test part.");
  v.field("normalize", normalize,
          "How numeric columns are scaled, fitted on the training part only: standard (mean 0, "
          "deviation 1), minmax (0 to 1), none.",
          {"standard", "minmax", "none"});
  v.section("split", "How the rows are divided: a pure function of the rows and the seed.", split);
  const bool own_files = !validation_file.empty() || !test_file.empty();
  for (const auto& [field, given] :
       {std::pair{"group", !split.group.empty()}, {"time", !split.time.empty()}, {"folds", split.folds > 0}})
    v.require(
        "split", !given || !own_files,
        fmt::format("{}: nothing is split where data.validation_file or data.test_file is given", field));
  const auto is_target = [&](const std::string& column) {
    return !column.empty() && std::find(targets.begin(), targets.end(), column) != targets.end();
  };
  v.require("split", !is_target(split.group), fmt::format("group: '{}' is the target", split.group));
  v.require("split", !is_target(split.time), fmt::format("time: '{}' is the target", split.time));
  v.require(
      "split", !streaming.enabled || split.time.empty(),
      "time: a table in blocks (data.streaming) is not split by time. Cut the file into three, and name "
      "them: data.train_file, validation_file, test_file");
  v.require("split", !streaming.enabled || split.folds == 0 || (split.group.empty() && split.stratify),
            "folds: a table in blocks (data.streaming) has folds of classes alone, with stratify: true and "
            "without group; else write the number of each row's fold into a column, and give files of its "
            "parts: data.train_file, validation_file, test_file");
}

}  // namespace ringtrain
