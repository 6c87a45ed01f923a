#include "data/tokens/token_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"

namespace ringtrain {

static_assert(std::endian::native == std::endian::little, "token files are mapped as they are");

TokenFile::TokenFile(std::filesystem::path file) : path_(std::move(file)) {
  const auto fail = [this](const std::string& why) {
    throw DataError(fmt::format("{}: {}", path_.string(), why));
  };
  const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(std::strerror(errno));
  struct stat status {};
  void* map = MAP_FAILED;
  std::string problem;
  if (::fstat(descriptor, &status) != 0)
    problem = std::strerror(errno);
  else if (!S_ISREG(status.st_mode))
    problem = "it is not a file";
  else if (status.st_size == 0)
    problem = "it is empty; expected tokens, two bytes each";
  else if (status.st_size % 2 != 0)
    problem = fmt::format(
        "it has {} bytes, an odd number; tokens are unsigned 16-bit numbers, two bytes each. Is it cut off, "
        "or of another type?",
        with_commas(status.st_size));
  else if (map = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, descriptor,
                        0);
           map == MAP_FAILED)
    problem = fmt::format("cannot be mapped into memory: {}", std::strerror(errno));
  ::close(descriptor);
  if (!problem.empty()) fail(problem);
  tokens_ = {static_cast<const std::uint16_t*>(map), static_cast<std::size_t>(status.st_size) / 2};
}

TokenFile::~TokenFile() {
  ::munmap(const_cast<std::uint16_t*>(tokens_.data()), tokens_.size_bytes());  // NOLINT: munmap's signature
}

void TokenFile::require_below(std::int64_t vocabulary) const {
  std::uint16_t largest = 0;
  for (const auto token : tokens_) largest = std::max(largest, token);
  if (largest < vocabulary) return;
  const auto bad = std::find_if(tokens_.begin(), tokens_.end(),
                                [vocabulary](std::uint16_t token) { return token >= vocabulary; });
  throw DataError(fmt::format(
      "{}: token {} at position {} is not in the vocabulary of {} (0 to {}); raise model.vocabulary, or make "
      "the file with that vocabulary",
      path_.string(), *bad, with_commas(bad - tokens_.begin()), with_commas(vocabulary), vocabulary - 1));
}

void write_token_file(const std::filesystem::path& file, std::span<const std::uint16_t> tokens) {
  const auto bytes = std::as_bytes(tokens);
  write_file_atomically(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace ringtrain
