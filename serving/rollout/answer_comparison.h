#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serving/predict/predictor.h"

namespace ringtrain {

/// One number for each of the first 100 rows of an answer, for their distribution: the probability of class 1
/// of two, else that of the likeliest class or label; a value, the first of several. None of tokens.
std::vector<double> scores_in(const Predictor::Answers& answers);

/// How two versions' answers to the same rows compare.
struct AnswerComparison {
  std::uint64_t rows = 0;
  std::uint64_t agreed = 0;  ///< rows with the same class, or the same labels
  bool of_values = false;
  double difference_sum = 0;  ///< over rows, of values: the mean of |candidate - live|
};
/// Both of the same form and size. Of tokens no row is compared, nor are values that are not finite.
AnswerComparison compare_answers(const Predictor::Answers& live, const Predictor::Answers& candidate);

/// The decision of each row as one number: a class's number, or a value. Empty for models with several labels
/// or values, and of tokens, of which feedback is not compared.
std::vector<double> decisions_in(const Predictor::Answers& answers);

/// The loss of a decision once the truth is known, as text: 0 or 1 for a right and a wrong class,
/// |value - truth|. Empty: the truth is none.
std::optional<double> loss_of(double decision, const std::string& truth, const Manifest& manifest);

}  // namespace ringtrain
