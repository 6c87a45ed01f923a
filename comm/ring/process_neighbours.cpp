#include "comm/ring/process_neighbours.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <random>
#include <string>

#include "common/errors.h"
#include "common/log.h"

namespace ringtrain::ring {
namespace {

constexpr std::uint64_t offset_bits = 44;
constexpr std::uint64_t offset_mask = (std::uint64_t{1} << offset_bits) - 1;

// How a rank's block is found by the others. The number is written into the block and compared: in another
// process namespace the same PID is another process.
struct Address {
  pid_t process = 0;
  int file = -1;
  std::uint64_t number = 0;
};

std::uint64_t random_number() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

bool all_agree(MPI_Comm communicator, bool good) {
  int all = good ? 1 : 0;
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, communicator), "MPI_Allreduce");
  return all == 1;
}

}  // namespace

ProcessNeighbours::ProcessNeighbours(mpi::Handle host_ranks) : host_ranks_(std::move(host_ranks)) {
  mpi::check(MPI_Comm_rank(host_ranks_.get(), &rank_), "MPI_Comm_rank");
  mpi::check(MPI_Comm_size(host_ranks_.get(), &size_), "MPI_Comm_size");
}

std::unique_ptr<ProcessNeighbours> ProcessNeighbours::make(const mpi::Handle& everybody,
                                                           mpi::Handle host_ranks) {
  std::unique_ptr<ProcessNeighbours> made(new ProcessNeighbours(std::move(host_ranks)));
  std::string why;
  try {
    made->share(sizeof(Board));
  } catch (const CommError& error) {
    why = error.what();
  }
  if (!why.empty()) log::warn(fmt::format("ranks of this host share no memory ({})", why));
  if (!all_agree(everybody.get(), why.empty())) return nullptr;
  Blocks& blocks = *made->blocks_.at(0);
  for (int r = 0; r < made->size_; ++r) {
    auto* place = blocks[static_cast<std::size_t>(r)].data();
    if (r == made->rank_) new (place) Board();
    made->boards_.push_back(std::launder(reinterpret_cast<Board*>(place)));
  }
  mpi::check(MPI_Barrier(made->host_ranks_.get()), "MPI_Barrier");
  return made;
}

// Unmaps the blocks whose tensors are gone on all ranks. An all-reduce that is under way keeps its tensor on
// each rank, so no rank's memory goes while another one works in it.
void ProcessNeighbours::give_back() {
  std::vector<int> unused;
  for (const auto& [number, blocks] : blocks_) unused.push_back(number > 0 && blocks.use_count() == 1);
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, unused.data(), static_cast<int>(unused.size()), MPI_INT, MPI_MIN,
                           host_ranks_.get()),
             "MPI_Allreduce");
  std::size_t i = 0;
  std::erase_if(blocks_, [&](const auto&) { return unused[i++] == 1; });
}

// A block of `bytes` on every rank of the host. Throws CommError on all of them.
const std::shared_ptr<ProcessNeighbours::Blocks>& ProcessNeighbours::share(std::size_t bytes) {
  bytes = std::max(bytes, sizeof(std::uint64_t));
  auto blocks = std::make_shared<Blocks>(static_cast<std::size_t>(size_));
  auto& mine = (*blocks)[static_cast<std::size_t>(rank_)];
  std::string why;
  Address address{.process = ::getpid(), .file = -1, .number = random_number()};
  try {
    mine = SharedBlock::make(bytes);
    address.file = mine.file();
    *reinterpret_cast<std::uint64_t*>(mine.data()) = address.number;
  } catch (const CommError& error) {
    why = error.what();
  }
  std::vector<Address> addresses(static_cast<std::size_t>(size_));
  mpi::check(MPI_Allgather(&address, sizeof(Address), MPI_BYTE, addresses.data(), sizeof(Address), MPI_BYTE,
                           host_ranks_.get()),
             "MPI_Allgather");
  for (std::size_t r = 0; r < addresses.size() && why.empty(); ++r) {
    if (static_cast<int>(r) == rank_) continue;
    try {
      if (addresses[r].file < 0) throw CommError(fmt::format("local rank {} has none", r));
      (*blocks)[r] = SharedBlock::open(addresses[r].process, addresses[r].file, bytes);
      if (*reinterpret_cast<std::uint64_t*>((*blocks)[r].data()) != addresses[r].number)
        throw CommError(
            fmt::format("process {} of local rank {} is another one here", addresses[r].process, r));
    } catch (const CommError& error) {
      why = error.what();
    }
  }
  const bool good = all_agree(host_ranks_.get(), why.empty());
  if (!good) throw CommError(why.empty() ? "another rank of this host failed to share memory" : why);
  *reinterpret_cast<std::uint64_t*>(mine.data()) = 0;
  return blocks_.emplace(shared_++, std::move(blocks)).first->second;
}

std::optional<Place> ProcessNeighbours::place_of(const void* data, std::size_t bytes) const {
  const auto* start = static_cast<const std::byte*>(data);
  for (const auto& [number, blocks] : blocks_) {
    const SharedBlock& mine = (*blocks)[static_cast<std::size_t>(rank_)];
    if (start >= mine.data() && start + bytes <= mine.data() + mine.bytes())
      return Place{(number << offset_bits) | static_cast<std::uint64_t>(start - mine.data())};
  }
  return std::nullopt;
}

std::byte* ProcessNeighbours::address(int rank, Place place) const {
  return (*blocks_.at(place.value >> offset_bits))[static_cast<std::size_t>(rank)].data() +
         (place.value & offset_mask);
}

at::Tensor ProcessNeighbours::allocate(std::int64_t numel, const at::TensorOptions& options) {
  const auto bytes = static_cast<std::size_t>(numel) * options.dtype().itemsize();
  give_back();
  const std::shared_ptr<Blocks> blocks = share(bytes);
  return at::from_blob((*blocks)[static_cast<std::size_t>(rank_)].data(), {numel},
                       [blocks](void*) {},  // keeps the memory mapped as long as the tensor lives
                       options);
}

}  // namespace ringtrain::ring
