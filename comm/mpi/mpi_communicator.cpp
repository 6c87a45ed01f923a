#include "comm/mpi/mpi_communicator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <vector>

#include "comm/backends.h"
#include "comm/checks.h"
#include "comm/collective_call.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

std::atomic<std::int64_t> count_limit{INT_MAX};
constexpr std::int64_t piece_bytes = 1 << 20;  // fits the cache: docs/comm.md

}  // namespace

void set_mpi_count_limit_for_test(std::int64_t limit) { count_limit = limit; }

namespace mpi {
namespace {

// Calls `send(offset, count)` for pieces of at most `piece` of `total` elements.
template <class Send>
void in_pieces(std::int64_t total, std::int64_t piece, const Send& send) {
  for (std::int64_t offset = 0; offset < total; offset += piece)
    send(offset, static_cast<int>(std::min(piece, total - offset)));
}

std::int64_t piece_elements(std::int64_t element_bytes) {
  return std::clamp<std::int64_t>(piece_bytes / element_bytes, 1, count_limit);
}

// Copies `count` elements from `offset` of each of `parts` parts (of `part` elements) to or from a packed
// buffer.
enum class Direction { pack, unpack };
void copy_parts(Direction direction, char* parts_data, char* packed, std::int64_t parts,
                std::int64_t part_bytes, std::int64_t offset_bytes, std::int64_t bytes) {
  for (std::int64_t p = 0; p < parts; ++p) {
    char* in_whole = parts_data + p * part_bytes + offset_bytes;
    char* in_packed = packed + p * bytes;
    if (direction == Direction::pack)
      std::memcpy(in_packed, in_whole, static_cast<std::size_t>(bytes));
    else
      std::memcpy(in_whole, in_packed, static_cast<std::size_t>(bytes));
  }
}

char* data_of(const at::Tensor& tensor) { return static_cast<char*>(tensor.data_ptr()); }

// Adds what was being moved to the error of an MPI call.
template <class Body>
void named(const MpiCommunicator& self, std::string_view collective, const at::Tensor& tensor,
           const Body& body) {
  try {
    body();
  } catch (const CommError& error) {
    throw CommError(fmt::format("{} of {} {} on rank {} of {}: {}", collective, tensor.numel(),
                                checks::dtype_name(tensor.scalar_type()), self.rank(), self.world_size(),
                                error.what()));
  }
}

}  // namespace

MpiCommunicator::MpiCommunicator(Handle handle) : handle_(std::move(handle)) {
  check(MPI_Comm_rank(handle_.get(), &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(handle_.get(), &world_size_), "MPI_Comm_size");
}

// The least and the largest of each number, at once: where they are the same, so are the calls.
void MpiCommunicator::do_compare(const CollectiveCall& mine) {
  constexpr std::size_t count = std::tuple_size_v<CollectiveCall::Numbers>;
  const auto numbers = mine.numbers();
  std::array<std::int64_t, 2 * count> ends;
  for (std::size_t i = 0; i < count; ++i) {
    ends[i] = numbers[i];
    ends[count + i] = -numbers[i];
  }
  check(MPI_Allreduce(MPI_IN_PLACE, ends.data(), static_cast<int>(ends.size()), MPI_INT64_T, MPI_MAX,
                      handle_.get()),
        "MPI_Allreduce");
  if (std::equal(ends.begin(), ends.begin() + count, ends.begin() + count,
                 [](std::int64_t most, std::int64_t least) { return most == -least; }))
    return;
  std::vector<CollectiveCall> calls(static_cast<std::size_t>(world_size_));
  check(MPI_Allgather(&mine, sizeof(mine), MPI_BYTE, calls.data(), sizeof(mine), MPI_BYTE, handle_.get()),
        "MPI_Allgather");
  require_same(calls);
}

Work MpiCommunicator::do_all_reduce(const at::Tensor& tensor, ReduceOp op) {
  const MPI_Datatype type = datatype_of(tensor.scalar_type());
  const std::int64_t size = static_cast<std::int64_t>(tensor.element_size());
  named(*this, "all_reduce", tensor, [&] {
    const MPI_Op operation = handle_.session().reductions().operation(tensor.scalar_type(), op);
    in_pieces(tensor.numel(), piece_elements(size), [&](std::int64_t offset, int count) {
      check(
          MPI_Allreduce(MPI_IN_PLACE, data_of(tensor) + offset * size, count, type, operation, handle_.get()),
          "MPI_Allreduce");
    });
  });
  return {};
}

Work MpiCommunicator::do_broadcast(const at::Tensor& tensor, int root) {
  const MPI_Datatype type = datatype_of(tensor.scalar_type());
  const std::int64_t size = static_cast<std::int64_t>(tensor.element_size());
  named(*this, "broadcast", tensor, [&] {
    in_pieces(tensor.numel(), piece_elements(size), [&](std::int64_t offset, int count) {
      check(MPI_Bcast(data_of(tensor) + offset * size, count, type, root, handle_.get()), "MPI_Bcast");
    });
  });
  return {};
}

Work MpiCommunicator::do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) {
  const MPI_Datatype type = datatype_of(input.scalar_type());
  const std::int64_t size = static_cast<std::int64_t>(input.element_size());
  const std::int64_t piece = std::max<std::int64_t>(1, piece_elements(size) / world_size_);
  std::vector<char> packed(static_cast<std::size_t>(std::min(piece, output.numel()) * world_size_ * size));
  named(*this, "reduce_scatter", input, [&] {
    const MPI_Op operation = handle_.session().reductions().operation(input.scalar_type(), ReduceOp::sum);
    in_pieces(output.numel(), piece, [&](std::int64_t offset, int count) {
      copy_parts(Direction::pack, data_of(input), packed.data(), world_size_, output.numel() * size,
                 offset * size, count * size);
      check(MPI_Reduce_scatter_block(packed.data(), data_of(output) + offset * size, count, type, operation,
                                     handle_.get()),
            "MPI_Reduce_scatter_block");
    });
  });
  return {};
}

Work MpiCommunicator::do_all_gather(const at::Tensor& output, const at::Tensor& input) {
  const MPI_Datatype type = datatype_of(input.scalar_type());
  const std::int64_t size = static_cast<std::int64_t>(input.element_size());
  const std::int64_t piece = std::max<std::int64_t>(1, piece_elements(size) / world_size_);
  std::vector<char> packed(static_cast<std::size_t>(std::min(piece, input.numel()) * world_size_ * size));
  named(*this, "all_gather", input, [&] {
    in_pieces(input.numel(), piece, [&](std::int64_t offset, int count) {
      check(MPI_Allgather(data_of(input) + offset * size, count, type, packed.data(), count, type,
                          handle_.get()),
            "MPI_Allgather");
      copy_parts(Direction::unpack, data_of(output), packed.data(), world_size_, input.numel() * size,
                 offset * size, count * size);
    });
  });
  return {};
}

Work MpiCommunicator::do_all_to_all(const at::Tensor& output, const at::Tensor& input) {
  const MPI_Datatype type = datatype_of(input.scalar_type());
  const std::int64_t size = static_cast<std::int64_t>(input.element_size());
  const std::int64_t part = input.numel() / world_size_;
  const std::int64_t piece = std::max<std::int64_t>(1, piece_elements(size) / world_size_);
  std::vector<char> sent(static_cast<std::size_t>(std::min(piece, part) * world_size_ * size));
  std::vector<char> received(sent.size());
  named(*this, "all_to_all", input, [&] {
    in_pieces(part, piece, [&](std::int64_t offset, int count) {
      copy_parts(Direction::pack, data_of(input), sent.data(), world_size_, part * size, offset * size,
                 count * size);
      check(MPI_Alltoall(sent.data(), count, type, received.data(), count, type, handle_.get()),
            "MPI_Alltoall");
      copy_parts(Direction::unpack, data_of(output), received.data(), world_size_, part * size, offset * size,
                 count * size);
    });
  });
  return {};
}

// What is compared waits for all.
void MpiCommunicator::barrier() { do_compare({.kind = CollectiveCall::Kind::barrier}); }

std::unique_ptr<Communicator> MpiCommunicator::duplicate() {
  do_compare({.kind = CollectiveCall::Kind::duplicate});
  return std::make_unique<MpiCommunicator>(handle_.duplicate());
}

std::unique_ptr<Communicator> MpiCommunicator::do_split(const std::vector<int>& members) {
  auto group = handle_.group(members);
  return group ? std::make_unique<MpiCommunicator>(std::move(*group)) : nullptr;
}

void MpiCommunicator::abort(int exit_code) noexcept {
  if (handle_.session().is_usable()) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace mpi
}  // namespace ringtrain
