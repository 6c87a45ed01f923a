#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ringtrain {

/// What an answer is.
enum class AnswerForm {
  one_class,  ///< one of the classes: probabilities [n, classes], class [n] int64
  labels,     ///< any of the labels: probabilities [n, labels], labels [n, labels] int64, 1 where it is given
  values,     ///< numbers: prediction [n] of one value, else [n, values]
  tokens      ///< logits of each next token, [n, context, vocabulary]
};

/// One step from a network's outputs to scores.
struct HeadOperation {
  enum class Kind {
    sigmoid,      ///< 1 / (1 + e^-x)
    softmax,      ///< over the columns of a row
    exponential,  ///< e^x
    scale         ///< x * scale + shift
  };
  Kind kind;
  std::vector<double> scale{}, shift{};  ///< of `scale`: one number, or one a column
};

/// What a network's outputs [n, outputs] mean, said once: training judges by it, and each exported form is
/// written from it. The operations, in order, give the scores: probabilities or values. Of one_class with a
/// threshold the network has one output, and the score p is the probability of class 1: the answer's are
/// (1 - p, p), and its class is 1 where p >= thresholds[0]. Of one_class without, the class is the largest
/// score's. Of labels, label k is given where score k >= thresholds[k].
struct Head {
  AnswerForm form = AnswerForm::values;
  std::int64_t outputs = 1;  ///< of the network, a row (of a language model: its vocabulary)
  std::vector<HeadOperation> operations{};
  std::vector<double> thresholds{};
  std::vector<std::string> names{};  ///< of the values where they are several; empty: one value

  /// Whether class 1 is decided by a threshold.
  bool is_binary() const { return form == AnswerForm::one_class && !thresholds.empty(); }
  /// Probabilities, or values, of an answer; 0 of tokens.
  std::int64_t width() const;

  nlohmann::json to_json() const;
  /// Throws DataError when a field is missing or does not fit the others.
  static Head from_json(const nlohmann::json& json);
};

/// The scores [n, outputs] of `outputs`; `scale` is computed in `scale_type` (training judges in float64,
/// exported models compute in float32).
at::Tensor scores_of(const Head& head, const at::Tensor& outputs, at::ScalarType scale_type);

/// Scores [n, outputs] as an answer has them: of a binary head [1 - p, p], else as they are.
at::Tensor answer_scores(const Head& head, const at::Tensor& scores);

/// The decision for probabilities [n, width()]: int64 classes [n], or labels [n, labels].
at::Tensor decisions_of(const Head& head, const at::Tensor& probabilities);

}  // namespace ringtrain
