#include "data/schema/data_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/errors.h"
#include "common/files.h"
#include "common/yaml_reader.h"

namespace ringtrain {

void SchemaColumn::describe(config::Visitor& v) {
  v.field("name", name, "The column, as the file calls it.");
  v.require("name", !name.empty(), "required: the column's name");
  v.field("type", type,
          "What its values are: word (any text), number (a finite one), whole (a number without a "
          "fraction), date.",
          {"word", "number", "whole", "date"});
  v.field("domain", domain, "The words that it may hold, as training reads them. Empty: any.");
  v.require("domain", domain.empty() || type == "word", "a list of words is for columns of the type word");
  v.field("range", range, "Of numbers: the least and the largest, as [0, 120]. Empty: any.");
  v.require("range", range.empty() || takes_numbers(), "a range is for columns of the type number or whole");
  v.require("range", range.empty() || (range.size() == 2 && range[0] <= range[1]),
            "expected two numbers, the smaller one first");
  v.field("missing", missing, "The largest share of rows without a value.", config::fraction());
}

void DataSchema::describe(config::Visitor& v) {
  v.sections("columns",
             "What the columns may hold; others may hold anything. `ringtrain schema infer DATA` writes a "
             "first list.",
             columns);
  std::set<std::string> names;
  for (const auto& column : columns)
    v.require("columns", names.insert(column.name).second,
              fmt::format("the column '{}' is there twice", column.name));
  v.field("file", file, "A file that `ringtrain schema infer` wrote, in place of columns.");
  v.require("file", file.empty() || columns.empty(), "give columns, or a file that has them, not both");
  v.field("on_violation", on_violation,
          "What happens where rows are not so: refuse (an error, before anything is done with them), warn "
          "(a line for each kind), quarantine (such rows are left out, counted and written to "
          "quarantine_file). A column that is not there, or that lacks too many values, is refused in any "
          "case but warn.",
          {"refuse", "warn", "quarantine"});
  v.field("quarantine_file", quarantine_file, "Where on_violation: quarantine writes rows, as JSON lines.");
  v.require("quarantine_file", on_violation != "quarantine" || !quarantine_file.empty(),
            "required with on_violation: quarantine");
}

DataSchema DataSchema::resolved() const {
  if (file.empty()) return *this;
  auto result = *this;
  result.columns = read_schema(read_file(file), file).columns;
  result.file.clear();
  if (result.columns.empty())
    throw ConfigError(fmt::format(
        "data.schema.file: {} has no data.schema.columns; `ringtrain schema infer` writes them", file));
  return result;
}

DataSchema read_schema(const std::string& text, const std::string& name) {
  DataSchema schema;
  config::YamlDocument::from_text(text, name).read([&](config::Visitor& v) {
    v.section("data", "", [&](config::Visitor& data) { data.section("schema", "", schema); });
  });
  return schema;
}

const SchemaColumn* DataSchema::find(const std::string& name) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const SchemaColumn& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

}  // namespace ringtrain
