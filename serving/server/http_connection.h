#pragma once

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <memory>
#include <optional>
#include <string>

#include "serving/server/http_server.h"

namespace ringtrain::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

/// What a connection needs of its server.
struct Host {
  virtual ~Host() = default;
  HttpServer::Options options;
  HttpServer::Handler handler;
  std::atomic<std::size_t> connections{0};
  std::atomic<bool> stopping{false};
  virtual void connection_ended() = 0;
};

/// A connection that its server may tell to end.
struct Stoppable {
  virtual ~Stoppable() = default;
  /// The server stops: a silent connection ends now, another one after its answer.
  virtual void server_stops() = 0;
};

/// {"error": text}
HttpReply error_reply(int status, const std::string& text);

/// One connection: reads a request, answers it, reads the next one. Lives as long as something is under way.
/// Everything but the handler's answer runs on the stream's strand.
template <class Stream>
class Connection : public Stoppable, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(Stream stream, std::shared_ptr<Host> host);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void start();
  void server_stops() override;

 private:
  void shake_hands();
  void begin();
  void read();
  void read_header();
  void header_received(error_code error);
  void read_body();
  void body_received(error_code error);
  void refuse(int status, const std::string& text);
  void handle();
  std::string peer();
  void answer(HttpReply reply);
  void say_goodbye();
  void discard();
  void close();

  Stream stream_;
  std::shared_ptr<Host> host_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<beast::http::response<beast::http::string_body>> response_;
  unsigned version_ = 11;
  bool keep_ = true;
  bool wants_head_ = false;  ///< of the answer alone
  bool silent_ = false;      ///< between two requests
};

extern template class Connection<PlainStream>;
extern template class Connection<TlsStream>;

}  // namespace ringtrain::http
