#pragma once

#include <string>
#include <vector>

#include "serving/repository/manifest.h"
#include "serving/repository/version_state.h"

namespace ringtrain {

/// config.pbtxt of NVIDIA Triton's model repository. LibTorch's backend serves model.pt; with categorical
/// columns, or without "torchscript" among the formats, ONNX Runtime's backend serves model.onnx (Triton's
/// LibTorch backend takes one list of strings only). Empty when no backend can serve what is there.
std::string triton_config(const Manifest& manifest, const std::vector<std::string>& formats);

/// labels.txt: the names of the classes or labels, one a line, in their order; empty for other models. A line
/// break in a name becomes a space.
std::string triton_labels(const Manifest& manifest);

/// Which versions Triton is to load. It answers by the largest one, so: those that are served and not above
/// the live one. Empty where nothing is pinned: Triton's default, the newest version.
std::vector<std::int64_t> triton_versions(const VersionState& state,
                                          const std::vector<std::int64_t>& present);

/// The configuration with `version_policy` for these versions, in place of the one that it has; none when it
/// is empty.
std::string with_version_policy(const std::string& config, const std::vector<std::int64_t>& versions);

}  // namespace ringtrain
