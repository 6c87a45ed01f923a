#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "data/fields.h"
#include "serving/repository/manifest.h"

namespace ringtrain {

/// An exported model, loaded to answer rows.
class Predictor {
 public:
  /// `model`: a version's folder or a reference, as of find_version (version_state.h): BASE/NAME,
  /// BASE/NAME@live, BASE/NAME/VERSION. Throws ExportError that names what is missing.
  explicit Predictor(const std::string& model);
  ~Predictor();
  const Manifest& manifest() const;
  const std::filesystem::path& folder() const;

  struct Rows {
    at::Tensor numeric;                                 ///< [n, F] float32, NaN for missing
    std::vector<std::vector<std::string>> categorical;  ///< [columns][n]
    at::Tensor tokens;                                  ///< [n, context] int64, of a language model alone
    Fields tensors{};                                   ///< [n, dims…] of each input of a signature alone
    std::int64_t size() const;                          ///< n
  };
  /// By the form of the manifest's head; what other forms have is undefined.
  struct Answers {
    at::Tensor probabilities;  ///< [n, K] (one class, labels)
    at::Tensor classes;        ///< [n] int64 (one class)
    at::Tensor predictions;    ///< [n] of one value, [n, k] of several
    at::Tensor logits;         ///< [n, context, vocabulary] of each next token (tokens)
    at::Tensor labels{};       ///< [n, K] int64, 1 where a label is given, else 0 (labels)
  };
  Answers predict(const Rows& rows) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Answers JSON lines, row by row, in input order, in constant memory. Output: JSON lines
///   {"class": 1, "label": "fraud", "probabilities": [0.02, 0.98]}   or   {"prediction": 3.2}   or
///   {"labels": ["sport"], "probabilities": [0.9, 0.2]}   or   {"prediction": {"low": 1.5, "high": 3.2}}   or
///   {"error": "row 3: ..."}
/// or CSV with the same columns (AnswerText). Of a language model, in JSON lines alone: the likeliest next
/// tokens (at most five), and how well the given ones are foretold, in nats a token:
///   {"next": [{"token": 43, "text": "e", "probability": 0.41}, …], "loss": 1.7, "perplexity": 5.5}
/// Returns how many rows had an error. Files and folders of other forms: serving/batch/.
struct PredictOptions {
  std::int64_t batch_size = 1024;
  std::string output = "jsonl";  ///< or "csv"
};
/// `in`: one JSON value a line: an object by column names, or an array in manifest order (numeric columns,
/// then categorical ones); of a language model: an array of tokens, {"tokens": […]}, or {"text": "…"} where
/// the manifest knows the tokens' texts; of a signature: what TensorReader takes. Empty lines are skipped.
std::int64_t predict_json_lines(const Predictor& predictor, std::istream& in, std::ostream& out,
                                const PredictOptions& options);

}  // namespace ringtrain
