#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/model.h"
#include "serving/export/exporter.h"
#include "tests/common/temporary_folder.h"

/// Small models and requests for the tests of serving/.
namespace ringtrain::test {

using MakeModel = std::function<Network()>;

/// A multi-layer perceptron with ReLU and dropout.
MakeModel make_mlp(std::int64_t features, std::int64_t outputs);
/// unflatten, convolution, GroupNorm, ReLU, pooling, linear; 1×6×6 pixels.
MakeModel make_convnet(std::int64_t outputs);
/// Every operator that has a mapping and the other models do not use; 24 features.
MakeModel make_operator_zoo(std::int64_t outputs);
/// Uses an operator that ONNX has no mapping for.
MakeModel make_unmapped(std::int64_t features);
/// Takes the batch size by size(0), which a trace bakes in.
MakeModel make_baked(std::int64_t features);

/// Numeric columns "V0", "V1"… with odd shifts and scales; every third one has a fill.
Preprocessing numeric_columns(std::int64_t count, std::vector<std::string> labels);
/// Three numeric columns, and "color" (missing is a category) and "class" (a name that is also an output's).
Preprocessing mixed_columns(std::vector<std::string> labels);

/// Named tensors: "series" float32 [4, 2], filled up with 0.5, its mask "known" bool, "kind" int64 below 5,
/// "counts" int64 [3], "when" float64.
Preprocessing named_tensors(std::vector<std::string> labels);
/// Reads those: what is padding has no weight.
MakeModel make_sequences(std::int64_t outputs);

/// What a language model reads; with `texts` the tokens stand for "a", "b", …
Preprocessing token_input(std::int64_t context, std::int64_t vocabulary, bool texts = false);

/// Any of three labels, with a threshold each; name them by the preprocessing.
Head labels_head();
/// Values "low", "middle, or so" and "high", each with a scale and a shift of its own.
Head values_head();
/// One value, e^x.
Head exponential_head();

/// With the head that `task` had in manifests without one; a binary one's threshold is 0.37.
Manifest make_manifest(const std::string& name, const std::string& task, Preprocessing preprocessing);
Manifest make_manifest(const std::string& name, Head head, Preprocessing preprocessing);

/// An export of a fresh model in training mode whose dropout and normalisation would show.
ExportRequest request_of(const std::filesystem::path& base, Manifest manifest, const MakeModel& make);

/// The program that verifies an export in a fresh process.
std::vector<std::string> verify_command();

/// The names of all entries of a folder, sorted; hidden ones too.
std::vector<std::string> entries(const std::filesystem::path& folder);

}  // namespace ringtrain::test
