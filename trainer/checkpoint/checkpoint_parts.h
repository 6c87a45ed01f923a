#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/checkpoint/checked_file.h"
#include "trainer/checkpoint/safetensors.h"

namespace ringtrain {

/// A checkpoint whose optimizer state is divided over ranks: each rank writes its own part into a folder that
/// all see, with a small record beside it; rank 0 waits for the records, takes the files over into the
/// checkpoint that it stages, and writes the manifest. So a part costs no communication, and the checkpoint
/// is still whole or absent.
///
/// A part of a parameter's state is named "exp_avg/hidden0.weight@128:4096": elements 128 to 4,095 of it,
/// flattened.

/// The name of that piece.
std::string piece_name(const std::string& name, std::int64_t begin, std::int64_t end);

/// Joins pieces to whole tensors of the shape of their parameter, in `weights`; other tensors stay as they
/// are. Throws CheckpointError, beginning with `where`, when a piece is missing, overlaps, or has another
/// size.
NamedTensors join_pieces(const NamedTensors& tensors, const NamedTensors& weights, const std::string& where);

/// Of one rank: `folder`/optimizer-RANK.safetensors, then its record. A failure is recorded, so that rank 0
/// need not wait for it, and thrown on as CheckpointError.
void write_part(const std::filesystem::path& folder, int rank, const NamedTensors& tensors);

/// A part that rank 0 took over.
struct Part {
  std::string name;
  CheckedFile::Record record;
};
/// Waits for the parts of the ranks 1 to `ranks` - 1 and moves them into `target`. Throws CheckpointError
/// that names a rank that failed, or gave no part for `patience`.
std::vector<Part> take_parts(const std::filesystem::path& folder, int ranks,
                             const std::filesystem::path& target, std::chrono::seconds patience);

}  // namespace ringtrain
