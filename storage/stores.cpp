#include "storage/stores.h"

#include <arrow/filesystem/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <any>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "common/errors.h"
#include "common/log.h"
#include "common/text.h"
#include "storage/arrow_files.h"

#if __has_include(<arrow/filesystem/s3fs.h>)
#include <arrow/filesystem/s3fs.h>
#endif

namespace ringtrain {
namespace {

constexpr std::chrono::duration<double> kPatience{30};
/// Google's client keeps silent about what it tries again: so it has this long at a time.
constexpr double kSilentSeconds = 5;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The value of an option of a place; "" for none.
std::string option_of(const Location& place, const std::string& name) {
  const auto& options = place.options();
  for (std::size_t at = 1; at < options.size();) {
    const auto end = std::min(options.find('&', at), options.size());
    const auto one = options.substr(at, end - at);
    if (one.starts_with(name + "=")) return one.substr(name.size() + 1);
    at = end + 1;
  }
  return "";
}

std::string with_option(const std::string& uri, const std::string& name, const std::string& value) {
  return uri + (uri.find('?') == std::string::npos ? "?" : "&") + name + "=" + value;
}

/// Arrow's wheel is built for systems that keep certificates elsewhere.
void name_certificates() {
  auto file = environment("SSL_CERT_FILE");
  for (const char* usual : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                            "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
    if (file.empty() && std::filesystem::exists(usual)) file = usual;
  arrow::fs::FileSystemGlobalOptions options;
  options.tls_ca_file_path = file;
  options.tls_ca_dir_path = environment("SSL_CERT_DIR");
  require_done(arrow::fs::Initialize(options), {});
}

#if __has_include(<arrow/filesystem/s3fs.h>)
/// Tries again as AWS's own strategy does, and says so.
class SpokenRetries : public arrow::fs::S3RetryStrategy {
 public:
  explicit SpokenRetries(std::string store) : store_(std::move(store)) {}
  bool ShouldRetry(const AWSErrorDetail& error, std::int64_t attempted) override {
    if (!error.should_retry || attempted >= kMost) return false;
    log::warn(fmt::format("{}: {}; tried again in {} ({} of {})", store_,
                          error.exception_name.empty() ? "the connection failed" : error.exception_name,
                          human_seconds(static_cast<double>(wait_of(attempted)) / 1000), attempted + 1,
                          kMost));
    return true;
  }
  /// Asked for faults that are not tried again, too.
  std::int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail&, std::int64_t attempted) override {
    return wait_of(attempted);
  }

 private:
  static constexpr std::int64_t kMost = 7;
  static std::int64_t wait_of(std::int64_t attempted) {
    return std::int64_t{100} << std::min<std::int64_t>(attempted, kMost);
  }
  std::string store_;
};

void load_s3() {
  static std::once_flag once;
  std::call_once(once, [] {
#ifdef RINGTRAIN_S3_LIBRARY
    const auto status = arrow::fs::LoadFileSystemFactories(RINGTRAIN_S3_LIBRARY);
    if (!status.ok())
      throw DataError(
          fmt::format("s3:// needs {}, which is part of Arrow: {}", RINGTRAIN_S3_LIBRARY, status.message()));
#endif
  });
}
#endif

/// S3's library must end before its own objects do, else the process crashes there. What is registered last
/// runs first: so this comes when the library has begun, and made them.
void end_s3_at_exit() {
  static std::once_flag once;
  std::call_once(once, [] { std::atexit([] { arrow::fs::EnsureFinalized(); }); });
}

arrow::fs::FileSystemFactoryOptions s3_options([[maybe_unused]] const Location& place) {
#if __has_include(<arrow/filesystem/s3fs.h>)
  load_s3();
  const std::shared_ptr<arrow::fs::S3RetryStrategy> retries = std::make_shared<SpokenRetries>(place.store());
  return {{"retry_strategy", std::any(retries)}};
#else
  throw ConfigError("s3:// is not in this build: its Arrow has no S3");
#endif
}

/// Where neither the place nor the environment says a region, Arrow asks Amazon, also about other servers.
std::string uri_of_s3(const Location& place) {
  auto uri = place.store();
  if (!option_of(place, "region").empty()) return uri;
  auto region = environment("AWS_REGION");
  if (region.empty()) region = environment("AWS_DEFAULT_REGION");
  const bool own_server = !option_of(place, "endpoint_override").empty() ||
                          !environment("AWS_ENDPOINT_URL").empty() ||
                          !environment("AWS_ENDPOINT_URL_S3").empty();
  if (region.empty() && own_server) region = "us-east-1";
  return region.empty() ? uri : with_option(uri, "region", region);
}

OpenStore opened(const Location& place) {
  static std::once_flag certificates;
  std::call_once(certificates, name_certificates);
  OpenStore store{.files = nullptr, .patience = kPatience};
  arrow::Result<std::shared_ptr<arrow::fs::FileSystem>> files;
  if (place.scheme() == "s3") {
    store.patience = std::chrono::seconds(5);  // its client has its own, and knows nothing of short answers
    files = arrow::fs::FileSystemFromUriAndOptions(uri_of_s3(place), s3_options(place));
    end_s3_at_exit();
  } else {
    auto uri = place.store();
    if (const auto limit = option_of(place, "retry_limit_seconds"); limit.empty())
      uri = with_option(uri, "retry_limit_seconds", fmt::format("{}", kSilentSeconds));
    else
      store.patience = std::chrono::duration<double>(std::atof(limit.c_str()));
    files = arrow::fs::FileSystemFromUri(uri);
  }
  if (files.status().IsInvalid())
    throw ConfigError(fmt::format("{}: {}", place.string(), files.status().message()));
  require_done(files.status(), place);
  store.files = *files;
  return store;
}

}  // namespace

OpenStore open_store(const Location& place) {
  // A client has its own connections and threads: one for a bucket and its options, however many places. They
  // are never destroyed, since the library that they need is done before objects of this file are.
  static std::mutex mutex;
  static auto& stores = *new std::map<std::string, OpenStore>;
  const std::lock_guard lock(mutex);
  const auto name = place.store();
  if (const auto known = stores.find(name); known != stores.end()) return known->second;
  return stores[name] = opened(place);
}

bool passes(const arrow::Status& status) {
  if (!status.IsIOError()) return false;
  for (const char* word : {"UNAVAILABLE", "DEADLINE_EXCEEDED", "Retry policy exhausted", "RESOURCE_EXHAUSTED",
                           "INTERNAL", "is shorter than"})
    if (status.message().find(word) != std::string::npos) return true;
  return false;
}

arrow::Status tried(const OpenStore& store, const Location& place,
                    const std::function<arrow::Status()>& request) {
  const auto begin = std::chrono::steady_clock::now();
  auto wait = std::chrono::milliseconds(200);
  while (true) {
    auto status = request();
    if (status.ok() || !passes(status)) return status;
    if (std::chrono::steady_clock::now() - begin + wait > store.patience) return status;
    log::warn(fmt::format("{}; tried again in {}", what_failed(place, status),
                          human_seconds(std::chrono::duration<double>(wait).count())));
    std::this_thread::sleep_for(wait);
    wait *= 2;
  }
}

void require_done(const arrow::Status& status, const Location& place) {
  if (!status.ok()) throw DataError(what_failed(place, status));
}

}  // namespace ringtrain
