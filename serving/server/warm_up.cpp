#include "serving/server/warm_up.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <barrier>
#include <boost/asio/post.hpp>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "data/schema/collate.h"
#include "serving/batch/row_batch.h"
#include "serving/predict/json_text.h"
#include "serving/server/rows_from_json.h"

namespace ringtrain {
namespace {

Predictor::Rows zero_rows(const Preprocessing& preprocessing, std::int64_t count) {
  Predictor::Rows rows;
  if (preprocessing.tokens) {
    rows.tokens = at::zeros({count, preprocessing.tokens->context}, at::kLong);
    return rows;
  }
  if (preprocessing.signature) {
    rows.tensors = blank_inputs(*preprocessing.signature, count);
    return rows;
  }
  rows = missing_rows(preprocessing, count);
  rows.numeric.zero_();
  for (std::size_t c = 0; c < rows.categorical.size(); ++c) {
    const auto& vocabulary = preprocessing.categorical[c].vocabulary;
    if (!vocabulary.empty()) rows.categorical[c].assign(static_cast<std::size_t>(count), vocabulary.front());
  }
  return rows;
}

void run_given(const Predictor& predictor, const std::filesystem::path& file) {
  const auto& preprocessing = predictor.manifest().preprocessing;
  try {
    const auto document = parse_json(read_file(file));
    if (!document.IsObject() || !document.HasMember("instances"))
      throw DataError("expected {\"instances\": [row, …]}");
    const auto& instances = document["instances"];
    const auto& signature = preprocessing.signature;
    const auto rows = signature ? rows_of_instances(instances, *signature, TensorReader(*signature))
                                : rows_of_instances(instances, preprocessing, JsonRowReader(preprocessing));
    for (int i = 0; i < 2; ++i) predictor.predict(rows);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", file.string(), error.what()));
  }
}

}  // namespace

void warm_up(const Predictor& predictor) {
  const auto& preprocessing = predictor.manifest().preprocessing;
  // Two runs compile, a third one with another number of rows sees to it that the number is not compiled in.
  for (const auto rows : {1, 1, 2, 8}) predictor.predict(zero_rows(preprocessing, rows));
  const auto file = predictor.folder() / "warmup.json";
  if (!preprocessing.tokens && std::filesystem::exists(file)) run_given(predictor, file);
}

void warm_up_threads(const Predictor& predictor, boost::asio::thread_pool& pool, int threads) {
  warm_up(predictor);  // a model that cannot answer shows it here
  // Shared: the last threads may still be waking up in it when this returns.
  const auto everyone = std::make_shared<std::barrier<>>(threads + 1);
  for (int i = 0; i < threads; ++i)
    boost::asio::post(pool, [&predictor, everyone] {
      try {
        warm_up(predictor);
      } catch (const std::exception& error) {
        log::warn(error.what());
      }
      everyone->arrive_and_wait();  // so that no thread takes two of these
    });
  everyone->arrive_and_wait();
}

}  // namespace ringtrain
