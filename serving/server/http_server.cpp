#include "serving/server/http_server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/log.h"

namespace ringtrain {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMostHeaderBytes = 16 << 10;
constexpr std::chrono::seconds kGoodbye{5};

HttpReply error_reply(int status, const std::string& text) {
  return {status, fmt::format("{{\"error\": \"{}\"}}", text)};
}

}  // namespace

class Connection;

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(const Options& with, Handler what)
      : options(with),
        handler(std::move(what)),
        context(with.threads),
        acceptor(asio::make_strand(context)),
        drain(context) {
    error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error)
      throw ConfigError(fmt::format(
          "'{}' is no address; 127.0.0.1 is this machine alone, 0.0.0.0 every network", options.address));
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
      throw ConfigError(
          fmt::format("cannot listen on {}:{}: {}", options.address, options.port, error.message()));
    port = acceptor.local_endpoint().port();
  }

  void accept();
  void end();
  void connection_ended() {
    if (--connections == 0 && stopping) context.stop();
  }

  Options options;
  Handler handler;
  asio::io_context context;
  tcp::acceptor acceptor;
  asio::steady_timer drain;
  unsigned short port = 0;
  std::atomic<std::size_t> connections{0};
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::vector<std::weak_ptr<Connection>> open;  // and some that have ended
};

/// One connection: reads a request, answers it, reads the next one. Lives as long as something is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<HttpServer::Impl> server)
      : stream_(std::move(socket)), server_(std::move(server)) {
    ++server_->connections;
  }
  ~Connection() { server_->connection_ended(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() {
    if (server_->connections > server_->options.most_connections) {
      keep_ = false;
      return answer(error_reply(503, "too many connections; try again later"));
    }
    read();
  }

  /// The server stops: a silent connection ends now, another one after its answer.
  void server_stops() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      if (self->silent_) self->close();
    });
  }

 private:
  // The first byte may take long to come; from there on the clock runs.
  void read() {
    parser_.emplace();
    parser_->header_limit(kMostHeaderBytes);
    parser_->body_limit(server_->options.most_body_bytes);
    if (buffer_.size() > 0) return read_request();
    stream_.expires_after(server_->options.idle_limit);
    silent_ = true;
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](error_code error, std::size_t bytes) {
                              self->silent_ = false;
                              self->buffer_.commit(bytes);
                              if (error) return self->close();
                              self->read_request();
                            });
  }

  void read_request() {
    stream_.expires_after(server_->options.request_limit);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->received(error); });
  }

  void received(error_code error) {
    if (error == http::error::body_limit || error == http::error::header_limit) {
      keep_ = false;
      const bool body = error == http::error::body_limit;
      return answer(error_reply(body ? 413 : 431, body ? fmt::format("the body is larger than {} bytes",
                                                                     server_->options.most_body_bytes)
                                                       : "the header is too large"));
    }
    if (error == http::error::end_of_stream || error == asio::error::operation_aborted ||
        error == beast::error::timeout || error == asio::error::connection_reset)
      return close();
    if (error) {
      keep_ = false;
      return answer(error_reply(400, "this is not HTTP"));
    }
    auto& message = parser_->get();
    keep_ = message.keep_alive() && !server_->stopping;
    version_ = message.version();
    HttpRequest request{std::string(message.method_string()), std::string(message.target()),
                        std::move(message.body())};
    request.path.resize(std::min(request.path.find('?'), request.path.size()));
    stream_.expires_never();
    HttpReply reply;
    try {
      reply = server_->handler(request);
    } catch (const std::exception& failure) {
      log::error(fmt::format("{} {}: {}", request.method, request.path, failure.what()));
      reply = error_reply(500, "internal error; the server's log says more");
    }
    answer(std::move(reply));
  }

  void answer(HttpReply reply) {
    response_.emplace(static_cast<http::status>(reply.status), version_);
    response_->set(http::field::server, "ringtrain");
    response_->set(http::field::content_type, reply.type);
    if (reply.status == 503) response_->set(http::field::retry_after, "1");
    response_->keep_alive(keep_);
    response_->body() = std::move(reply.body);
    response_->prepare_payload();
    stream_.expires_after(server_->options.request_limit);
    http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->close();
      if (!self->keep_ || self->server_->stopping) return self->say_goodbye();
      self->read();
    });
  }

  // A client that still sends would lose the answer if its bytes were refused: they are read, for a while.
  void say_goodbye() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kGoodbye);
    discard();
  }

  void discard() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(64 << 10),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (error) return self->close();
                              self->discard();
                            });
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  std::shared_ptr<HttpServer::Impl> server_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  unsigned version_ = 11;
  bool keep_ = true;
  bool silent_ = false;  ///< between two requests
};

void HttpServer::Impl::accept() {
  acceptor.async_accept(asio::make_strand(context),
                        [self = shared_from_this()](error_code error, tcp::socket socket) {
                          if (self->stopping) return;
                          if (!error) {
                            socket.set_option(tcp::no_delay(true), error);
                            const auto connection = std::make_shared<Connection>(std::move(socket), self);
                            {
                              const std::lock_guard lock(self->mutex);
                              if (self->open.size() > 2 * self->connections + 100)
                                std::erase_if(self->open, [](const auto& one) { return one.expired(); });
                              self->open.push_back(connection);
                            }
                            connection->start();
                          }
                          self->accept();
                        });
}

void HttpServer::Impl::end() {
  if (stopping.exchange(true)) return;
  error_code ignored;
  acceptor.close(ignored);
  if (connections == 0) return context.stop();
  drain.expires_after(options.drain_limit);
  drain.async_wait([impl = shared_from_this()](error_code) { impl->context.stop(); });
  const std::lock_guard lock(mutex);
  for (const auto& one : open)
    if (const auto connection = one.lock()) connection->server_stops();
}

HttpServer::HttpServer(const Options& options, Handler handler)
    : impl_(std::make_shared<Impl>(options, std::move(handler))) {}

HttpServer::~HttpServer() { impl_->context.stop(); }

unsigned short HttpServer::port() const { return impl_->port; }

void HttpServer::run() {
  impl_->accept();
  std::vector<std::jthread> pool;
  for (int i = 1; i < impl_->options.threads; ++i) pool.emplace_back([this] { impl_->context.run(); });
  impl_->context.run();
}

void HttpServer::stop() {
  asio::post(impl_->acceptor.get_executor(), [impl = impl_] { impl->end(); });
}

}  // namespace ringtrain
