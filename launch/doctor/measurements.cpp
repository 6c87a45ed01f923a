#include "launch/doctor/measurements.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "comm/agreement.h"
#include "comm/backends.h"
#include "comm/mpi/mpi_api.h"

namespace ringtrain::doctor {
namespace {

constexpr int kTag = 77;
constexpr int kMessage = 4 << 20;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void send(const void* data, int bytes, int to) {
  mpi::check(MPI_Send(data, bytes, MPI_BYTE, to, kTag, MPI_COMM_WORLD), "MPI_Send");
}

void receive(void* data, int bytes, int from) {
  mpi::check(MPI_Recv(data, bytes, MPI_BYTE, from, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
}

double round_trip(int other, bool first) {
  double best = 1e9, number = 0;
  for (int turn = 0; turn < 20; ++turn) {
    const double begin = now();
    if (first) send(&number, sizeof number, other);
    receive(&number, sizeof number, other);
    if (!first) send(&number, sizeof number, other);
    best = std::min(best, now() - begin);
  }
  return best;
}

/// `count` messages and an answer to the last one; seconds.
double stream(std::vector<char>& buffer, int count, int other, bool sends) {
  char answer = 0;
  const double begin = now();
  for (int i = 0; i < count; ++i)
    if (sends)
      send(buffer.data(), kMessage, other);
    else
      receive(buffer.data(), kMessage, other);
  if (sends)
    receive(&answer, 1, other);
  else
    send(&answer, 1, other);
  return now() - begin;
}

/// Bytes a second from the one that sends; both learn it.
double measure_stream(std::vector<char>& buffer, int other, bool sends) {
  const double one = stream(buffer, 1, other, sends);
  int count = static_cast<int>(std::clamp(0.15 / std::max(one, 1e-6), 1.0, 200.0));
  if (sends)
    send(&count, sizeof count, other);
  else
    receive(&count, sizeof count, other);
  double best = 0;
  for (int turn = 0; turn < 2; ++turn)
    best = std::max(best, static_cast<double>(count) * kMessage / stream(buffer, count, other, sends));
  return best;
}

Link measure_link(const Layout& layout, int a, int b, bool first) {
  const int other = layout.first_ranks[static_cast<std::size_t>(first ? b : a)];
  Link link{.a = a, .b = b, .forth = 0, .back = 0, .latency_s = round_trip(other, first) / 2};
  std::vector<char> buffer(kMessage, 1);
  link.forth = measure_stream(buffer, other, first);
  link.back = measure_stream(buffer, other, !first);
  return link;
}

std::vector<std::pair<int, int>> pairs_of(int hosts) {
  std::vector<std::pair<int, int>> pairs;
  for (int a = 0; a < hosts; ++a)
    for (int b = a + 1; b < hosts; ++b)
      if (hosts <= 8 || b == a + 1 || (a == 0 && b == hosts - 1)) pairs.emplace_back(a, b);
  return pairs;
}

}  // namespace

Layout find_layout(World& world) {
  Layout layout;
  // Containers may share a name: the first rank of a host counts, by local_rank.
  const auto names =
      all_gather_strings(world.control(), (world.local_rank() == 0 ? "1" : "0") + world.host());
  for (std::size_t rank = 0; rank < names.size(); ++rank) {
    const std::string name = names[rank].substr(1);
    if (names[rank][0] == '1') {
      layout.hosts.push_back(name);
      layout.first_ranks.push_back(static_cast<int>(rank));
      layout.ranks.push_back(0);
    }
    int host = static_cast<int>(layout.hosts.size()) - 1;
    while (host > 0 && layout.hosts[static_cast<std::size_t>(host)] != name) --host;
    layout.host_of.push_back(host);
    ++layout.ranks[static_cast<std::size_t>(host)];
  }
  return layout;
}

std::vector<Link> measure_links(const World& world, const Layout& layout) {
  std::vector<Link> links;
  for (const auto& [a, b] : pairs_of(static_cast<int>(layout.hosts.size()))) {
    const int first = layout.first_ranks[static_cast<std::size_t>(a)];
    const int second = layout.first_ranks[static_cast<std::size_t>(b)];
    Link link;
    if (world.rank() == first || world.rank() == second)
      link = measure_link(layout, a, b, world.rank() == first);
    mpi::check(MPI_Bcast(&link, sizeof link, MPI_BYTE, first, MPI_COMM_WORLD), "MPI_Bcast");
    links.push_back(link);
  }
  return links;
}

std::vector<double> measure_clocks(const World& world, const Layout& layout) {
  std::vector<double> ahead(layout.hosts.size(), 0);
  for (std::size_t host = 1; host < layout.hosts.size(); ++host) {
    const int other = layout.first_ranks[host];
    double shortest = 1e9;
    for (int turn = 0; turn < 20; ++turn) {
      double theirs = 0;
      if (world.rank() == other) {
        receive(&theirs, sizeof theirs, 0);
        theirs = wall_clock();
        send(&theirs, sizeof theirs, 0);
      } else if (world.rank() == 0) {
        const double begin = wall_clock();
        send(&theirs, sizeof theirs, other);
        receive(&theirs, sizeof theirs, other);
        const double end = wall_clock();
        if (end - begin < shortest) {
          shortest = end - begin;
          ahead[host] = theirs - (begin + end) / 2;
        }
      }
    }
  }
  return ahead;
}

AllReduce measure_all_reduce(World& world) {
  const auto communicator = make_communicator(world, world.world_size() == 1 ? "local" : "mpi", "cpu");
  const auto time_of = [&](std::int64_t bytes, double budget, int most) {
    const auto tensor = communicator->allocate(bytes / 4, at::kFloat);
    tensor.fill_(1);
    const auto run = [&](int count) {
      world.control().barrier();
      const double begin = now();
      for (int i = 0; i < count; ++i) communicator->all_reduce(tensor, ReduceOp::sum, Compare::never).wait();
      return (now() - begin) / count;
    };
    // The number of turns is agreed: by the slowest.
    const auto first = at::full({1}, run(1), at::kDouble);
    world.control().all_reduce(first, ReduceOp::max).wait();
    return run(static_cast<int>(
        std::clamp(budget / std::max(first.item<double>(), 1e-7), 1.0, static_cast<double>(most))));
  };
  constexpr std::int64_t large = 16 << 20;
  const double ranks = world.world_size();
  AllReduce result;
  result.latency_s = time_of(4096, 0.1, 2000);
  result.bus_bytes_a_second = 2 * (ranks - 1) / ranks * static_cast<double>(large) / time_of(large, 0.5, 20);
  return result;
}

}  // namespace ringtrain::doctor
