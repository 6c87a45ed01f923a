#pragma once

#include <cstdint>
#include <string>

#include "common/kind_choice.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain {

/// The `data:` block: a file, and a kind of data with its options.
struct DataConfig {
  using Kinds = KindChoice<DataKind>::Kinds;
  explicit DataConfig(const Kinds& known = built_in_data())
      : format("data", "What train_file holds.", "csv", known, "format") {}

  std::string train_file;
  std::int64_t prefetch_batches = 0;  ///< 0: read in the training thread, best while the table is in memory
  KindChoice<DataKind> format;
  void describe(config::Visitor& v);

  const DataKind& kind() const { return format.kind(); }
  /// Throws ConfigError where the data are no table.
  TableConfig table() const;
};

}  // namespace ringtrain
