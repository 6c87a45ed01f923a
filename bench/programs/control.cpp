#include "bench/programs/control.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

namespace ringtrain::bench {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Control::Control(const std::string& socket_path, int rank)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (socket_ < 0) fail("cannot make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail(socket_path);
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    fail("cannot reach the driver at " + socket_path);
  answer({{"rank", rank}});
}

Control::~Control() { ::close(socket_); }

std::optional<nlohmann::json> Control::next() {
  std::size_t end = 0;
  while ((end = received_.find('\n')) == std::string::npos) {
    std::array<char, 4096> part{};
    const auto size = ::recv(socket_, part.data(), part.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    received_.append(part.data(), static_cast<std::size_t>(size));
  }
  auto command = nlohmann::json::parse(received_.substr(0, end));
  received_.erase(0, end + 1);
  if (command.at("do") == "quit") return std::nullopt;
  return command;
}

void Control::answer(const nlohmann::json& answer) {
  const std::string line = answer.dump() + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const auto size = ::send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (size < 0 && errno != EINTR) fail("cannot answer the driver");
    if (size > 0) sent += static_cast<std::size_t>(size);
  }
}

nlohmann::json resident_memory() {
  nlohmann::json result;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    std::int64_t kibibytes = 0;
    words >> name >> kibibytes;
    if (name == "VmRSS:") result["resident_bytes"] = kibibytes * 1024;
    if (name == "VmHWM:") result["peak_bytes"] = kibibytes * 1024;
  }
  return result;
}

}  // namespace ringtrain::bench
