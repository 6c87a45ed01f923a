#pragma once

#include <stdexcept>
#include <string>

#include "common/exit_code.h"

namespace ringtrain {

/// What every error of ringtrain derives from. The text says what, where and what to do next.
/// `exit_code` is what the command ends with when the error reaches `main` (exit_code.h).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text, int exit_code = ExitCode::failure)
      : std::runtime_error(text), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }
  /// Whether every rank of the job throws because of it now, so that one message is enough.
  bool agreed() const { return agreed_; }
  void mark_agreed() { agreed_ = true; }

 private:
  int exit_code_;
  bool agreed_ = false;
};

/// A wrong command line or configuration: mend it and start again.
struct ConfigError : Error {
  explicit ConfigError(const std::string& text) : Error(text, ExitCode::configuration) {}
};

/// Data that cannot be used as declared (missing file, wrong type in a row): mend the data or its
/// declaration.
struct DataError : Error {
  explicit DataError(const std::string& text) : Error(text, ExitCode::data) {}
};

/// Communication between ranks failed: restart from the last checkpoint.
struct CommError : Error {
  explicit CommError(const std::string& text) : Error(text, ExitCode::communication) {}
};

/// A checkpoint is missing, damaged, or belongs to another model: use another one.
struct CheckpointError : Error {
  explicit CheckpointError(const std::string& text) : Error(text, ExitCode::checkpoint) {}
};

/// The model cannot be exported, or the export does not equal the model.
struct ExportError : Error {
  explicit ExportError(const std::string& text) : Error(text, ExitCode::model_export) {}
};

/// Training itself went wrong (a loss that is not finite): change the configuration.
struct TrainingError : Error {
  explicit TrainingError(const std::string& text) : Error(text, ExitCode::training) {}
};

}  // namespace ringtrain
