#pragma once

#include <string>

#include "data/data_config.h"
#include "data/schema/data_schema.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// Where a schema was taken from.
struct SchemaSource {
  enum class Kind { data, schema_file, configuration, model };
  Kind kind;
  DataSchema schema;
  CsvConfig csv{};     ///< of a configuration; else as the file's beginning shows
  std::string remark;  ///< "12,000 rows of a.csv, of which 10,000 were looked at"
};

/// The schema that `place` has: data.schema of a configuration or of a file that `schema infer` wrote; what
/// an exported model was trained on (BASE/NAME, BASE/NAME@live); else it is data, and what its first 100,000
/// rows hold. `of_data`: also of a configuration, whose data.train_file is looked at then. Throws ConfigError
/// for a configuration without data.schema, DataError for data that cannot be read.
SchemaSource find_schema(const std::string& place, const Catalogue& catalogue, bool of_data = false);

}  // namespace ringtrain
