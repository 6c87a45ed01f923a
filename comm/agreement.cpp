#include "comm/agreement.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "comm/gather_rows.h"
#include "common/exit_code.h"
#include "common/text.h"

namespace ringtrain {
namespace {

// What one rank tells the others about its end of a phase.
struct Failure {
  int rank = 0;
  bool only_peer = false;  // it failed because another rank had: nothing new
  int exit_code = ExitCode::failure;
  std::string host, text;
};

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

// What LibTorch says, without its stack; of memory that a GPU lacks the line that says so, and what helps.
std::string text_of(const c10::Error& error) {
  std::string text = error.what_without_backtrace();
  if (text.find("CUDA") == std::string::npos || text.find("out of memory") == std::string::npos) return text;
  return fmt::format(
      "{}; nvidia-smi shows who has the GPU's memory, and a step takes less of it with a larger "
      "trainer.accumulate or a smaller trainer.global_batch_size",
      text.substr(0, text.find('\n')));
}

Failure describe(const std::exception_ptr& failure) {
  Failure said;
  said.host = host_name();
  try {
    std::rethrow_exception(failure);
  } catch (const PeerError& error) {
    said.only_peer = true;
    said.exit_code = error.exit_code();
    said.text = error.what();
  } catch (const Error& error) {
    said.exit_code = error.exit_code();
    said.text = error.what();
  } catch (const c10::Error& error) {
    said.text = text_of(error);
  } catch (const std::bad_alloc&) {
    said.text = "out of memory";
  } catch (const std::exception& error) {
    said.text = error.what();
  } catch (...) {
    said.text = "an exception of unknown type";
  }
  return said;
}

// "1 4\nnode-02\ntext": whether it is a PeerError, the exit code, host, text.
std::string pack(const Failure& failure) {
  return fmt::format("{} {}\n{}\n{}", failure.only_peer ? 1 : 0, failure.exit_code, failure.host,
                     failure.text);
}

Failure unpack(int rank, const std::string& packed) {
  const std::size_t first = packed.find('\n');
  const std::size_t second = packed.find('\n', first + 1);
  return {.rank = rank,
          .only_peer = packed[0] == '1',
          .exit_code = std::atoi(packed.c_str() + 2),
          .host = packed.substr(first + 1, second - first - 1),
          .text = packed.substr(second + 1)};
}

// "rank 1 of 4 (host node-02)", "ranks 1, 2 of 4 (hosts node-02, node-03)"
std::string who(const std::vector<Failure>& group, int world_size) {
  std::vector<std::string> ranks, hosts;
  for (const Failure& failure : group) {
    ranks.push_back(std::to_string(failure.rank));
    if (std::find(hosts.begin(), hosts.end(), failure.host) == hosts.end()) hosts.push_back(failure.host);
  }
  return fmt::format("{} {} of {} ({} {})", ranks.size() == 1 ? "rank" : "ranks", join(ranks), world_size,
                     hosts.size() == 1 ? "host" : "hosts", join(hosts));
}

// The one message out of all ranks' failures; `failed`: how many ranks failed, those told by a peer included.
std::string compose(const std::vector<Failure>& failures, std::size_t failed, int world_size,
                    std::string_view phase) {
  std::vector<std::vector<Failure>> groups;  // by text, in order of the first rank
  for (const Failure& failure : failures) {
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return group.front().text == failure.text; });
    if (same == groups.end())
      groups.push_back({failure});
    else
      same->push_back(failure);
  }
  if (groups.size() == 1) {
    const std::string& text = groups[0].front().text;
    if (failed == static_cast<std::size_t>(world_size)) return text;
    return fmt::format("{} failed while {}: {}", who(groups[0], world_size), phase, text);
  }
  std::string message = fmt::format("{} of {} ranks failed while {}:", failures.size(), world_size, phase);
  for (const auto& group : groups)
    message += fmt::format("\n  {}: {}", who(group, world_size), group.front().text);
  return message;
}

template <class AnyError>
[[noreturn]] void throw_agreed(AnyError error) {
  error.mark_agreed();
  throw error;
}

[[noreturn]] void raise(const std::string& text, int exit_code) {
  switch (exit_code) {
    case ExitCode::configuration:
      throw_agreed(ConfigError(text));
    case ExitCode::data:
      throw_agreed(DataError(text));
    case ExitCode::communication:
      throw_agreed(CommError(text));
    case ExitCode::checkpoint:
      throw_agreed(CheckpointError(text));
    case ExitCode::model_export:
      throw_agreed(ExportError(text));
    case ExitCode::training:
      throw_agreed(TrainingError(text));
    default:
      throw_agreed(Error(text, exit_code));
  }
}

