#include "common/hash.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "common/errors.h"

namespace ringtrain {

std::uint64_t hash_bytes(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string hash_text(std::string_view bytes) { return fmt::format("{:016x}", hash_bytes(bytes)); }

struct Hasher::State {
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> xxh{XXH3_createState(), &XXH3_freeState};
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_64bits_reset(state_->xxh.get()); }

Hasher::~Hasher() = default;

void Hasher::add(std::string_view bytes) {
  XXH3_64bits_update(state_->xxh.get(), bytes.data(), bytes.size());
}

std::string Hasher::text() const { return fmt::format("{:016x}", XXH3_64bits_digest(state_->xxh.get())); }

std::string hash_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  Hasher hasher;
  std::vector<char> piece(1 << 20);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)
    hasher.add({piece.data(), static_cast<std::size_t>(in.gcount())});
  if (in.bad()) throw DataError(fmt::format("reading {} failed: {}", file.string(), std::strerror(errno)));
  return hasher.text();
}

}  // namespace ringtrain
