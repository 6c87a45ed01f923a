#include "tests/faults/system_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace ringtrain::faults {
namespace {

// Plain memory: these functions run before main, and inside of others.
char folder[512];
Fault fault = Fault::none;
std::int64_t counted = 0, unlucky = 0;
bool persistent = false, done = false, armed = false;
char what[600];

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool below(const char* path) { return armed && path && std::strncmp(path, folder, std::strlen(folder)) == 0; }

/// Of a descriptor. A path relative to one is below where the descriptor is.
bool below(int descriptor, const char* relative = "") {
  if (!armed) return false;
  if (relative[0] == '/') return below(relative);
  std::array<char, 64> link{};
  std::array<char, 512> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  const auto length = ::readlink(link.data(), path.data(), path.size() - 1);
  return length > 0 && below(path.data());
}

/// Counts a call; returns the error that it is to give, or 0. Does not return where the process ends.
int suffer(const char* name, const char* path) {
  ++counted;
  const bool hit = fault != Fault::none && (counted == unlucky || (persistent && counted > unlucky));
  if (!hit) return 0;
  if (!done) std::snprintf(what, sizeof what, "%s %s", name, path);
  done = true;
  if (fault == Fault::kill) ::raise(SIGKILL);
  const bool makes_room = std::strncmp(name, "unlink", 6) == 0 || std::strncmp(name, "rmdir", 5) == 0;
  if (fault == Fault::no_space) return makes_room ? 0 : ENOSPC;
  if (fault == Fault::io_error) return EIO;
  return 0;
}

}  // namespace

void arm(const std::string& path, Fault kind, std::int64_t at, bool from_there_on) {
  std::snprintf(folder, sizeof folder, "%s", path.c_str());
  fault = kind;
  unlucky = at;
  persistent = from_there_on;
  counted = 0;
  done = false;
  what[0] = 0;
  armed = true;
}
void disarm() { armed = false; }
std::int64_t calls() { return counted; }
bool happened() { return done; }
std::string victim() { return what; }

}  // namespace ringtrain::faults

using namespace ringtrain::faults;

#define RINGTRAIN_SUFFER(name, path) \
  if (const int error = suffer(name, path); error != 0) return errno = error, -1

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  // Reading gives nothing away, and changes nothing.
  if (below(path) && (flags & (O_CREAT | O_WRONLY | O_RDWR))) RINGTRAIN_SUFFER("open", path);
  static const auto next = real<int (*)(const char*, int, ...)>("open");
  return next(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return open(path, flags, mode);
}
ssize_t write(int descriptor, const void* data, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (below(descriptor)) {
    const bool before = happened();
    RINGTRAIN_SUFFER("write", "a file");
    if (happened() && !before && size > 1) size /= 2;  // Fault::short_write
  }
  return next(descriptor, data, size);
}
int fsync(int descriptor) {
  if (below(descriptor)) RINGTRAIN_SUFFER("fsync", "a file");
  static const auto next = real<int (*)(int)>("fsync");
  return next(descriptor);
}
int rename(const char* from, const char* to) {
  if (below(from)) RINGTRAIN_SUFFER("rename", to);
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  return next(from, to);
}
int mkdir(const char* path, mode_t mode) {
  if (below(path)) RINGTRAIN_SUFFER("mkdir", path);
  static const auto next = real<int (*)(const char*, mode_t)>("mkdir");
  return next(path, mode);
}
int unlink(const char* path) {
  if (below(path)) RINGTRAIN_SUFFER("unlink", path);
  static const auto next = real<int (*)(const char*)>("unlink");
  return next(path);
}
int unlinkat(int folder_descriptor, const char* path, int flags) {
  if (path[0] == '/' ? below(path) : below(folder_descriptor, path)) RINGTRAIN_SUFFER("unlinkat", path);
  static const auto next = real<int (*)(int, const char*, int)>("unlinkat");
  return next(folder_descriptor, path, flags);
}
int rmdir(const char* path) {
  if (below(path)) RINGTRAIN_SUFFER("rmdir", path);
  static const auto next = real<int (*)(const char*)>("rmdir");
  return next(path);
}
int remove(const char* path) {
  if (below(path)) RINGTRAIN_SUFFER("unlink (remove)", path);
  static const auto next = real<int (*)(const char*)>("remove");
  return next(path);
}
}
