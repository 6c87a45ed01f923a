#include "serving/server/serve_config.h"

#include <fmt/format.h>

#include <sstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/yaml_reader.h"

namespace ringtrain {
namespace {

// What an int, or a clock's whole numbers, hold with ease.
constexpr config::NumberRule kSeconds{.low = 0, .high = 1e6, .low_open = true};
constexpr config::NumberRule kThreads{.low = 0, .high = 1024};
constexpr config::NumberRule kPollSeconds{.low = 0.05, .high = 1e6};
constexpr config::NumberRule kPort{.low = 0, .high = 65535};
constexpr config::NumberRule kGrpcPort{.low = -1, .high = 65535};
constexpr config::NumberRule kShare{.low = 0, .high = 1, .low_open = true};
constexpr config::NumberRule kDays{.low = 1, .high = 36'500};
constexpr config::NumberRule kRotate{.low = 0.05, .high = 86'400};
constexpr config::NumberRule kDelay{.low = 0, .high = 1e9};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::chrono::seconds whole_seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::seconds>(milliseconds(seconds) +
                                                          std::chrono::milliseconds(999));
}

}  // namespace

void ServeConfig::Tls::describe(config::Visitor& v) {
  v.field("certificate", certificate,
          "The certificate and those that vouch for it, a PEM file; empty: no TLS.");
  v.field("key", key, "The certificate's private key, a PEM file.");
}

void ServeConfig::Batching::describe(config::Visitor& v) {
  v.field("max_rows", max_rows, "Rows of several requests that the model answers in one run.",
          config::at_least(1));
  v.field("delay_us", delay_us,
          "Microseconds that a request may wait for others to come; 0: only what comes while the model runs "
          "is gathered.",
          kDelay);
  v.field("max_waiting_rows", max_waiting_rows, "Rows that may wait; more are refused with 503.",
          config::at_least(1));
}

void ServeConfig::Limits::describe(config::Visitor& v) {
  v.field("body_bytes", body_bytes, "A request's largest body; larger ones are refused with 413.",
          config::at_least(1));
  v.field("gzip_ratio", gzip_ratio,
          "How many times as large a body packed by gzip may become, beyond 1 MiB; more is refused with 413.",
          config::at_least(1));
  v.field("connections", connections, "Connections at a time; more are refused with 503.",
          config::at_least(1));
  v.field("header_seconds", header_seconds,
          "How long a request's header may take to arrive; then it is closed.", kSeconds);
  v.field("body_seconds", body_seconds, "How long its body may take to arrive; then it is closed.", kSeconds);
  v.field("idle_seconds", idle_seconds, "How long a connection may be silent between requests.", kSeconds);
  v.field("drain_seconds", drain_seconds,
          "How long requests under way may take when the server ends; what takes longer is cut. Kubernetes "
          "kills after 30.",
          kSeconds);
}

void ServeConfig::Log::describe(config::Visitor& v) {
  v.field("folder", folder,
          "Where rows, answers and feedback are kept as Parquet files, MODEL/requests/VERSION/ and "
          "MODEL/feedback/; empty: nowhere.");
  v.field("share", share, "Of the requests, chosen by their ids, that are kept.", kShare);
  v.field("max_mib", max_mib, "MiB of all files; beyond that the oldest ones are removed.",
          config::at_least(1));
  v.field("days", days, "After which files are removed.", kDays);
  v.field("rotate_seconds", rotate_seconds, "After which what there is becomes a file.", kRotate);
  v.field("leave_out", leave_out, "Columns that are not kept; `*` stands for any characters.");
  v.field(
      "hash", hash,
      "Columns of which a hash is kept (XXH3): equal values stay equal, and who guesses a value can check "
      "it.");
  v.field("key", key,
          "The field of rows that tells them apart, for feedback; the model need not take it. Empty: none.");
}

void ServeConfig::Drift::describe(config::Visitor& v) {
  v.field("rows", rows,
          "So many of the last rows are held against those of training, in /metrics and on the page, and as "
          "many a "
          "second at most; 0: none.",
          config::NumberRule{.low = 0, .high = 1e6});
}

void ServeConfig::describe(config::Visitor& v) {
  v.field("address", address, "Address to listen on; 127.0.0.1: this machine alone; 0.0.0.0: every network.");
  v.field("port", port, "Port of HTTP; 0: any that is free.", kPort);
  v.field("grpc_port", grpc_port, "Port of gRPC; 0: any that is free; -1: no gRPC.", kGrpcPort);
  v.field("threads", threads, "Threads that run models, and as many that read and write; 0: the cores.",
          kThreads);
  v.field("poll_seconds", poll_seconds, "How often the repository is looked at.", kPollSeconds);
  v.field("warm_up", warm_up, "Whether a version is run a few times before it answers.");
  v.field("token_file", token_file,
          "Requests need `Authorization: Bearer TOKEN` with one of this file's lines.");
  v.field(
      "access_log", access_log,
      "A file to which a line of JSON is added for each request; \"-\": the standard output; empty: none.");
  v.field("repository_control", repository_control,
          "Whether clients may take models out of service and put them back (load and unload of version 2).");
  v.section("tls", "HTTPS.", tls);
  v.section("batching", "Rows of several requests in one run of the model.", batching);
  v.section("limits", "What a client may do.", limits);
  v.section("log", "The request log: what was asked and answered, and what came to be known.", log);
  v.section("drift", "How the rows that come differ from those of training.", drift);
  v.require("log", log.key.empty() || !LogColumns{log.leave_out, {}, ""}.leaves_out(log.key),
            "key: leave_out names the same column");
  v.require("tls", tls.certificate.empty() == tls.key.empty(), "certificate and key: both or none");
}

ServeConfig ServeConfig::load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  ServeConfig config;
  const auto document = file.empty() ? config::YamlDocument::from_text("{}", "command line", overrides)
                                     : config::YamlDocument::from_file(file, overrides);
  for (const char* field : {"token_file", "tls.certificate", "tls.key"})
    if (document.is_empty(field))
      throw ConfigError(
          fmt::format("{}: expected a file, got nothing; leave the field out for a server without", field));
  document.read([&config](config::Visitor& v) { config.describe(v); });
  return config;
}

std::chrono::milliseconds ServeConfig::drain_limit() const { return milliseconds(limits.drain_seconds); }

HttpServer::Options ServeConfig::http() const {
  HttpServer::Options options;
  options.address = address;
  options.port = static_cast<unsigned short>(port);
  options.threads = static_cast<int>(threads);
  options.certificate = tls.certificate;
  options.key = tls.key;
  options.most_body_bytes = static_cast<std::size_t>(limits.body_bytes);
  options.most_connections = static_cast<std::size_t>(limits.connections);
  options.header_limit = milliseconds(limits.header_seconds);
  options.request_limit = milliseconds(limits.body_seconds);
  options.idle_limit = whole_seconds(limits.idle_seconds);
  options.drain_limit = drain_limit();
  return options;
}

GunzipLimits ServeConfig::gunzip() const {
  GunzipLimits gunzip;
  gunzip.bytes = static_cast<std::size_t>(limits.body_bytes);
  gunzip.ratio = static_cast<std::size_t>(limits.gzip_ratio);
  return gunzip;
}

ServedModels::Options ServeConfig::models() const {
  ServedModels::Options options;
  auto& rows = options.loading.batching;
  rows.most_rows = batching.max_rows;
  rows.delay = std::chrono::microseconds(batching.delay_us);
  rows.most_waiting_rows = batching.max_waiting_rows;
  rows.threads = static_cast<int>(threads);
  options.loading.warm_up = warm_up;
  options.loading.drift_rows = drift.rows;
  return options;
}

std::optional<RequestLog::Options> ServeConfig::request_log() const {
  if (log.folder.empty()) return std::nullopt;
  RequestLog::Options options;
  options.folder = log.folder;
  options.share = log.share;
  options.most_bytes = static_cast<std::uintmax_t>(log.max_mib) << 20;
  options.keep = std::chrono::hours(24 * log.days);
  options.rotate = milliseconds(log.rotate_seconds);
  options.columns = {.leave_out = log.leave_out, .hash = log.hash, .key = log.key};
  return options;
}

std::vector<std::string> ServeConfig::tokens() const {
  std::vector<std::string> tokens;
  if (token_file.empty()) return tokens;
  std::istringstream lines(read_file(token_file));
  for (std::string line; std::getline(lines, line);) {
    line.resize(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) tokens.push_back(line);
  }
  if (tokens.empty())
    throw ConfigError(fmt::format("token_file: {} holds no token; a line is one", token_file));
  return tokens;
}

}  // namespace ringtrain
