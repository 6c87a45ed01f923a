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

TokenFile::TokenFile(std::filesystem::path file, std::string_view dtype, std::int64_t vocabulary)
    : path_(std::move(file)) {
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
    problem = "it is empty; expected tokens, two or four bytes each";
  else if (map = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, descriptor,
                        0);
           map == MAP_FAILED)
    problem = fmt::format("cannot be mapped into memory: {}", std::strerror(errno));
  ::close(descriptor);
  if (!problem.empty()) fail(problem);
  map_ = {static_cast<const std::byte*>(map), static_cast<std::size_t>(status.st_size)};
  try {
    format_ = recognise_tokens(map_, dtype, vocabulary);
  } catch (const DataError& error) {
    unmap();
    fail(error.what());
  }
  size_ = static_cast<std::int64_t>((map_.size() - format_.header_bytes) / format_.token_bytes());
}

TokenFile::~TokenFile() { unmap(); }

void TokenFile::unmap() {
  ::munmap(const_cast<std::byte*>(map_.data()), map_.size_bytes());  // NOLINT: munmap's signature
}

template <class Visit>
auto TokenFile::visit(Visit visit) const {
  const std::byte* first = map_.data() + format_.header_bytes;
  return format_.type == TokenType::uint16 ? visit(reinterpret_cast<const std::uint16_t*>(first))
                                           : visit(reinterpret_cast<const std::uint32_t*>(first));
}

void TokenFile::copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const {
  visit([=](const auto* tokens) { std::copy_n(tokens + begin, count, out); });
}

void TokenFile::require_below(std::int64_t vocabulary) const {
  visit([&](const auto* tokens) {
    const std::span all(tokens, static_cast<std::size_t>(size_));
    std::int64_t largest = 0;
    for (const auto token : all) largest = std::max<std::int64_t>(largest, token);
    if (largest < vocabulary) return;
    const auto bad = std::find_if(all.begin(), all.end(),
                                  [vocabulary](std::int64_t token) { return token >= vocabulary; });
    throw DataError(
        fmt::format("{}: token {} at position {} is not in the vocabulary of {} (0 to {}); raise "
                    "model.vocabulary, or make "
                    "the file with that vocabulary. It was read as numbers of {} bits (data.token_dtype)",
                    path_.string(), *bad, with_commas(bad - all.begin()), with_commas(vocabulary),
                    vocabulary - 1, 8 * format_.token_bytes()));
  });
}

void write_token_file(const std::filesystem::path& file, std::span<const std::uint16_t> tokens) {
  const auto bytes = std::as_bytes(tokens);
  write_file_atomically(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace ringtrain
