#include "trainer/checkpoint/checkpoint_parts.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

std::string file_name(int rank) { return fmt::format("optimizer-{}.safetensors", rank); }

struct Piece {
  std::string name;
  std::int64_t begin, end;
};

std::optional<Piece> piece_of(const std::string& text) {
  const auto at = text.rfind('@'), colon = text.rfind(':');
  if (at == std::string::npos || colon == std::string::npos || colon < at) return {};
  Piece piece{text.substr(0, at), 0, 0};
  const auto number = [&text](std::size_t from, std::size_t to, std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data() + from, text.data() + to, value);
    return error == std::errc() && end == text.data() + to;
  };
  if (!number(at + 1, colon, piece.begin) || !number(colon + 1, text.size(), piece.end)) return {};
  return piece;
}

nlohmann::json read_record(const fs::path& file) {
  if (!fs::exists(file)) return {};
  return nlohmann::json::parse(read_file(file), nullptr, false);
}

}  // namespace

std::string piece_name(const std::string& name, std::int64_t begin, std::int64_t end) {
  return fmt::format("{}@{}:{}", name, begin, end);
}

NamedTensors join_pieces(const NamedTensors& tensors, const NamedTensors& weights, const std::string& where) {
  std::map<std::string, std::map<std::int64_t, at::Tensor>> pieces;  // by name, then by begin
  NamedTensors joined;
  for (auto& [name, tensor] : tensors) {
    const auto piece = piece_of(name);
    if (!piece) {
      joined[name] = tensor;
      continue;
    }
    if (tensor.dim() != 1 || tensor.numel() != piece->end - piece->begin)
      throw CheckpointError(fmt::format("{}: '{}' has {} elements", where, name, tensor.numel()));
    pieces[piece->name][piece->begin] = tensor;
  }
  for (const auto& [name, parts] : pieces) {
    const auto weight = weights.find(name.substr(name.find('/') + 1));
    if (weight == weights.end())
      throw CheckpointError(fmt::format("{}: '{}' belongs to no weights of the checkpoint", where, name));
    std::vector<at::Tensor> in_order;
    std::int64_t end = 0;
    for (const auto& [begin, part] : parts) {
      if (begin != end) break;
      end += part.numel();
      in_order.push_back(part);
    }
    if (in_order.size() != parts.size() || end != weight->second.numel())
      throw CheckpointError(fmt::format("{}: the parts of '{}' do not make up its {} elements", where, name,
                                        weight->second.numel()));
    joined[name] = at::cat(in_order).view(weight->second.sizes());
  }
  return joined;
}

void write_part(const fs::path& folder, int rank, const NamedTensors& tensors) {
  const fs::path record = folder / fmt::format("rank-{}.json", rank);
  try {
    fs::create_directories(folder);
    CheckedFile file(folder / file_name(rank));
    write_safetensors(tensors, {{"format", "pt"}}, [&file](std::string_view bytes) { file.write(bytes); });
    const auto made = file.finish();
    sync_file(folder / file_name(rank));
    write_file_atomically(record, nlohmann::json{{"bytes", made.bytes}, {"xxh3", made.xxh3}}.dump());
  } catch (const std::exception& error) {
    try {
      write_file_atomically(record, nlohmann::json{{"error", error.what()}}.dump());
    } catch (const std::exception&) {  // then rank 0 waits until its patience ends
    }
    throw CheckpointError(error.what());
  }
}

std::vector<Part> take_parts(const fs::path& folder, int ranks, const fs::path& target,
                             std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  std::vector<Part> parts;
  for (int rank = 1; rank < ranks; ++rank) {
    auto record = read_record(folder / fmt::format("rank-{}.json", rank));
    while (!record.is_object()) {
      if (std::chrono::steady_clock::now() > end)
        throw CheckpointError(fmt::format("rank {} wrote no part of the optimizer's state into {} for {} s",
                                          rank, folder.string(), patience.count()));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      record = read_record(folder / fmt::format("rank-{}.json", rank));
    }
    if (record.contains("error"))
      throw CheckpointError(fmt::format("rank {}: {}", rank, record["error"].get<std::string>()));
    fs::rename(folder / file_name(rank), target / file_name(rank));
    parts.push_back(
        {file_name(rank), {record.at("bytes").get<std::uint64_t>(), record.at("xxh3").get<std::string>()}});
  }
  fs::remove_all(folder);
  return parts;
}

}  // namespace ringtrain
