#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "serving/predict/predictor.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// Rows whose truth is known, as an exported model takes them.
class LabelledRows {
 public:
  struct Piece {
    Predictor::Rows rows;
    at::Tensor targets;                ///< [n, targets] float64
    std::vector<std::int64_t> places;  ///< [n]: where each stands in the data
  };
  virtual ~LabelledRows() = default;
  virtual std::int64_t size() const = 0;
  /// Rows from number `begin` on: at most `most`, one at least.
  virtual Piece read(std::int64_t begin, std::int64_t most) const = 0;
};

/// Which rows of what an own kind of data makes of a file are taken.
enum class Part { all, train, validation, test };

/// What is to be read, and for which model.
struct LabelledRequest {
  const std::string& data;               ///< file or folder
  const std::filesystem::path& version;  ///< the exported model's folder
  const Manifest& manifest;
  const Catalogue& catalogue;
  SplitConfig split{};  ///< whose group and time are read of a table, too
};

/// The rows of a file as the model reads them. Of a table all of them, by the model's columns and the
/// target's; `missing_target`: error, or drop (the row, and say how many). Of a model of named tensors the
/// kind of data that it was trained on, with the options that it had, makes them, of the `part`. Throws
/// DataError that names column, row and label; ConfigError for a language model, for a part of a table, and
/// for a kind of data that `catalogue` does not have or that does not take the model's preprocessing.
std::unique_ptr<LabelledRows> labelled_rows(const LabelledRequest& request, const std::string& missing_target,
                                            Part part);

/// The rows of the new data of `config` that a run on them neither trains nor chooses on, for the model.
/// Throws as labelled_rows, and ConfigError where nothing is held out.
std::unique_ptr<LabelledRows> held_out_rows(const RunConfig& config, const LabelledRequest& request);

}  // namespace ringtrain
