#include "serving/server/http_connection.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "common/log.h"
#include "serving/server/listening.h"

namespace ringtrain::http {
namespace {

constexpr std::size_t kMostHeaderBytes = 16 << 10;
constexpr std::chrono::seconds kGoodbye{5}, kLastGoodbye{1};

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(std::time_t time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(time));
}

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

HttpReply error_reply(int status, const std::string& text) {
  return {status, nlohmann::json{{"error", text}}.dump() + "\n"};
}

template <class Stream>
Connection<Stream>::Connection(Stream stream, std::shared_ptr<Host> host)
    : stream_(std::move(stream)), host_(std::move(host)) {
  ++host_->connections;
}

template <class Stream>
Connection<Stream>::~Connection() {
  --host_->connections;
  host_->connection_ended();
}

template <class Stream>
void Connection<Stream>::start() {
  asio::dispatch(stream_.get_executor(), [self = this->shared_from_this()] { self->shake_hands(); });
}

template <class Stream>
void Connection<Stream>::shake_hands() {
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    beast::get_lowest_layer(stream_).expires_after(host_->options.header_limit);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = this->shared_from_this()](error_code error) {
                              if (error) return self->close();
                              self->begin();
                            });
  } else {
    begin();
  }
}

template <class Stream>
void Connection<Stream>::begin() {
  if (host_->connections > host_->options.most_connections)
    return refuse(503, "too many connections; try again later");
  read();
}

template <class Stream>
void Connection<Stream>::server_stops() {
  asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
    if (self->silent_) self->close();
  });
}

// The first byte may take long to come; from there on the clock runs.
template <class Stream>
void Connection<Stream>::read() {
  parser_.emplace();
  wants_head_ = false;
  parser_->header_limit(kMostHeaderBytes);
  parser_->body_limit(host_->options.most_body_bytes);
  if (buffer_.size() > 0) return read_header();
  beast::get_lowest_layer(stream_).expires_after(host_->options.idle_limit);
  silent_ = true;
  stream_.async_read_some(buffer_.prepare(4096),
                          [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                            self->silent_ = false;
                            self->buffer_.commit(bytes);
                            if (error) return self->close();
                            self->read_header();
                          });
}

template <class Stream>
void Connection<Stream>::read_header() {
  beast::get_lowest_layer(stream_).expires_after(host_->options.header_limit);
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = this->shared_from_this()](error_code error, std::size_t) { self->header_received(error); });
}

template <class Stream>
void Connection<Stream>::header_received(error_code error) {
  if (error == beast::http::error::header_limit) return refuse(431, "the header is too large");
  if (error == beast::http::error::body_limit)
    return refuse(413, fmt::format("the body is larger than {} bytes", host_->options.most_body_bytes));
  if (error == beast::http::error::end_of_stream || error == beast::error::timeout ||
      error == asio::error::operation_aborted || error == asio::error::connection_reset)
    return close();
  if (error) return refuse(400, "this is not HTTP");
  const auto& message = parser_->get();
  version_ = message.version();
  wants_head_ = message.method() == beast::http::verb::head;
  if (!beast::iequals(message[beast::http::field::expect], "100-continue")) return read_body();
  const auto go_on = std::make_shared<beast::http::response<beast::http::empty_body>>(
      beast::http::status::continue_, version_);
  beast::http::async_write(stream_, *go_on,
                           [self = this->shared_from_this(), go_on](error_code failed, std::size_t) {
                             if (failed) return self->close();
                             self->read_body();
                           });
}

template <class Stream>
void Connection<Stream>::read_body() {
  if (parser_->is_done()) return body_received({});
  beast::get_lowest_layer(stream_).expires_after(host_->options.request_limit);
  beast::http::async_read(
      stream_, buffer_, *parser_,
      [self = this->shared_from_this()](error_code error, std::size_t) { self->body_received(error); });
}

