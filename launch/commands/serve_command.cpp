#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "common/config_writer.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/literal_override.h"
#include "common/log.h"
#include "common/stop_signals.h"
#include "common/text.h"
#include "launch/commands/commands.h"
#include "launch/commands/remote_model.h"
#include "launch/mpirun/cores.h"
#include "serving/server/grpc_server.h"
#include "serving/server/listening.h"
#include "serving/server/rollouts.h"
#include "serving/server/serve_config.h"
#include "serving/server/service.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string base, config;
  std::vector<std::string> set;
  bool reference = false;
};

/// What SIGTERM and SIGINT do: the first one stops the server, within a limit; a second one ends the program
/// at once. Also as process 1 of a container, for which the kernel's own answer to signals does not hold.
class Signals {
 public:
  explicit Signals(std::chrono::milliseconds limit) : limit_(limit), set_(context_, SIGTERM, SIGINT) {
    wait();
    thread_ = std::jthread([this] { context_.run(); });
  }
  ~Signals() { context_.stop(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// From here on a first signal calls `stop`, on another thread. Before, nothing was under way, and it ends
  /// the program.
  void stop_with(std::function<void()> stop) {
    const std::lock_guard lock(mutex_);
    stop_ = std::move(stop);
  }
  /// Nothing is owed to a client any more: the limit no longer makes the exit code another one than 0.
  void all_answered() { answered_ = true; }

 private:
  void wait() {
    set_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      const auto kind = received_.add(signal);
      if (kind == ReceivedSignals::Kind::kSecond)
        end("a second signal: ending at once", ExitCode::of_signal(signal));
      if (kind == ReceivedSignals::Kind::kFirst) begin(signal);
      wait();
    });
  }

  void begin(int signal) {
    const std::lock_guard lock(mutex_);
    if (!stop_) end("stopped before anything was served", ExitCode::success);
    log::info(fmt::format("stopping: what is under way is answered, within {}; a second signal ends at once",
                          human_seconds(std::chrono::duration<double>(limit_).count())));
    stop_();
    // A little later than what has begun is cut, so that a clean end is not one at once.
    timer_.expires_after(limit_ + std::chrono::milliseconds(500));
    timer_.async_wait([this, signal](const boost::system::error_code& error) {
      if (error) return;
      if (answered_) end("all is answered; a version that is being loaded is left", ExitCode::success);
      end("a model still computes; its requests are left without an answer (limits.drain_seconds)",
          ExitCode::of_signal(signal));
    });
  }

  /// Other threads run models, which nothing interrupts.
  [[noreturn]] static void end(const char* why, int code) {
    log::warn(why);
    std::fflush(stdout);
    std::_Exit(code);
  }

  const std::chrono::milliseconds limit_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set set_;
  boost::asio::steady_timer timer_{context_};
  ReceivedSignals received_;
  std::mutex mutex_;
  std::function<void()> stop_;
  std::atomic<bool> answered_{false};
  std::jthread thread_;
};

/// Looks at the repository now and then.
class Watcher {
 public:
  Watcher(ServedModels& models, double seconds)
      : thread_([this, &models, seconds](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          while (!wake_.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; }) &&
                 !stop.stop_requested())
            look(models, stop);
        }) {}

 private:
  static void look(ServedModels& models, const std::stop_token& stop) {
    try {
      models.scan(stop);
    } catch (const std::exception& error) {  // the folder may be away for a moment
      log::error(fmt::format("the repository cannot be looked at: {}", error.what()));
    }
  }
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

std::unique_ptr<GrpcServer> make_grpc(const ServeConfig& config, const ServedModels& models, Metrics& metrics,
                                      RepositoryControl& repository, AccessLog* access_log) {
  if (config.grpc_port < 0) return nullptr;
  GrpcServer::Options options;
  options.address = config.address;
  options.port = static_cast<int>(config.grpc_port);
  options.certificate = config.tls.certificate;
  options.key = config.tls.key;
  options.tokens = config.tokens();
  options.most_message_bytes = static_cast<std::size_t>(config.limits.body_bytes);
  options.access_log = access_log;
  return std::make_unique<GrpcServer>(options, models, metrics, repository);
}

