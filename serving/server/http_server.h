#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringtrain {

struct HttpRequest {
  std::string method;  ///< "GET", also where only the head is wanted
  std::string path;    ///< without host and query
  std::string body;
  // Headers, or empty.
  std::string authorization;            ///< Authorization
  std::string inference_header_length;  ///< Inference-Header-Content-Length
  std::string content_encoding;         ///< Content-Encoding
  std::string host, origin;             ///< Host, Origin
  std::string id, traceparent;          ///< X-Request-Id, traceparent
  std::string client;                   ///< who asks: "127.0.0.1:40312"
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< others than the type and the length
};

/// What a request's target asks for: "/v1/models" of "/v1/models?x", "http://host/v1/models" (RFC 9112, 3.2).
std::string path_of_target(std::string_view target);

/// Answers HTTP/1.1, over TLS where it has a certificate, on a pool of threads (Boost.Beast). Connections are
/// kept alive and cost no thread while they are silent or slow.
class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    unsigned short port = 8501;  ///< 0: any that is free
    int threads = 1;
    std::string certificate, key;                     ///< PEM files; both or none
    std::size_t most_body_bytes = 64 << 20;           ///< larger: 413
    std::size_t most_connections = 10000;             ///< one more: 503
    std::chrono::milliseconds header_limit{10'000};   ///< for a request's header to arrive; then closed
    std::chrono::milliseconds request_limit{60'000};  ///< for its body to arrive; then closed
    std::chrono::seconds idle_limit{300};             ///< between two requests
    std::chrono::milliseconds drain_limit{25'000};    ///< for what is under way when it stops
  };
  using Respond = std::function<void(HttpReply)>;
  /// Called on the pool's threads, several at a time; calls `respond` once, now or later, from any thread.
  /// What it throws becomes a 500. HEAD comes as GET, and its answer goes without the body.
  using Handler = std::function<void(HttpRequest, Respond)>;

  /// Listens. Throws ConfigError when the address cannot be had, or the certificate not be read.
  HttpServer(const Options& options, Handler handler);
  ~HttpServer();

  unsigned short port() const;
  /// Answers until `stop`; returns how many connections were cut, because they took longer than
  /// `drain_limit`.
  std::size_t run();
  /// Takes no new connections, ends those that are silent, lets requests under way be answered, and ends
  /// their connections then. Any thread may call it.
  void stop();
  std::size_t connections() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace ringtrain