template <class Stream>
void Connection<Stream>::body_received(error_code error) {
  if (error == beast::http::error::body_limit)
    return refuse(413, fmt::format("the body is larger than {} bytes", host_->options.most_body_bytes));
  if (error == beast::http::error::bad_chunk || error == beast::http::error::bad_chunk_extension)
    return refuse(400, "the body's chunks are not HTTP");
  if (error) return close();
  handle();
}

template <class Stream>
void Connection<Stream>::refuse(int status, const std::string& text) {
  keep_ = false;
  answer(error_reply(status, text));
}

template <class Stream>
void Connection<Stream>::handle() {
  auto& message = parser_->get();
  keep_ = message.keep_alive() && !host_->stopping;
  const auto header = [&message](const auto& name) { return text_of(message[name]); };
  HttpRequest request{wants_head_ ? "GET" : text_of(message.method_string()),
                      path_of_target({message.target().data(), message.target().size()}),
                      std::move(message.body()),
                      header(beast::http::field::authorization),
                      header("Inference-Header-Content-Length"),
                      header(beast::http::field::content_encoding),
                      header(beast::http::field::host),
                      header(beast::http::field::origin),
                      header("X-Request-Id"),
                      header("traceparent"),
                      peer()};
  beast::get_lowest_layer(stream_).expires_never();
  const auto respond = [self = this->shared_from_this()](HttpReply reply) {
    asio::dispatch(self->stream_.get_executor(),
                   [self, reply = std::move(reply)]() mutable { self->answer(std::move(reply)); });
  };
  const std::string what = request.method + ' ' + request.path;
  try {
    host_->handler(std::move(request), respond);
  } catch (const std::exception& failure) {
    log::error(fmt::format("{}: {}", what, failure.what()));
    answer(error_reply(500, "internal error; the server's log says more"));
  }
}

template <class Stream>
std::string Connection<Stream>::peer() {
  error_code error;
  const auto end = beast::get_lowest_layer(stream_).socket().remote_endpoint(error);
  return error ? "" : host_and_port(end.address().to_string(), end.port());
}

template <class Stream>
void Connection<Stream>::answer(HttpReply reply) {
  response_.emplace(static_cast<beast::http::status>(reply.status), version_);
  response_->set(beast::http::field::server, "ringtrain");
  response_->set(beast::http::field::date, http_date(std::time(nullptr)));
  response_->set(beast::http::field::content_type, reply.type);
  for (const auto& [name, value] : reply.headers) response_->set(name, value);
  if (reply.status == 503) response_->set(beast::http::field::retry_after, "1");
  keep_ = keep_ && !host_->stopping;  // it may have been told to stop while the request was answered
  response_->keep_alive(keep_);
  response_->content_length(reply.body.size());
  if (!wants_head_) response_->body() = std::move(reply.body);
  beast::get_lowest_layer(stream_).expires_after(host_->options.request_limit);
  beast::http::async_write(stream_, *response_,
                           [self = this->shared_from_this()](error_code error, std::size_t) {
                             if (error) return self->close();
                             if (!self->keep_ || self->host_->stopping) return self->say_goodbye();
                             self->read();
                           });
}

// A client that still sends would lose the answer if its bytes were refused: they are read, for a while.
template <class Stream>
void Connection<Stream>::say_goodbye() {
  // A client's pool may look at the connection only when it wants it again.
  const auto limit = host_->stopping ? kLastGoodbye : kGoodbye;
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    beast::get_lowest_layer(stream_).expires_after(limit);
    stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->close(); });
  } else {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(limit);
    discard();
  }
}

template <class Stream>
void Connection<Stream>::discard() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(64 << 10),
                          [self = this->shared_from_this()](error_code error, std::size_t) {
                            if (error) return self->close();
                            self->discard();
                          });
}

template <class Stream>
void Connection<Stream>::close() {
  error_code ignored;
  auto& lowest = beast::get_lowest_layer(stream_);
  lowest.socket().shutdown(tcp::socket::shutdown_send, ignored);
  lowest.close();
}

template class Connection<PlainStream>;
template class Connection<TlsStream>;

}  // namespace ringtrain::http
