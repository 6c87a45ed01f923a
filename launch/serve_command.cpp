#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/errors.h"
#include "common/log.h"
#include "launch/commands.h"
#include "launch/cores.h"
#include "serving/server/rest_v1.h"

namespace ringtrain {
namespace {

struct Arguments {
  std::string base;
  HttpServer::Options http;
  double poll_seconds = 2;
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

int serve(const Arguments& arguments) {
  at::set_num_threads(1);  // requests run side by side
  ServedModels models(arguments.base);
  models.scan();
  if (models.names().empty())
    throw ExportError(
        fmt::format("{} holds no model: a model's folder holds versions, 1, 2, and so on, as `ringtrain "
                    "train` exports them",
                    arguments.base));
  HttpServer server(arguments.http,
                    [&models](const HttpRequest& request) { return answer_rest_v1(models, request); });
  const Signals signals(server);
  std::mutex mutex;
  std::condition_variable_any wake;
  const std::jthread watcher([&](const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, std::chrono::duration<double>(arguments.poll_seconds), [] {
      return false;
    }) && !stop.stop_requested())
      models.scan();
  });
  fmt::print("Serving http://{}:{}/ with {} threads; Ctrl-C ends it\n", arguments.http.address, server.port(),
             arguments.http.threads);
  for (const auto& name : models.names())
    fmt::print("  POST http://{}:{}/v1/models/{}:predict\n", arguments.http.address, server.port(), name);
  std::fflush(stdout);
  server.run();
  return 0;
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  arguments->http.threads = static_cast<int>(usable_cores().size());
  auto* command = app.add_subcommand(
      "serve",
      "Answer requests over HTTP with exported models, as TensorFlow Serving's REST interface does.");
  command
      ->add_option("BASE", arguments->base,
                   "The model repository, BASE/NAME/VERSION, or one model of it (BASE/NAME)")
      ->required();
  command->add_option("--address", arguments->http.address, "Address to listen on; 0.0.0.0: every network")
      ->capture_default_str();
  command->add_option("--port", arguments->http.port, "Port; 0: any that is free")->capture_default_str();
  command
      ->add_option("--threads", arguments->http.threads, "Requests that are answered at a time (the cores)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--poll-seconds", arguments->poll_seconds, "How often new versions are looked for")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  ringtrain serve jobs/fraud/export\n"
      "  curl -d '{\"instances\": [[1.0, 2.0, 5.0]]}' http://localhost:8501/v1/models/fraud:predict\n"
      "  curl http://localhost:8501/v1/models/fraud\n"
      "The newest version of each model answers; a newer one takes its place while it runs. There is no "
      "authentication: keep it behind a proxy.");
  command->callback([arguments, &exit_code] { exit_code = serve(*arguments); });
}

}  // namespace ringtrain
