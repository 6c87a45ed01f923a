#include "launch/mpirun/hosts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <sstream>

#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr int kMostRanks = 4096;

std::optional<int> ranks_from(const std::string& digits) {
  if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const int ranks = std::stoi(digits);
  return ranks >= 1 && ranks <= kMostRanks ? std::optional(ranks) : std::nullopt;
}

/// "a:4", "a", "[fe80::1]:4". The problem goes to `problem`.
std::optional<Host> host_from(const std::string& word, std::string& problem) {
  Host host{.name = word};
  const auto bracket = word.rfind(']');
  const auto colon = word.find(':', bracket == std::string::npos ? 0 : bracket);
  if (colon != std::string::npos) {
    host.name = word.substr(0, colon);
    const auto ranks = ranks_from(word.substr(colon + 1));
    if (!ranks) {
      problem = fmt::format("expected HOST:RANKS with 1 to {} ranks, got '{}'", kMostRanks, word);
      return std::nullopt;
    }
    host.ranks = *ranks;
  }
  // What a shell or mpirun would take apart is no name.
  if (host.name.empty() || host.name.front() == '-' ||
      host.name.find_first_of(" \t,;&|<>$`\"'\\()*?") != std::string::npos) {
    problem = fmt::format("'{}' is no host name or address", host.name);
    return std::nullopt;
  }
  return host;
}

void add(std::vector<Host>& hosts, const Host& one) {
  const auto same =
      std::find_if(hosts.begin(), hosts.end(), [&](const Host& h) { return h.name == one.name; });
  if (same == hosts.end())
    hosts.push_back(one);
  else
    same->ranks += one.ranks;
}

}  // namespace

std::vector<Host> parse_hosts(const std::string& text) {
  std::vector<Host> hosts;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    std::string problem;
    const auto host = host_from(word, problem);
    if (!host) throw ConfigError(fmt::format("--hosts: {}; write them as node1:4,node2:4", problem));
    add(hosts, *host);
  }
  if (hosts.empty()) throw ConfigError("--hosts: there is no host in it; write them as node1:4,node2:4");
  return hosts;
}

std::vector<Host> read_hostfile(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw ConfigError(fmt::format("--hostfile: {} cannot be read", file));
  std::vector<Host> hosts;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word, problem;
    if (!(words >> word)) continue;
    auto host = host_from(word, problem);
    for (std::string option; host && words >> option;) {
      if (option.starts_with("max_slots=") || option.starts_with("max-slots=")) continue;
      const auto slots = option.starts_with("slots=") ? ranks_from(option.substr(6)) : std::nullopt;
      if (!slots) {
        problem = fmt::format("expected slots=N with 1 to {}, got '{}'", kMostRanks, option);
        host.reset();
      } else {
        host->ranks = *slots;
      }
    }
    if (!host) throw ConfigError(fmt::format("{}:{}: {}; a line is: node1 slots=4", file, number, problem));
    add(hosts, *host);
  }
  if (hosts.empty())
    throw ConfigError(fmt::format("{}: there is no host in it; a line is: node1 slots=4", file));
  return hosts;
}

std::string to_string(const std::vector<Host>& hosts) {
  std::string text;
  for (const auto& host : hosts)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", host.name, host.ranks);
  return text;
}

int total_ranks(const std::vector<Host>& hosts) {
  return std::accumulate(hosts.begin(), hosts.end(), 0,
                         [](int sum, const Host& host) { return sum + host.ranks; });
}

bool is_this_host(const std::string& name) {
  if (name == "localhost") return true;
  std::array<char, 256> here{};
  if (::gethostname(here.data(), here.size() - 1) == 0) {
    const std::string full = here.data();
    if (name == full || name == full.substr(0, full.find('.'))) return true;
  }
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> addresses(list, &::freeifaddrs);
  for (const auto* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (one->ifa_addr->sa_family == AF_INET)
      bytes = &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    else if (one->ifa_addr->sa_family == AF_INET6)
      bytes = &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
    if (bytes != nullptr &&
        ::inet_ntop(one->ifa_addr->sa_family, bytes, text.data(), text.size()) != nullptr &&
        name == text.data())
      return true;
  }
  return false;
}

}  // namespace ringtrain
