#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "data/schema/head.h"
#include "data/schema/preprocessing.h"

namespace ringtrain {

/// The head of a manifest that was written before it had one, which says what it means by its task's name.
/// Throws ExportError for a name that was none then.
Head head_of_earlier(const std::string& task, const Preprocessing& preprocessing, double threshold);

/// What an exported model means: written as manifest.json beside it, and its schema as schema.json.
struct Manifest {
  std::string name;             ///< "fraud"
  std::int64_t version = 0;     ///< set on publishing
  std::string task;             ///< the name of the task that it was trained for, any text
  Head head;                    ///< what the network's outputs mean
  Preprocessing preprocessing;  ///< columns, types, vocabularies, labels (of the classes, or of any of them)
  std::string inputs = "matrix";  ///< of model.onnx and saved_model.pb: "matrix" (the numeric columns in one
                                  ///< input) or "columns" (each by its name)
  nlohmann::json metrics;         ///< of the test part, by name; may be empty
  nlohmann::json
      provenance;  ///< config_hash, data_hash, checkpoint, checkpoint_hash, ranks, libraries {..}, created
  nlohmann::json tests;  ///< {"definition": tests as YAML, "results": [...]}; null where there are none
  nlohmann::json files;  ///< set on export: file name → hash (common/hash.h) of the model files

  nlohmann::json to_json() const;
  /// Throws ExportError when a field is missing, of a wrong type, or from a later format, and where the head
  /// is of another form than the preprocessing (tokens).
  static Manifest from_json(const nlohmann::json& json);
  /// What manifest.json holds: all but the schema.
  std::string file_text() const;
  /// Reads FOLDER/manifest.json and schema.json; earlier versions kept the schema inside the first one.
  /// Throws ExportError.
  static Manifest read(const std::filesystem::path& folder);
};

}  // namespace ringtrain
