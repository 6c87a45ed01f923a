#pragma once

#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// What the values of a column of a file may be.
struct SchemaColumn {
  std::string name;
  std::string type = "word";          ///< word (any text) | number (finite) | whole (number) | date
  std::vector<std::string> domain{};  ///< the words that it takes; empty: any
  std::vector<double> range{};        ///< of numbers: least and largest; empty: any
  double missing = 1;                 ///< the largest share of rows without a value
  void describe(config::Visitor& v);
  bool takes_numbers() const { return type == "number" || type == "whole"; }
};

/// What rows have to be like, as people agreed on it: `data.schema` of a configuration. `ringtrain schema`
/// finds a first one in data; training holds its rows against it.
struct DataSchema {
  std::vector<SchemaColumn> columns;    ///< others may hold anything
  std::string file;                     ///< that has them instead
  std::string on_violation = "refuse";  ///< refuse | warn | quarantine
  std::string quarantine_file;          ///< where quarantined rows go
  void describe(config::Visitor& v);

  bool empty() const { return columns.empty() && file.empty(); }
  /// With the columns of `file` where there is one. Throws ConfigError where it cannot be read or has none.
  DataSchema resolved() const;
  const SchemaColumn* find(const std::string& name) const;
};

/// `data.schema` of a text, as `ringtrain schema infer` writes it. Throws ConfigError with all that is wrong;
/// `name` says where.
DataSchema read_schema(const std::string& text, const std::string& name);

}  // namespace ringtrain
