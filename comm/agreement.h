#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.h"
#include "common/errors.h"
#include "common/exit_code.h"

namespace ringtrain {

/// Another rank failed; it, or rank 0, prints the reason. `main` ends this rank silently with `exit_code()`.
struct PeerError : Error {
  PeerError(const std::string& text, int exit_code) : Error(text, exit_code) {}
};

/// `mine` of every rank, in rank order, on every rank. Collective.
std::vector<std::string> all_gather_strings(Communicator& control, std::string_view mine);

/// `text` of rank `root`, on every rank. Collective.
std::string broadcast_string(Communicator& control, std::string_view text, int root);

/// Runs `body` on every rank and waits for all. If it threw on some ranks, throws on all: on rank 0 the one
/// message that names the rank (or ranks) and `phase`, elsewhere PeerError. The exit code is the failing
/// rank's. When every rank failed with the same text the message carries it once, without a rank. Collective.
void together(Communicator& control, std::string_view phase, const std::function<void()>& body);

/// The same for an outcome that is already known: `failure` is this rank's error, or null.
void raise_together(Communicator& control, std::string_view phase, const std::exception_ptr& failure);

/// What an exception says, without the backtraces of LibTorch's; and the exit code that it asks for.
struct Said {
  std::string text;
  int exit_code = ExitCode::failure;
};
Said what_of(const std::exception_ptr& failure);

/// Throws ConfigError on all ranks, naming the first rank whose `value` differs from rank 0's, and both
/// values. Collective.
void agree_on(Communicator& control, std::string_view what, std::string_view value);

}  // namespace ringtrain
