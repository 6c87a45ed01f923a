#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config.h"
#include "data/schema/reading.h"

namespace ringtrain {

/// Categorical columns whose words are encoded in another way than `encoding` says. Patterns: "*_id".
struct EncodingsConfig {
  std::vector<std::string> one_hot, embedding, hash;
  void describe(config::Visitor& v);
};

/// Which columns are features. Patterns: "V*".
struct FeaturesConfig {
  std::vector<std::string> numeric{"*"};
  std::vector<std::string> categorical;
  std::vector<std::string> date;
  std::vector<std::string> ignore;
  std::string encoding = "one_hot";  ///< one_hot | embedding | hash: of the categorical columns
  EncodingsConfig encodings;
  std::int64_t buckets = 32768;  ///< of each hashed column
  std::int64_t min_count = 2;    ///< of embedded columns: rarer words are like unseen ones
  void describe(config::Visitor& v);
};

/// What a missing value (an empty field, NaN, NA) becomes.
struct MissingConfig {
  std::string numeric = "error";      ///< error | mean (of the training part)
  std::string categorical = "error";  ///< error | category (a category of its own)
  std::string target = "error";       ///< error | drop (the row)
  void describe(config::Visitor& v);
};

/// How a CSV file is written; "auto": as its beginning shows (data/table/csv_dialect.h).
struct CsvConfig {
  std::string delimiter = "auto";  ///< auto | tab | none | one ASCII character
  std::string decimal = "auto";    ///< auto | . | ,
  std::string quote = "auto";      ///< auto | " | ' | none
  std::string encoding = "auto";   ///< auto | utf-8 | latin-1 | windows-1252 | utf-16le | utf-16be
  std::vector<std::string> missing = ReadingRules::usual_missing();  ///< of every form of data
  void describe(config::Visitor& v);
};

struct SplitConfig {
  double train = 0.7, validation = 0.15, test = 0.15;
  bool stratify = true;  ///< of tables alone
  void describe(config::Visitor& v);
  void describe_shares(config::Visitor& v);
};

/// Token numbers of texts, as `data.format: tokens` describes them.
struct TokensConfig {
  std::string train_file;  ///< the block's own, not described here
  std::string validation_file, test_file;
  std::string dtype = "auto";  ///< auto | uint16 | uint32
  SplitConfig split{.train = 0.9, .validation = 0.05, .test = 0.05, .stratify = false};
  void describe(config::Visitor& v);
};

/// How a table that is not held in memory is read (data/blocks/).
struct StreamingConfig {
  bool enabled = false;
  std::int64_t lanes = 0;       ///< 0: as the blocks allow
  std::int64_t window = 16384;  ///< rows
  std::int64_t block_mib = 64;  ///< of CSV
  std::int64_t memory_mib = 0;  ///< of a rank; 0: a quarter of the host's divided by its ranks
  std::string folder;           ///< of the decoded rows; "": of the system's temporary files
  std::int64_t folder_mib = 0;  ///< 0: as much as they take
  void describe(config::Visitor& v);
};

/// A table, as `data.format: csv` describes it.
struct TableConfig {
  std::string train_file;                  ///< the block's own, not described here
  std::string validation_file, test_file;  ///< with one, train_file is the training part alone
  std::vector<std::string> targets;        ///< `target` in YAML; one, or for some tasks several
  std::string weight;                      ///< the column of the rows' weights; "": none
  FeaturesConfig features;
  CsvConfig csv;
  MissingConfig missing;
  std::string sampling = "all";       ///< all | balanced (by class) | weight (by that column)
  std::string bad_rows = "stop";      ///< stop | skip: a row that cannot be read
  std::int64_t most_bad_rows = 1000;  ///< that are skipped
  StreamingConfig streaming;
  std::string unseen = "other";        ///< other | error: a word that the training part does not have
  std::string normalize = "standard";  ///< standard (mean 0, deviation 1) | minmax (0 to 1) | none
  SplitConfig split;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
