#include "launch/drift/reference.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "common/errors.h"
#include "data/schema/reading.h"
#include "launch/drift/error_course.h"
#include "serving/predict/score_columns.h"

namespace ringtrain::drift {
namespace {

using Numbers = std::vector<std::vector<double>>;
using Words = std::vector<std::vector<std::string>>;

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Distribution of_words(const std::string& name, const std::vector<std::string>& words) {
  std::vector<std::int64_t> all(words.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  std::int64_t missing = 0;
  const auto counts = count_words(words, all, missing);
  return distribution_of_words(name, counts, missing);
}

}  // namespace

DataProfile profile_of_rows(const Predictor& predictor, const std::string& data) {
  const auto& manifest = predictor.manifest();
  const auto& schema = manifest.preprocessing;
  const Reading reading(schema.reading);
  const bool classes = manifest.head.form == AnswerForm::one_class;
  Numbers numbers(schema.numeric.size()), scores(score_names(manifest).size());
  Words words(schema.categorical.size());
  std::vector<std::string> target_words;
  std::vector<double> target_numbers;
  ModelRows rows(predictor, data);
  ModelRows::Piece piece;
  while (rows.next(piece)) {
    for (std::size_t c = 0; c < numbers.size(); ++c) append(numbers[c], piece.numbers(c));
    for (std::size_t c = 0; c < words.size(); ++c)
      append(words[c], std::move(piece.batch.rows.categorical[c]));
    if (piece.answers.defined()) {
      auto columns = score_columns(manifest, piece.answers);
      for (std::size_t k = 0; k < scores.size(); ++k) append(scores[k], std::move(columns[k]));
    }
    for (const auto& truth : piece.truths) {
      const auto number = reading.number(truth);
      if (classes)
        target_words.push_back(reading.word(truth).text);
      else
        target_numbers.push_back(number.state == ValueState::good ? number.value : NAN);
    }
  }
  if (rows.rows() == 0) throw DataError(fmt::format("{}: it has no rows", data));
  DataProfile profile;
  profile.rows = profile.looked_at = rows.rows();
  profile.scored = "reference";
  for (std::size_t c = 0; c < numbers.size(); ++c)
    profile.columns.push_back(distribution_of_numbers(schema.numeric[c].name, std::move(numbers[c])));
  for (std::size_t c = 0; c < words.size(); ++c)
    profile.columns.push_back(of_words(schema.categorical[c].name, words[c]));
  for (std::size_t k = 0; k < scores.size(); ++k)
    profile.scores.push_back(distribution_of_numbers(score_names(manifest)[k], std::move(scores[k])));
  if (rows.has_truth() && TruthReader::knows(manifest))
    profile.targets.push_back(classes
                                  ? of_words(schema.targets[0], target_words)
                                  : distribution_of_numbers(schema.targets[0], std::move(target_numbers)));
  return profile;
}

}  // namespace ringtrain::drift
