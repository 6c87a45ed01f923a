#include <fmt/format.h>

#include "common/errors.h"
#include "common/text.h"
#include "data/profile/schema_check.h"
#include "data/profile/schema_infer.h"
#include "launch/check_codes.h"
#include "launch/commands/row_commands.h"
#include "launch/schema/schema_source.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string place, other, schema;
  bool as_json = false;
};

using nlohmann::ordered_json;

int infer(const Arguments& arguments, const Catalogue& catalogue) {
  const auto source = find_schema(arguments.place, catalogue, true);
  fmt::print("{}", schema_yaml(source.schema, "What " + source.remark +
                                                  " hold. Change what should be otherwise, and put it into a "
                                                  "configuration."));
  return CheckCode::good;
}

ordered_json to_json(const SchemaReport& report) {
  auto list = ordered_json::array();
  for (const auto& violation : report.violations) {
    auto examples = ordered_json::array();
    for (const auto& example : violation.examples)
      examples.push_back({{"row", example.row + 1}, {"value", example.value}});
    list.push_back({{"column", violation.column},
                    {"rule", violation.rule},
                    {"rows", violation.count},
                    {"examples", examples}});
  }
  return {{"rows", report.rows}, {"bad_rows", report.bad_rows.size()}, {"violations", list}};
}

int validate(const Arguments& arguments, const Catalogue& catalogue) {
  const auto source = find_schema(arguments.schema, catalogue);
  if (source.schema.empty()) throw ConfigError(fmt::format("{}: it names no columns", arguments.schema));
  const auto report = hold_against(source.schema, Location(arguments.place), source.csv);
  const int code = report.good() ? CheckCode::good : CheckCode::warnings;
  if (arguments.as_json) {
    fmt::print("{}\n", to_json(report).dump(1));
    return code;
  }
  if (report.good()) {
    fmt::print("{} rows of {} are as {} says: {} columns\n", with_commas(report.rows), arguments.place,
               arguments.schema, source.schema.columns.size());
    return code;
  }
  fmt::print("{}\n\n{} problem{}; {} of {} rows have one\n", report.text(), report.violations.size(),
             report.violations.size() == 1 ? "" : "s",
             with_commas(static_cast<std::int64_t>(report.bad_rows.size())), with_commas(report.rows));
  return code;
}

int diff(const Arguments& arguments, const Catalogue& catalogue) {
  const auto then = find_schema(arguments.place, catalogue), now = find_schema(arguments.other, catalogue);
  const auto lines = schema_differences(then.schema, now.schema);
  if (arguments.as_json)
    fmt::print(
        "{}\n",
        ordered_json{{"then", arguments.place}, {"now", arguments.other}, {"differences", lines}}.dump(1));
  else if (lines.empty())
    fmt::print("no difference in {} columns\n", now.schema.columns.size());
  else
    fmt::print("{}\n", join(lines, "\n"));
  return lines.empty() ? CheckCode::good : CheckCode::warnings;
}

}  // namespace

void add_schema_command(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "schema", "What rows have to be like: find it in data, hold data against it, compare two.");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* doc, auto run, auto options) {
    auto arguments = std::make_shared<Arguments>();
    auto* one = command->add_subcommand(name, doc);
    options(*one, *arguments);
    one->callback([arguments, run, &program] {
      program.exit_code = with_check_codes([&] { return run(*arguments, program.catalogue); });
    });
  };
  add("infer", "Print an editable section data.schema.", infer, [](CLI::App& one, Arguments& arguments) {
    one.add_option("DATA", arguments.place,
                   "A CSV or Parquet file, a folder of them, or a configuration, whose data are looked at")
        ->required();
    one.footer("Example:\n  ringtrain schema infer customers.csv > schema.yaml");
  });
  add("validate", "Hold all rows of data against a schema.", validate,
      [](CLI::App& one, Arguments& arguments) {
        one.add_option("DATA", arguments.place, "A CSV or Parquet file, or a folder of them")->required();
        one.add_option("SCHEMA,--schema", arguments.schema,
                       "A file of `schema infer`, a configuration with data.schema, or an exported model")
            ->required()
            ->type_name("FILE|CONFIG|MODEL");
        one.add_flag("--json", arguments.as_json, "As JSON");
        one.footer(
            "Examples:\n"
            "  ringtrain schema validate july.csv schema.yaml\n"
            "  ringtrain schema validate july.csv models/churn@live\n"
            "Exit code 0: all rows are as it says, 1: some are not, 64: the command line or the schema is "
            "wrong; others: docs/errors.md.");
      });
  add("diff", "Say how two data sets, models or schemas differ.", diff,
      [](CLI::App& one, Arguments& arguments) {
        one.add_option("THEN", arguments.place,
                       "Data, an exported model, a file of `schema infer`, a configuration")
            ->required();
        one.add_option("NOW", arguments.other, "Another one")->required();
        one.add_flag("--json", arguments.as_json, "As JSON");
        one.footer(
            "Examples:\n"
            "  ringtrain schema diff june.csv july.csv\n"
            "  ringtrain schema diff models/churn/3 models/churn/4\n"
            "Exit code 0: no difference, 1: there are some, 64: the command line is wrong.");
      });
  command->footer(
      "Examples:\n"
      "  ringtrain schema infer customers.csv > schema.yaml\n"
      "  ringtrain schema validate july.csv schema.yaml\n"
      "  ringtrain schema diff june.csv july.csv");
}

}  // namespace ringtrain
