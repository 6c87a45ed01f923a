#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/config.h"
#include "serving/log/request_log.h"
#include "serving/server/gzip.h"
#include "serving/server/http_server.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// How a server listens, what it allows and how it gathers rows: the file of `ringtrain serve --config`.
struct ServeConfig {
  std::string address = "127.0.0.1";
  std::int64_t port = 8501;
  std::int64_t grpc_port = -1;  ///< -1: no gRPC; 0: any that is free
  std::int64_t threads = 0;     ///< 0: the cores
  double poll_seconds = 2;
  bool warm_up = true;
  std::string token_file;
  std::string access_log;  ///< a file; "-": the standard output; empty: none
  bool repository_control = true;
  struct Tls {
    std::string certificate, key;
    void describe(config::Visitor& v);
  } tls;
  struct Batching {
    std::int64_t max_rows = 64, delay_us = 0, max_waiting_rows = 100'000;
    void describe(config::Visitor& v);
  } batching;
  struct Limits {
    std::int64_t body_bytes = 64 << 20, connections = 10'000;
    std::int64_t gzip_ratio = 200;
    double header_seconds = 10, body_seconds = 60, idle_seconds = 300, drain_seconds = 25;
    void describe(config::Visitor& v);
  } limits;

  struct Log {
    std::string folder, key;
    double share = 1, rotate_seconds = 60;
    std::int64_t max_mib = 1024, days = 30;
    std::vector<std::string> leave_out, hash;
    void describe(config::Visitor& v);
  } log;

  struct Drift {
    std::int64_t rows = 1000;
    void describe(config::Visitor& v);
  } drift;

  void describe(config::Visitor& v);
  /// `file` may be empty. Throws ConfigError with all problems; also for a token file or a certificate that
  /// is given as nothing: that is no wish for a server without.
  static ServeConfig load(const std::filesystem::path& file, const std::vector<std::string>& overrides);

  std::chrono::milliseconds drain_limit() const;
  HttpServer::Options http() const;
  GunzipLimits gunzip() const;
  ServedModels::Options models() const;
  /// Where `log.folder` is given.
  std::optional<RequestLog::Options> request_log() const;
  /// The lines of `token_file`; none when it is empty. Throws ConfigError when the file holds none.
  std::vector<std::string> tokens() const;
};

}  // namespace ringtrain