at::Tensor bytes_of(std::string& text) {
  return at::from_blob(text.data(), {static_cast<std::int64_t>(text.size())}, at::kByte);
}

// What to show of a text that differs at `difference`: the line there (of a configuration: the field), of a
// long line the part around the difference.
std::string around(std::string_view text, std::size_t difference) {
  constexpr std::size_t before = 30, most = 90;
  const std::size_t at = std::min(difference, text.size());
  std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  const std::size_t end = std::min(text.find('\n', at), text.size());
  while (begin < end && text[begin] == ' ') ++begin;
  if (end - begin <= most) return std::string(text.substr(begin, end - begin));
  const std::size_t from = at > begin + before ? at - before : begin;
  return fmt::format("{}{}{}", from > begin ? "..." : "", text.substr(from, std::min(most, end - from)),
                     from + most < end ? "..." : "");
}

}  // namespace

std::vector<std::string> all_gather_strings(Communicator& control, std::string_view mine) {
  const std::int64_t ranks = control.world_size();
  const at::Tensor length = at::full({1}, static_cast<std::int64_t>(mine.size()), at::kLong);
  const at::Tensor lengths = at::empty({ranks}, at::kLong);
  control.all_gather(lengths, length).wait();
  const std::int64_t* sizes = lengths.const_data_ptr<std::int64_t>();
  std::string text(mine);
  const at::Tensor joined = all_gather_bytes(control, bytes_of(text), {sizes, sizes + ranks});

  if (joined.numel() == 0) return std::vector<std::string>(static_cast<std::size_t>(ranks));
  std::vector<std::string> all;
  const auto* next = reinterpret_cast<const char*>(joined.const_data_ptr<std::uint8_t>());
  for (std::int64_t r = 0; r < ranks; next += sizes[r++])
    all.emplace_back(next, static_cast<std::size_t>(sizes[r]));
  return all;
}

std::string broadcast_string(Communicator& control, std::string_view text, int root) {
  const at::Tensor length = at::full({1}, static_cast<std::int64_t>(text.size()), at::kLong);
  control.broadcast(length, root).wait();
  std::string received(text);
  received.resize(static_cast<std::size_t>(length.item<std::int64_t>()));
  control.broadcast(bytes_of(received), root).wait();
  return received;
}

void raise_together(Communicator& control, std::string_view phase, const std::exception_ptr& failure) {
  const std::vector<std::string> said = all_gather_strings(control, failure ? pack(describe(failure)) : "");
  std::vector<Failure> failures, told;
  for (std::size_t r = 0; r < said.size(); ++r) {
    if (said[r].empty()) continue;
    Failure one = unpack(static_cast<int>(r), said[r]);
    (one.only_peer ? told : failures).push_back(std::move(one));
  }
  const std::size_t failed = failures.size() + told.size();
  if (failed == 0) return;
  if (failures.empty()) failures = told;
  const std::string text = compose(failures, failed, control.world_size(), phase);
  const int exit_code = failures.front().exit_code;
  if (control.rank() == 0) raise(text, exit_code);
  throw_agreed(PeerError(text, exit_code));
}

Said what_of(const std::exception_ptr& failure) {
  const Failure said = describe(failure);
  return {said.text, said.exit_code};
}

void together(Communicator& control, std::string_view phase, const std::function<void()>& body) {
  std::exception_ptr failure;
  try {
    body();
  } catch (...) {
    failure = std::current_exception();
  }
  raise_together(control, phase, failure);
}

void agree_on(Communicator& control, std::string_view what, std::string_view value) {
  const std::vector<std::string> all = all_gather_strings(control, value);
  for (std::size_t r = 1; r < all.size(); ++r) {
    if (all[r] == all[0]) continue;
    const auto difference = static_cast<std::size_t>(
        std::mismatch(all[0].begin(), all[0].end(), all[r].begin(), all[r].end()).first - all[0].begin());
    throw_agreed(ConfigError(
        fmt::format("{} differs between ranks: rank 0 has '{}', rank {} has '{}'; start all ranks alike",
                    what, around(all[0], difference), r, around(all[r], difference))));
  }
}

}  // namespace ringtrain
