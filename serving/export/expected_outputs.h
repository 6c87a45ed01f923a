#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "models/network.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

/// Raw rows, and what the training model answers for them.
struct ExpectedCase {
  Predictor::Rows rows;
  Predictor::Answers answers;
  at::Tensor targets{};  ///< float64, the truth of real rows: [n], of labels [n, K], of several values
                         ///< either; else undefined
  std::int64_t size() const { return rows.size(); }
};

/// Random raw rows: numbers drawn around each column's shift by 1 / scale, words of the vocabulary, unknown
/// words, and missing values where the model takes them (of more than two rows the first has an unknown word
/// in each column, and the second a missing one); or random tokens; or a signature's tensors, normal numbers
/// and padded ones of any length. A pure function of its arguments.
Predictor::Rows random_rows(const Preprocessing& preprocessing, std::int64_t rows, std::uint64_t seed);

/// Cases of 1, 2, 7 and 64 random rows (of a language model or a signature: as many as memory allows, at
/// least 2), answered by Preprocessing::apply, `network` (float32, CPU, eval mode) and the head.
std::vector<ExpectedCase> expected_cases(const Manifest& manifest, const Network& network,
                                         std::uint64_t seed);

/// What a network reads of raw rows: as Preprocessing::apply gives it in float32, tokens, or a signature's
/// tensors.
Fields inputs_of(const Preprocessing& preprocessing, const Predictor::Rows& rows);

/// What the truth has of answers: their mean log loss (of labels over rows and labels), or root mean squared
/// error, in the target's unit (of several values over all of them; one target is that of each).
double loss_of(const Predictor::Answers& answers, const at::Tensor& targets);

/// As a file that another process, or Python's torch.load, reads: a tuple of (numeric, ((word, ...), ...),
/// probabilities or prediction, class or labels or None, targets or None); of a language model (tokens, (),
/// logits, None, None); of a signature the tensors and their names, each as a tuple, come first.
void write_cases(const std::filesystem::path& file, const std::vector<ExpectedCase>& cases);
std::vector<ExpectedCase> read_cases(const std::filesystem::path& file);

}  // namespace ringtrain
