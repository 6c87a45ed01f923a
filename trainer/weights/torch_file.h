#pragma once

#include <filesystem>

#include "trainer/weights/stored_weights.h"

namespace ringtrain {

/// Reads a file of torch.save (PyTorch 1.6 or later: a zip archive of a pickle and the storages):
///
///   {"layer.weight": tensor, …}                        a state dict
///   {"model": state dict, "optimizer": …, "step": n}   such a dict in another; the key may also be
///   state_dict
///                                                      or model_state_dict, or any, if there is one
///
/// Nothing of the pickle is run: what is no tensor, number or dict is skipped. "module." (DDP) and
/// "_orig_mod." (torch.compile) before all names go. Throws CheckpointError that says what is wrong, and,
/// where Python can read what this cannot, the line that makes safetensors of it.
StoredWeights read_torch_file(const std::filesystem::path& file);

/// What wrappers put before every name goes: "module." (DDP), "_orig_mod." (torch.compile), also both.
void strip_wrappers(StoredWeights& weights);

}  // namespace ringtrain