std::unique_ptr<RequestLog> make_request_log(const ServeConfig& config, Metrics& metrics) {
  auto options = config.request_log();
  if (!options) return nullptr;
  return std::make_unique<RequestLog>(
      std::move(*options), [&metrics](std::size_t rows) { metrics.log_dropped("requests", rows); });
}

/// Throws ConfigError for a column that no model has: it would be kept in spite of a slip of the pen.
void require_log_columns(const ServedModels& models, const LogColumns& columns) {
  std::vector<std::string> known;
  for (const auto& name : models.names())
    if (const auto version = models.find(name)) {
      const auto& preprocessing = version->predictor->manifest().preprocessing;
      for (const auto& column : preprocessing.numeric) known.push_back(column.column());
      for (const auto& column : preprocessing.categorical) known.push_back(column.name);
    }
  if (!columns.key.empty()) known.push_back(columns.key);
  std::vector<std::string> problems;
  const auto require = [&](const char* field, const std::vector<std::string>& patterns) {
    for (const auto& pattern : patterns)
      if (std::none_of(known.begin(), known.end(),
                       [&](const auto& column) { return matches(pattern, column); }))
        problems.push_back(fmt::format("log.{}: no model has a column '{}'.{}", field, pattern,
                                       did_you_mean(pattern, known)));
  };
  require("leave_out", columns.leave_out);
  require("hash", columns.hash);
  if (!problems.empty()) throw ConfigError(join(problems, "\n  "));
}

void say_where(const ServeConfig& config, const ServedModels& models, int port, const GrpcServer* grpc) {
  const auto url = fmt::format("{}://{}", config.tls.certificate.empty() ? "http" : "https",
                               host_and_port(config.address, port));
  fmt::print("Serving {}/ with {} threads; Ctrl-C ends it\n", url, config.threads);
  for (const auto& name : models.names()) fmt::print("  POST {}/v1/models/{}:predict\n", url, name);
  if (grpc) fmt::print("  gRPC {} (Open Inference Protocol)\n", host_and_port(config.address, grpc->port()));
  std::fflush(stdout);
}

int serve(const Arguments& arguments) {
  auto config = ServeConfig::load(arguments.config, arguments.set);
  if (config.threads == 0) config.threads = static_cast<std::int64_t>(usable_cores().size());
  at::set_num_threads(1);  // requests run side by side
  Signals signals(config.drain_limit());
  Metrics metrics;
  boost::asio::thread_pool pool(static_cast<std::size_t>(config.threads));
  const auto request_log = make_request_log(config, metrics);
  auto options = config.models();
  options.loading.log = request_log.get();
  ServedModels models(local_model(arguments.base), options, pool, metrics);
  models.scan();
  if (models.names().empty() && !models.problem().empty()) throw ExportError(models.problem());
  if (models.names().empty())
    throw ExportError(
        fmt::format("{} holds no model: a model's folder holds versions, 1, 2, and so on, as `ringtrain "
                    "train` exports them",
                    arguments.base));
  if (request_log) require_log_columns(models, request_log->options().columns);
  const auto access_log =
      config.access_log.empty() ? nullptr : std::make_unique<AccessLog>(config.access_log, metrics);
  Rollouts rollouts(models, std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * config.poll_seconds)));
  models.set_rollouts(&rollouts);
  RepositoryControl repository(models, config.repository_control);
  Service service(models, metrics, repository,
                  {.tokens = config.tokens(),
                   .gunzip = config.gunzip(),
                   .access_log = access_log.get(),
                   .log = request_log.get()});
  HttpServer server(config.http(), [&service](HttpRequest request, HttpServer::Respond respond) {
    service.answer(std::move(request), std::move(respond));
  });
  service.count_connections([&server] { return server.connections(); });
  const auto grpc = make_grpc(config, models, metrics, repository, access_log.get());
  int grpc_cut = 0;
  std::jthread grpc_stops;
  signals.stop_with([&] {
    if (grpc) grpc_stops = std::jthread([&, limit = config.drain_limit()] { grpc_cut = grpc->stop(limit); });
    server.stop();  // last: `run` returns soon after
  });
  {
    const Watcher watcher(models, config.poll_seconds);
    say_where(config, models, server.port(), grpc.get());
    const auto cut = server.run();
    if (grpc_stops.joinable()) grpc_stops.join();
    if (cut > 0 || grpc_cut > 0)
      log::warn(fmt::format("{} connections were cut{}: they took longer than limits.drain_seconds", cut,
                            grpc_cut > 0 ? fmt::format(", and {} gRPC calls", grpc_cut) : ""));
    else
      signals.all_answered();
  }
  // What is still to be computed is for clients that were cut.
  pool.stop();
  pool.join();
  return ExitCode::success;
}

}  // namespace

