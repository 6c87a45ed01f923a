#include "launch/commands/labelled_rows.h"

#include <numeric>
#include <utility>

#include "common/errors.h"
#include "data/order/split.h"
#include "launch/commands/labelled_samples.h"
#include "launch/commands/labelled_table.h"

namespace ringtrain {

std::unique_ptr<LabelledRows> labelled_rows(const LabelledRequest& request, const std::string& missing_target,
                                            Part part) {
  const auto& schema = request.manifest.preprocessing;
  if (schema.tokens) throw ConfigError("a language model is not evaluated on columns");
  if (schema.signature) return labelled_samples(training_of(request), request, part);
  if (part != Part::all)
    throw ConfigError(
        "--part: the rows of a table are all taken; parts are for models of named tensors, whose kind of "
        "data "
        "makes them");
  auto table = read_labelled(request, missing_target);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows_of_table(std::move(table), std::move(rows), schema);
}

std::unique_ptr<LabelledRows> held_out_rows(const RunConfig& config, const LabelledRequest& request) {
  const auto& schema = request.manifest.preprocessing;
  if (schema.tokens) throw ConfigError("a language model is not evaluated on columns");
  if (schema.signature) return labelled_samples(config, request, Part::test);
  const auto of_table = config.data.table();
  auto asked = request;
  asked.split = of_table.split;
  auto table = read_labelled(asked, of_table.missing.target);
  auto rows = make_split(of_table.split, table, static_cast<std::uint64_t>(config.seed)).test;
  if (rows.empty())
    throw ConfigError(
        "data.split.test: nothing is held out, so that the versions cannot be compared; give it a share");
  return rows_of_table(std::move(table), std::move(rows), schema);
}

}  // namespace ringtrain
