#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace ringtrain {

struct HttpRequest {
  std::string method;  ///< "GET"
  std::string path;    ///< without the query
  std::string body;
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string type = "application/json";
};

/// Answers HTTP/1.1 on a pool of threads (Boost.Beast). Connections are kept alive and cost no thread while
/// they are silent.
class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    unsigned short port = 8501;  ///< 0: any that is free
    int threads = 1;
    std::size_t most_body_bytes = 64 << 20;  ///< larger: 413
    std::size_t most_connections = 10000;    ///< one more: 503
    std::chrono::seconds request_limit{30};  ///< for a request to arrive whole, once it began: then closed
    std::chrono::seconds idle_limit{300};    ///< between two requests
    std::chrono::seconds drain_limit{30};    ///< for what is under way when it stops
  };
  /// Called on the pool's threads, several at a time. What it throws becomes a 500.
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  /// Listens. Throws ConfigError when the address cannot be had.
  HttpServer(const Options& options, Handler handler);
  ~HttpServer();

  unsigned short port() const;
  /// Answers until `stop`.
  void run();
  /// Takes no new connections, ends those that are silent, lets requests under way be answered. Any thread
  /// may call it.
  void stop();

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace ringtrain
