#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "serving/log/request_log.h"
#include "serving/predict/json_row_reader.h"
#include "serving/predict/predictor.h"
#include "serving/predict/tensor_reader.h"
#include "serving/predict/token_reader.h"
#include "serving/server/batcher.h"
#include "serving/server/drift_watch.h"
#include "serving/server/metrics.h"
#include "serving/server/request_context.h"

namespace ringtrain {

/// What a version answered since it was loaded, as the Open Inference Protocol's statistics tell it. Times
/// are in nanoseconds.
struct VersionStatistics {
  using Count = std::atomic<std::uint64_t>;
  Count succeeded{0}, succeeded_ns{0};  ///< requests, from their rows to their answer
  Count failed{0}, failed_ns{0};
  Count rows{0};                     ///< of requests that succeeded
  Count runs{0};                     ///< of the model
  Count computed{0}, compute_ns{0};  ///< requests in these runs, and what the runs took, for each of them
  Count last_ms{0};                  ///< when the last one came, in milliseconds since 1970
};

/// A version of a model that is loaded and warm.
struct LoadedVersion {
  std::string model;
  std::int64_t number;
  std::shared_ptr<const Predictor> predictor;
  std::unique_ptr<const JsonRowReader> rows;    ///< of columns alone
  std::unique_ptr<const TokenReader> tokens;    ///< of a language model alone
  std::unique_ptr<const TensorReader> tensors;  ///< of a signature alone
  std::shared_ptr<Batcher> batcher;
  std::shared_ptr<Metrics::Version> metrics;
  std::shared_ptr<VersionStatistics> statistics;
  RequestLog* log = nullptr;                ///< of a model with columns alone; null: none
  std::shared_ptr<const DriftWatch> drift;  ///< null where the version has no profile

  /// Runs rows of a request, counts and logs them, and notes in `request` who answers it. Throws Overloaded.
  /// `done` is called as the batcher calls it.
  void answer(Predictor::Rows asked, RequestContext& request, Batcher::Done done) const;
};

struct LoadOptions {
  Batcher::Options batching;
  bool warm_up = true;
  RequestLog* log = nullptr;       ///< outlives what is loaded
  std::int64_t drift_rows = 1000;  ///< of DriftWatch
};

/// Loads the version in `folder` and runs it on the pool's threads. Throws ExportError or DataError.
std::shared_ptr<const LoadedVersion> load_version(const std::string& model, std::int64_t number,
                                                  const std::filesystem::path& folder,
                                                  const LoadOptions& options, boost::asio::thread_pool& pool,
                                                  Metrics& metrics);

/// What a version's files are when they are looked at: they have changed where it differs. Throws ExportError
/// when a file is there and cannot be looked at: that is no change.
std::string identity_of_files(const std::filesystem::path& folder);

}  // namespace ringtrain
