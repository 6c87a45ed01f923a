#include "comm/ring/mpi_ring.h"

#include <algorithm>
#include <vector>

#include "comm/ring/mpi_link.h"
#include "comm/ring/process_neighbours.h"
#include "comm/ring/ring_communicator.h"
#include "common/errors.h"

namespace ringtrain::ring {
namespace {

mpi::Handle ranks_of_host(const mpi::Handle& everybody, int rank, const RingOptions& options) {
  if (options.algorithm == RingOptions::Algorithm::ring) return everybody.split(rank, 0);
  if (options.ranks_per_host > 0) return everybody.split(rank / options.ranks_per_host, rank);
  return everybody.split_by_host();
}

template <class T>
std::vector<T> gather(const mpi::Handle& everybody, int world_size, T mine) {
  std::vector<T> all(static_cast<std::size_t>(world_size));
  mpi::check(MPI_Allgather(&mine, sizeof(T), MPI_BYTE, all.data(), sizeof(T), MPI_BYTE, everybody.get()),
             "MPI_Allgather");
  return all;
}

/// The hosts, each by the number of its first rank, in order; and how many ranks each has.
struct Hosts {
  std::vector<int> first_ranks;
  int smallest = 0;
  int index_of(int first_rank) const {
    return static_cast<int>(std::lower_bound(first_ranks.begin(), first_ranks.end(), first_rank) -
                            first_ranks.begin());
  }
};

int size_of(const mpi::Handle& ranks) {
  int size = 0;
  mpi::check(MPI_Comm_size(ranks.get(), &size), "MPI_Comm_size");
  return size;
}

int first_rank_of(const mpi::Handle& host_ranks, int rank) {
  int first = rank;
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, host_ranks.get()), "MPI_Allreduce");
  return first;
}

Hosts find_hosts(const mpi::Handle& everybody, int world_size, int first, int size) {
  Hosts hosts{.first_ranks = gather(everybody, world_size, first), .smallest = 0};
  std::sort(hosts.first_ranks.begin(), hosts.first_ranks.end());
  hosts.first_ranks.erase(std::unique(hosts.first_ranks.begin(), hosts.first_ranks.end()),
                          hosts.first_ranks.end());
  const auto sizes = gather(everybody, world_size, size);
  hosts.smallest = *std::min_element(sizes.begin(), sizes.end());
  return hosts;
}

RingCommunicator::Parts make_parts(const mpi::Handle& original, const RingOptions& options) {
  RingCommunicator::Parts parts;
  auto base = std::make_unique<mpi::MpiCommunicator>(original.duplicate());
  const mpi::Handle& everybody = base->handle();
  const int rank = base->rank(), world_size = base->world_size();

  mpi::Handle host_ranks = ranks_of_host(everybody, rank, options);
  int first = first_rank_of(host_ranks, rank);
  parts.neighbours = ProcessNeighbours::make(everybody, std::move(host_ranks));
  if (!parts.neighbours) {
    first = rank;
    parts.neighbours = ProcessNeighbours::make(everybody, everybody.split(rank, 0));
  }
  if (!parts.neighbours)
    throw CommError(
        "no memory can be shared on some host (the warning above says why); set comm.algorithm: mpi");
  const int ranks_on_host = size_of(everybody.split_by_host());
  const int local = parts.neighbours->rank();
  const Hosts hosts = find_hosts(everybody, world_size, first, parts.neighbours->size());
  const bool several = hosts.first_ranks.size() > 1;
  const int columns = hosts.smallest;
  if (several) {
    const bool has_column = local < columns;
    mpi::Handle column = everybody.split(has_column ? local : columns + rank, hosts.index_of(first));
    if (has_column) parts.link = std::make_unique<MpiLink>(std::move(column));
  }
  parts.seat = {.neighbours = parts.neighbours.get(),
                .link = parts.link.get(),
                .columns = columns,
                .ranks_on_host = ranks_on_host,
                .several_hosts = several,
                .wire = options.wire};
  parts.thread =
      options.thread == RingOptions::Thread::automatic ? several : options.thread == RingOptions::Thread::on;
  parts.base = std::move(base);
  return parts;
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_ring(const mpi::MpiCommunicator& base, const RingOptions& options) {
  if (options.algorithm == RingOptions::Algorithm::mpi)
    return std::make_unique<mpi::MpiCommunicator>(base.handle().duplicate());
  // The first communicator's own copy: later ones are made from it, whatever becomes of `base`.
  const auto original = std::make_shared<mpi::Handle>(base.handle().duplicate());
  return std::make_unique<RingCommunicator>([original, options] { return make_parts(*original, options); },
                                            [options](std::unique_ptr<Communicator> group) {
                                              return make_mpi_ring(
                                                  dynamic_cast<mpi::MpiCommunicator&>(*group), options);
                                            });
}

}  // namespace ringtrain::ring
