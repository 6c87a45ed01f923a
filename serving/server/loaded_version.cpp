#include "serving/server/loaded_version.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "common/errors.h"
#include "data/schema/vocabulary.h"
#include "serving/predict/model_outputs.h"
#include "serving/rollout/request_watch.h"
#include "serving/server/warm_up.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

void count_unseen(const Predictor::Rows& rows, const Preprocessing& schema,
                  const std::vector<prometheus::Counter*>& counters) {
  if (counters.empty()) return;
  UnseenWords unseen(schema.categorical);
  unseen.count(rows.categorical);
  for (std::size_t c = 0; c < counters.size(); ++c)
    if (unseen.counts()[c] > 0) counters[c]->Increment(static_cast<double>(unseen.counts()[c]));
}

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

std::uint64_t since_1970(std::chrono::system_clock::time_point time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

std::vector<std::string> names_of(const std::vector<CategoricalColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

/// The column that tells rows apart, which the model may not know.
std::vector<std::string> passed_over(const RequestLog* log) {
  if (!log || log->options().columns.key.empty()) return {};
  return {log->options().columns.key};
}

}  // namespace

std::string identity_of_files(const fs::path& folder) {
  std::string identity;
  for (const char* name : {"manifest.json", "schema.json", "model.pt", "warmup.json"}) {
    struct stat file {};
    if (::stat((folder / name).c_str(), &file) == 0)
      identity += fmt::format("{}:{}:{}:{}.{} ", name, file.st_ino, file.st_size, file.st_mtim.tv_sec,
                              file.st_mtim.tv_nsec);
    else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
      throw ExportError(
          fmt::format("{} cannot be looked at: {}", (folder / name).string(), std::strerror(errno)));
  }
  return identity;
}

void LoadedVersion::answer(Predictor::Rows asked, RequestContext& request, Batcher::Done done) const {
  const auto count = asked.size();
  request.version = number;
  request.rows += count;
  if (request.watch) done = watched(*request.watch, asked, &Batcher::run_seconds, std::move(done));
  statistics->last_ms = since_1970(request.time);
  std::shared_ptr<LoggedRequest> logged;
  if (log && log->wants(request.id))
    logged = std::make_shared<LoggedRequest>(LoggedRequest{
        model, number, predictor, request.id, request.time, std::move(request.keys), asked, {}});
  const auto begin = std::chrono::steady_clock::now();
  batcher->submit(
      std::move(asked), [count, begin, counted = statistics, kept = log, logged, done = std::move(done)](
                            Predictor::Answers answers, std::exception_ptr error) {
        const auto took =
            nanoseconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        ++(error ? counted->failed : counted->succeeded);
        (error ? counted->failed_ns : counted->succeeded_ns) += took;
        if (!error) counted->rows += static_cast<std::uint64_t>(count);
        if (logged && !error) {
          logged->answers = answers;
          kept->add(std::move(*logged));
        }
        done(std::move(answers), std::move(error));
      });
}

std::shared_ptr<const LoadedVersion> load_version(const std::string& model, std::int64_t number,
                                                  const fs::path& folder, const LoadOptions& options,
                                                  boost::asio::thread_pool& pool, Metrics& metrics) {
  auto predictor = std::make_shared<const Predictor>(folder.string());
  const auto& preprocessing = predictor->manifest().preprocessing;
  if (options.warm_up) warm_up_threads(*predictor, pool, options.batching.threads);
  const auto series =
      std::make_shared<Metrics::Version>(metrics, model, number, names_of(preprocessing.categorical));
  const auto statistics = std::make_shared<VersionStatistics>();
  auto batching = options.batching;
  batching.most_rows = rows_at_once(predictor->manifest(), batching.most_rows);
  const auto drift = DriftWatch::of(predictor, options.drift_rows);
  auto batcher = std::make_shared<Batcher>(
      pool, batching,
      [predictor, series, drift](const Predictor::Rows& rows) {
        auto answers = predictor->predict(rows);
        count_unseen(rows, predictor->manifest().preprocessing, series->unseen);
        if (drift) drift->add(rows, answers);
        return answers;
      },
      [series, statistics](std::int64_t rows, std::int64_t requests, double seconds) {
        series->rows.Increment(static_cast<double>(rows));
        series->batch_rows.Observe(static_cast<double>(rows));
        series->batch_seconds.Observe(seconds);
        ++statistics->runs;
        statistics->computed += static_cast<std::uint64_t>(requests);
        statistics->compute_ns += nanoseconds(seconds * static_cast<double>(requests));
      });
  std::unique_ptr<const JsonRowReader> rows;
  std::unique_ptr<const TokenReader> tokens;
  std::unique_ptr<const TensorReader> tensors;
  if (preprocessing.tokens)
    tokens = std::make_unique<const TokenReader>(*preprocessing.tokens);
  else if (preprocessing.signature)
    tensors = std::make_unique<const TensorReader>(*preprocessing.signature, preprocessing.targets);
  else
    rows = std::make_unique<const JsonRowReader>(preprocessing, passed_over(options.log));
  const bool is_logged = rows != nullptr;
  return std::shared_ptr<const LoadedVersion>(new LoadedVersion{
      model, number, std::move(predictor), std::move(rows), std::move(tokens), std::move(tensors),
      std::move(batcher), series, statistics, is_logged ? options.log : nullptr, drift});
}

}  // namespace ringtrain
