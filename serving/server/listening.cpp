#include "serving/server/listening.h"

#include <fmt/format.h>

#include "common/errors.h"

namespace ringtrain {
namespace asio = boost::asio;

static std::string without_brackets(const std::string& address) {
  const bool has = address.size() > 2 && address.front() == '[' && address.back() == ']';
  return has ? address.substr(1, address.size() - 2) : address;
}

std::string host_and_port(const std::string& address, int port) {
  const auto bare = without_brackets(address);
  const bool v6 = bare.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", bare, port) : fmt::format("{}:{}", bare, port);
}

void listen_on(asio::ip::tcp::acceptor& acceptor, const std::string& address, int port,
               const std::string& what) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(without_brackets(address), error);
  if (error)
    throw ConfigError(
        fmt::format("'{}' is no address; 127.0.0.1 is this machine alone, 0.0.0.0 every network", address));
  const asio::ip::tcp::endpoint endpoint(parsed, static_cast<unsigned short>(port));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw ConfigError(
        fmt::format("cannot listen on {}{}: {}", host_and_port(address, port), what, error.message()));
}

}  // namespace ringtrain
