#include "serving/server/http_server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <mutex>
#include <thread>

#include "common/errors.h"
#include "serving/server/http_connection.h"
#include "serving/server/listening.h"

namespace ringtrain {
namespace {

using namespace http;

std::unique_ptr<asio::ssl::context> tls_context(const HttpServer::Options& options) {
  if (options.certificate.empty() != options.key.empty())
    throw ConfigError("TLS needs both a certificate and its key");
  if (options.certificate.empty()) return nullptr;
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  error_code error;
  context->use_certificate_chain_file(options.certificate, error);
  if (error)
    throw ConfigError(fmt::format("the certificate {} cannot be read: {}; a PEM file is expected",
                                  options.certificate, error.message()));
  context->use_private_key_file(options.key, asio::ssl::context::pem, error);
  if (error)
    throw ConfigError(
        fmt::format("the key {} cannot be used with the certificate: {}; a PEM file is expected", options.key,
                    error.message()));
  return context;
}

}  // namespace

std::string path_of_target(std::string_view target) {
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != std::string_view::npos) {
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  const auto path = target.substr(0, target.find('?'));
  return path.empty() ? "/" : std::string(path);
}

struct HttpServer::Impl : Host, std::enable_shared_from_this<HttpServer::Impl> {
  Impl(const Options& with, Handler what)
      : tls(tls_context(with)), context(with.threads), acceptor(asio::make_strand(context)), drain(context) {
    options = with;
    handler = std::move(what);
    listen_on(acceptor, options.address, options.port);
    port = acceptor.local_endpoint().port();
  }

  void accept();
  void end();
  void accepted(tcp::socket socket);
  void connection_ended() override {
    if (connections == 0 && stopping) context.stop();
  }
  template <class Stream>
  void start(Stream stream) {
    const auto connection = std::make_shared<Connection<Stream>>(std::move(stream), shared_from_this());
    {
      const std::lock_guard lock(mutex);
      if (open.size() > 2 * connections + 100)
        std::erase_if(open, [](const auto& one) { return one.expired(); });
      open.push_back(connection);
    }
    connection->start();
  }

  std::unique_ptr<asio::ssl::context> tls;
  asio::io_context context;
  tcp::acceptor acceptor;
  asio::steady_timer drain;
  unsigned short port = 0;
  std::mutex mutex;
  std::vector<std::weak_ptr<Stoppable>> open;  // and some that have ended
};

void HttpServer::Impl::accept() {
  acceptor.async_accept(asio::make_strand(context),
                        [self = shared_from_this()](error_code error, tcp::socket socket) {
                          if (self->stopping) return;
                          if (!error) self->accepted(std::move(socket));
                          if (error == asio::error::no_descriptors) {  // until others have ended
                            self->drain.expires_after(std::chrono::milliseconds(100));
                            return self->drain.async_wait([self](error_code) {
                              if (!self->stopping) self->accept();
                            });
                          }
                          self->accept();
                        });
}

void HttpServer::Impl::accepted(tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (tls)
    start(TlsStream(beast::tcp_stream(std::move(socket)), *tls));
  else
    start(PlainStream(std::move(socket)));
}

void HttpServer::Impl::end() {
  if (stopping.exchange(true)) return;
  error_code ignored;
  acceptor.close(ignored);
  if (connections == 0) return context.stop();
  drain.expires_after(options.drain_limit);
  drain.async_wait([impl = shared_from_this()](error_code error) {
    if (!error) impl->context.stop();
  });
  const std::lock_guard lock(mutex);
  for (const auto& one : open)
    if (const auto connection = one.lock()) connection->server_stops();
}

HttpServer::HttpServer(const Options& options, Handler handler)
    : impl_(std::make_shared<Impl>(options, std::move(handler))) {}

HttpServer::~HttpServer() { impl_->context.stop(); }

unsigned short HttpServer::port() const { return impl_->port; }
std::size_t HttpServer::connections() const { return impl_->connections; }

std::size_t HttpServer::run() {
  impl_->accept();
  std::vector<std::jthread> pool;
  for (int i = 1; i < impl_->options.threads; ++i) pool.emplace_back([this] { impl_->context.run(); });
  impl_->context.run();
  pool.clear();
  return impl_->connections;
}

void HttpServer::stop() {
  asio::post(impl_->acceptor.get_executor(), [impl = impl_] { impl->end(); });
}

}  // namespace ringtrain
