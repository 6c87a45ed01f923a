#include "comm/exchange_rows.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "comm/row_shapes.h"

namespace ringtrain {
namespace {

/// Of what is sent, and as many of what is received, in a round.
constexpr std::int64_t kRoundBytes = 4 << 20;

using Counts = std::vector<std::int64_t>;

std::int64_t total_of(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::string problem_of(Communicator& communicator, const at::Tensor& mine, const Counts& counts) {
  const std::int64_t rows = mine.defined() && mine.dim() > 0 ? mine.size(0) : 0;
  if (counts.size() != static_cast<std::size_t>(communicator.world_size()))
    return fmt::format("exchange_rows: {} counts; expected one for each of {} ranks", counts.size(),
                       communicator.world_size());
  if (std::any_of(counts.begin(), counts.end(), [](std::int64_t count) { return count < 0; }) ||
      total_of(counts) != rows)
    return fmt::format(
        "exchange_rows: counts of {} rows in all, and mine has {}; all rows go somewhere, and no "
        "count is negative",
        total_of(counts), rows);
  return {};
}

/// What each rank sends here.
Counts received_counts(Communicator& communicator, const Counts& counts, const at::Device& device) {
  const auto sent = at::tensor(counts, at::kLong).to(device);
  const auto received = at::empty_like(sent);
  communicator.all_to_all(received, sent).wait();
  const auto here = received.cpu();
  return {here.const_data_ptr<std::int64_t>(), here.const_data_ptr<std::int64_t>() + here.numel()};
}

/// The most that any rank sends to another one: all ranks go through as many rounds.
std::int64_t most_between(Communicator& communicator, const Counts& counts, const at::Device& device) {
  std::int64_t most = 0;
  for (std::size_t r = 0; r < counts.size(); ++r)
    if (static_cast<int>(r) != communicator.rank()) most = std::max(most, counts[r]);
  const auto agreed = at::full({1}, most, at::TensorOptions(device).dtype(at::kLong));
  communicator.all_reduce(agreed, ReduceOp::max).wait();
  return agreed.item<std::int64_t>();
}

/// Calls `copy(offset in all bytes, offset in the round's, bytes)` for what round `from` has of each rank.
template <class Copy>
void for_round(const Counts& bytes, int self, std::int64_t from, std::int64_t part, const Copy& copy) {
  std::int64_t offset = 0;
  for (std::size_t r = 0; r < bytes.size(); offset += bytes[r++])
    if (static_cast<int>(r) != self && bytes[r] > from)
      copy(offset + from, static_cast<std::int64_t>(r) * part, std::min(part, bytes[r] - from));
}

Counts times(Counts counts, std::int64_t each) {
  for (auto& count : counts) count *= each;
  return counts;
}

std::int64_t before(const Counts& counts, int rank) {
  return std::accumulate(counts.begin(), counts.begin() + rank, std::int64_t{0});
}

}  // namespace

at::Tensor exchange_rows(Communicator& communicator, const at::Tensor& mine, const Counts& counts) {
  const at::NoGradGuard no_grad;
  const auto shape =
      agreed_row_shapes("exchange_rows", communicator, mine, problem_of(communicator, mine, counts))[0];
  const at::Device device = mine.device();
  const int self = communicator.rank(), ranks = communicator.world_size();
  const auto each = shape.bytes_of_row();
  const auto sent = times(counts, each);
  const auto received = times(received_counts(communicator, counts, device), each);
  const auto from = row_bytes_of(mine);
  const auto to = at::empty({total_of(received)}, from.options());
  const auto place = static_cast<std::size_t>(self);
  to.narrow(0, before(received, self), received[place])
      .copy_(from.narrow(0, before(sent, self), sent[place]));

  const std::int64_t most = most_between(communicator, counts, device) * each;
  const std::int64_t part = std::min(most, std::max<std::int64_t>(kRoundBytes / ranks, 1));
  const auto out = at::zeros({ranks * part}, from.options()), in = at::empty({ranks * part}, from.options());
  for (std::int64_t done = 0; done < most; done += part) {
    for_round(sent, self, done, part, [&](std::int64_t whole, std::int64_t round, std::int64_t bytes) {
      out.narrow(0, round, bytes).copy_(from.narrow(0, whole, bytes));
    });
    communicator.all_to_all(in, out, Compare::never).wait();  // `part` is agreed
    for_round(received, self, done, part, [&](std::int64_t whole, std::int64_t round, std::int64_t bytes) {
      to.narrow(0, whole, bytes).copy_(in.narrow(0, round, bytes));
    });
  }
  return to.view(mine.scalar_type())
      .view(shape.sizes_of(total_of(received) / std::max<std::int64_t>(each, 1)));
}

}  // namespace ringtrain
