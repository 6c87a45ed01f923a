#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

namespace ringtrain {

/// "127.0.0.1:8501", "[::1]:8501".
std::string host_and_port(const std::string& address, int port);

/// Binds to an address, with or without the brackets of IPv6, and listens. Throws ConfigError: it is no
/// address, or cannot be had, and why. `what`: of which service the error speaks, " for gRPC".
void listen_on(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, int port,
               const std::string& what = "");

}  // namespace ringtrain
