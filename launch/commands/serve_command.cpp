#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/config_writer.h"
#include "common/errors.h"
#include "common/log.h"
#include "launch/commands/commands.h"
#include "launch/mpirun/cores.h"
#include "serving/server/grpc_server.h"
#include "serving/server/serve_config.h"
#include "serving/server/service.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string base, config;
  std::vector<std::string> set;
  bool reference = false;
};

/// SIGTERM and SIGINT stop the server.
class Signals {
 public:
  explicit Signals(HttpServer& server) : set_(context_, SIGTERM, SIGINT) {
    set_.async_wait([&server](const boost::system::error_code& error, int) {
      if (error) return;
      log::info("stopping: what is under way is answered");
      server.stop();
    });
    thread_ = std::jthread([this] { context_.run(); });
  }
  ~Signals() { context_.stop(); }

 private:
  boost::asio::io_context context_;
  boost::asio::signal_set set_;
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
            look(models);
        }) {}

 private:
  static void look(ServedModels& models) {
    try {
      models.scan();
    } catch (const std::exception& error) {  // the folder may be away for a moment
      log::error(fmt::format("the repository cannot be looked at: {}", error.what()));
    }
  }
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

std::unique_ptr<GrpcServer> make_grpc(const ServeConfig& config, const ServedModels& models,
                                      Metrics& metrics) {
  if (config.grpc_port < 0) return nullptr;
  GrpcServer::Options options;
  options.address = config.address;
  options.port = static_cast<int>(config.grpc_port);
  options.certificate = config.tls.certificate;
  options.key = config.tls.key;
  options.tokens = config.tokens();
  options.most_message_bytes = static_cast<std::size_t>(config.limits.body_bytes);
  return std::make_unique<GrpcServer>(options, models, metrics);
}

void say_where(const ServeConfig& config, const ServedModels& models, int port, const GrpcServer* grpc) {
  const auto url =
      fmt::format("{}://{}:{}", config.tls.certificate.empty() ? "http" : "https", config.address, port);
  fmt::print("Serving {}/ with {} threads; Ctrl-C ends it\n", url, config.threads);
  for (const auto& name : models.names()) fmt::print("  POST {}/v1/models/{}:predict\n", url, name);
  if (grpc) fmt::print("  gRPC {}:{} (Open Inference Protocol)\n", config.address, grpc->port());
  std::fflush(stdout);
}

int serve(const Arguments& arguments) {
  auto config = ServeConfig::load(arguments.config, arguments.set);
  if (config.threads == 0) config.threads = static_cast<std::int64_t>(usable_cores().size());
  at::set_num_threads(1);  // requests run side by side
  Metrics metrics;
  boost::asio::thread_pool pool(static_cast<std::size_t>(config.threads));
  ServedModels models(arguments.base, config.models(), pool, metrics);
  models.scan();
  if (models.names().empty())
    throw ExportError(
        fmt::format("{} holds no model: a model's folder holds versions, 1, 2, and so on, as `ringtrain "
                    "train` exports them",
                    arguments.base));
  Service service(models, metrics, config.tokens());
  HttpServer server(config.http(), [&service](HttpRequest request, HttpServer::Respond respond) {
    service.answer(std::move(request), std::move(respond));
  });
  service.count_connections([&server] { return server.connections(); });
  const auto grpc = make_grpc(config, models, metrics);
  {
    const Signals signals(server);
    const Watcher watcher(models, config.poll_seconds);
    say_where(config, models, server.port(), grpc.get());
    server.run();
  }
  pool.join();
  return 0;
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
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
  const auto field = [&](const char* option, const char* key, const char* doc) {
    command->add_option_function<std::string>(
        option,
        [arguments, key](const std::string& value) {
          arguments->set.push_back(std::string(key) + '=' + value);
        },
        doc);
  };
  field("--address", "address", "Address to listen on (127.0.0.1); 0.0.0.0: every network");
  field("--port", "port", "Port (8501); 0: any that is free");
  field("--grpc-port", "grpc_port", "Port of gRPC (none without it); 0: any that is free");
  field("--threads", "threads", "Threads that run models (the cores)");
  field("--poll-seconds", "poll_seconds", "How often new versions are looked for (2)");
  field("--token-file", "token_file", "Requests need one of this file's lines as their bearer token");
  field("--tls-certificate", "tls.certificate", "PEM file; with --tls-key: HTTPS");
  field("--tls-key", "tls.key", "PEM file");
  command->add_flag("--reference", arguments->reference, "Print what --config and --set understand");
  command->footer(
      "Examples:\n"
      "  ringtrain serve jobs/fraud/export\n"
      "  curl -d '{\"instances\": [[1.0, 2.0, 5.0]]}' http://localhost:8501/v1/models/fraud:predict\n"
      "  ringtrain serve jobs/fraud/export --grpc-port 8500 --set batching.delay_us=500\n"
      "  ringtrain serve models --address 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem --token-file "
      "tokens\n"
      "Open http://localhost:8501/ to see the models and try one. Which versions are served is said by "
      "`ringtrain\n"
      "versions`; changes are followed while it runs.");
  command->callback([arguments, base, &exit_code] {
    if (arguments->reference) {
      ServeConfig defaults;
      fmt::print("{}",
                 config::to_markdown([&defaults](config::Visitor& v) { defaults.describe(v); }, "Serving"));
      exit_code = 0;
      return;
    }
    if (base->count() == 0) throw ConfigError("BASE is missing: ringtrain serve jobs/fraud/export");
    exit_code = serve(*arguments);
  });
}

}  // namespace ringtrain