void add_serve_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "serve",
      "Answer requests with exported models: TensorFlow Serving's REST, the Open Inference Protocol, gRPC.");
  auto* base = command->add_option("BASE", arguments->base,
                                   "The model repository, BASE/NAME/VERSION, or one model of it (BASE/NAME)");
  command->add_option("--config", arguments->config, "A YAML file with what --reference lists");
  command->add_option("--set", arguments->set, "Overrides a field: --set batching.delay_us=500")
      ->type_name("KEY=VALUE");
  // The fields that are given most; each is --set in other words.
  const auto field = [&](const char* option, const char* key, const char* doc, const auto& override_of) {
    command->add_option_function<std::string>(
        option,
        [arguments, key, override_of](const std::string& value) {
          arguments->set.push_back(override_of(key, value));
        },
        doc);
  };
  const auto text = config::literal_override, number = config::number_override;
  field("--address", "address", "Address to listen on (127.0.0.1); 0.0.0.0: every network", text);
  field("--port", "port", "Port (8501); 0: any that is free", number);
  field("--grpc-port", "grpc_port", "Port of gRPC (none without it); 0: any that is free", number);
  field("--threads", "threads", "Threads that run models (the cores)", number);
  field("--poll-seconds", "poll_seconds", "How often new versions are looked for (2)", number);
  field("--drain-seconds", "limits.drain_seconds",
        "How long requests under way may take when a signal ends the server (25)", number);
  field("--token-file", "token_file", "Requests need one of this file's lines as their bearer token", text);
  field("--access-log", "access_log", "A line of JSON for each request, to this file; -: standard output",
        text);
  field("--log-folder", "log.folder", "Rows, answers and feedback are kept there as Parquet files", text);
  field("--tls-certificate", "tls.certificate", "PEM file; with --tls-key: HTTPS", text);
  field("--tls-key", "tls.key", "PEM file", text);
  command->add_flag("--reference", arguments->reference, "Print what --config and --set understand");
  command->footer(
      "Examples:\n"
      "  ringtrain serve jobs/fraud/export\n"
      "  curl -d '{\"instances\": [[1.0, 2.0, 5.0]]}' http://localhost:8501/v1/models/fraud:predict\n"
      "  ringtrain serve jobs/fraud/export --log-folder logs --set log.key=transaction\n"
      "  ringtrain serve jobs/fraud/export --grpc-port 8500 --set batching.delay_us=500\n"
      "  ringtrain serve models --address 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem --token-file "
      "tokens\n"
      "Open http://localhost:8501/ to see the models and try one. Which versions are served is said by "
      "`ringtrain\n"
      "versions`; changes are followed while it runs.");
  command->callback([arguments, base, &program] {
    if (arguments->reference) {
      ServeConfig defaults;
      fmt::print("{}",
                 config::to_markdown([&defaults](config::Visitor& v) { defaults.describe(v); }, "Serving"));
      program.exit_code = ExitCode::success;
      return;
    }
    if (base->count() == 0) throw ConfigError("BASE is missing: ringtrain serve jobs/fraud/export");
    program.exit_code = serve(*arguments);
  });
}

}  // namespace ringtrain
