#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/network.h"
#include "serving/export/trained_rows.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// Writes one version of a model into BASE/NAME/VERSION:
/// - model.pt: TorchScript; forward(numeric [n, F] float32 [, one List[str] per categorical column]) of raw
///   columns.
/// - model.onnx: the same graph; inputs "numeric" [n, F] float32 and one string input [n] per categorical
///   column, or an input [n] per column (Manifest::inputs).
/// - saved_model.pb, where it is asked for: TensorFlow's SavedModel with the inputs and outputs of
/// model.onnx.
/// - manifest.json: columns, types, labels, head, metrics, provenance.
/// - warmup.json: rows that a server answers to itself first (warm_up_rows.h).
/// - training/: what training goes on from, where the caller makes it (ExportRequest::add_training).
///
/// And, one level up, config.pbtxt and labels.txt (NVIDIA Triton's model repository layout).
///
/// Outputs of all, by the head's form: one class "probabilities" [n, K] float32 and "class" [n] int64; labels
/// "probabilities" and "labels" [n, K] int64; values "prediction" [n] float32, [n, k] of several. A language
/// model: forward(tokens [n, context] int64), input "tokens", output
/// "logits" [n, context, vocabulary] float32 of each next token; what is shorter is filled up behind, with
/// any token: a position sees only what is before it.
struct ExportRequest {
  std::filesystem::path base;  ///< BASE
  Manifest manifest;           ///< name and all but the version
  Network model;               ///< any device, dtype and mode; exported from a float32 CPU copy in eval mode
  std::function<Network()> make_copy;  ///< a fresh model of the same kind, to carry that copy
  std::vector<std::string> formats{"torchscript", "onnx"};
  /// Rows of the data as `model` read and answered them: the export must do the same.
  std::optional<TrainedRows> trained{};
  /// What stands in schema.json beside the preprocessing, by name: {"profile": …}. Readers that do not know a
  /// section pass over it.
  nlohmann::json schema_sections = nlohmann::json::object();
  /// Makes files in this folder, which it has to make too; they are among the manifest's. Null: none.
  std::function<void(const std::filesystem::path& folder)> add_training = nullptr;
  /// Told the folder of the verified version before it is published: what it adds to the manifest is written.
  std::function<void(const std::filesystem::path& folder, Manifest& manifest)> judge = nullptr;
};

/// A format that this model cannot be written in, and the reason: the operator that has no mapping.
struct FormatProblem {
  std::string format, why;
};

/// Makes each of the request's formats in memory, and throws it away: what a run asks before it trains.
/// Throws ExportError for a model that cannot be exported at all (it cannot be traced, or its outputs do not
/// fit).
std::vector<FormatProblem> unwritable_formats(const ExportRequest& request);

/// The name of that folder in a version's.
inline constexpr const char* kTrainingFolder = "training";

/// Exports, verifies in a fresh process (`verify_command` is run with the staged folder and the file of
/// expected outputs as its last two arguments and must end with 0), publishes under the next free version
/// number, and returns the version's folder. At no time does a version folder exist that was not verified.
/// Throws ExportError: an operator without a mapping (by name), a mismatch (with batch size, output and
/// difference), a verifier that fails (with its text).
std::filesystem::path export_model(const ExportRequest& request,
                                   const std::vector<std::string>& verify_command);

/// What the fresh process does: loads every format found in `folder` (each that this build can run) and
/// compares with `expected` at batch sizes 1, 2, 7 and 64. Throws ExportError.
void verify_export(const std::filesystem::path& folder, const std::filesystem::path& expected);

}  // namespace ringtrain
