#include "launch/behaviour/tests_of_run.h"

#include <fmt/format.h>

#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "launch/commands/labelled_table.h"
#include "trainer/data_kinds/table_parts.h"

namespace ringtrain {
namespace {

class NoRows : public LabelledRows {
 public:
  std::int64_t size() const override { return 0; }
  Piece read(std::int64_t, std::int64_t) const override { return {}; }
};

/// The rows of the run's test part, or of its validation part, by the schema of the version.
std::unique_ptr<LabelledRows> rows_of_run(const RunConfig& config, const TableConfig& table,
                                          const Preprocessing& schema) {
  auto parts = read_parts(table, {config.data.train_file, config.task.kind(), config.model.kind(),
                                  static_cast<std::uint64_t>(config.seed), at::kFloat, schema});
  const bool test = !parts.split.test.empty();
  auto& part = test ? parts.test : parts.validation;
  auto rows = test ? parts.split.test : parts.split.validation;
  return rows_of_table(part ? std::move(*part) : std::move(parts.train), std::move(rows), schema);
}

/// An export is not lost for want of a file of rows: then no test is run.
BehaviourResults tried(const std::vector<BehaviourTest>& tests, const Predictor& predictor,
                       const LabelledRows& rows, const Catalogue& catalogue) {
  try {
    return run_behaviour_tests(tests, predictor, rows, catalogue);
  } catch (const Error& error) {
    log::warn(error.what());
    BehaviourResults results;
    for (const auto& test : tests) {
      auto& result = results.emplace_back(BehaviourResult{.name = test.name, .type = test.type});
      result.found = fmt::format("the tests cannot be run: {}", error.what());
    }
    return results;
  }
}

}  // namespace

BehaviourResults run_tests_of(const RunConfig& config, const std::filesystem::path& version) {
  Catalogue catalogue;
  catalogue.tasks = config.task.kinds;
  const Predictor predictor(version.string());
  const auto table = config.data.kind().table(config.data.train_file);
  const bool in_memory = table && !table->streaming.enabled;
  const std::unique_ptr<LabelledRows> rows =
      in_memory ? rows_of_run(config, *table, predictor.manifest().preprocessing)
                : std::make_unique<NoRows>();
  auto results = tried(config.tests, predictor, *rows, catalogue);
  if (!in_memory)
    for (auto& result : results)
      if (result.state == BehaviourResult::State::not_run && result.type != "rows")
        result.found = "the rows are read in blocks: `ringtrain evaluate` runs it on a file of rows";
  return results;
}

nlohmann::json kept_tests(const std::vector<BehaviourTest>& tests, const BehaviourResults& results) {
  return {{"definition", to_yaml(tests)}, {"results", to_json(results)}};
}

std::vector<BehaviourTest> tests_of(const Manifest& manifest) {
  if (!manifest.tests.is_object()) return {};
  try {
    return tests_from_yaml(manifest.tests.at("definition").get<std::string>(), "the manifest's tests");
  } catch (const nlohmann::json::exception& problem) {
    throw ExportError(
        fmt::format("{}: the manifest's tests cannot be read: {}", manifest.name, problem.what()));
  }
}

}  // namespace ringtrain
