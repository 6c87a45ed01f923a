#pragma once

#include <cstdint>
#include <string>

namespace ringtrain::faults {

/// What the test program's own open, write, fsync, rename, mkdir, unlink and so on do to calls on files below
/// a folder: they are counted, and the n-th one fails or ends the process. (A program's symbols come before
/// those of libc, also for libstdc++.)
enum class Fault { none, kill, no_space, io_error, short_write };

/// From here on: calls on paths below `folder` are counted from 1, and call number `at` suffers `fault`; with
/// `from_there_on` all later ones too (a full disk stays full).
void arm(const std::string& folder, Fault fault, std::int64_t at, bool from_there_on = false);
void disarm();
/// Calls since `arm`.
std::int64_t calls();
/// Whether the fault has happened, and to which call: "write /tmp/x".
bool happened();
std::string victim();

}  // namespace ringtrain::faults
