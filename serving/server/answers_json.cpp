#include "serving/server/answers_json.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "serving/predict/json_text.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

/// Appends what `write` writes for each row, between commas.
template <class Write>
void append_list(std::string& text, std::int64_t rows, const Write& write) {
  text += '[';
  for (std::int64_t r = 0; r < rows; ++r) {
    if (r > 0) text += ',';
    write(r);
  }
  text += ']';
}

/// The values of answers, row by row.
class Values {
 public:
  Values(const Predictor::Answers& answers, const Manifest& manifest) : manifest_(manifest) {
    if (is_classification(manifest)) {
      classes_ = answers.classes.contiguous();
      numbers_ = answers.probabilities.contiguous();
    } else {
      numbers_ = answers.predictions.contiguous();
    }
  }
  std::int64_t rows() const { return numbers_.size(0); }
  void number(std::string& text, std::int64_t row) const {
    append_number(text, numbers_.const_data_ptr<float>()[row]);
  }
  void probabilities(std::string& text, std::int64_t row) const {
    const auto width = numbers_.size(1);
    append_list(text, width, [&](std::int64_t k) { number(text, row * width + k); });
  }
  void class_number(std::string& text, std::int64_t row) const {
    fmt::format_to(std::back_inserter(text), "{}", classes_.const_data_ptr<std::int64_t>()[row]);
  }
  void label(std::string& text, std::int64_t row) const {
    append_string(text, label_of(manifest_, classes_.const_data_ptr<std::int64_t>()[row]));
  }

 private:
  const Manifest& manifest_;
  at::Tensor classes_, numbers_;
};

}  // namespace

std::string answers_by_row(const Predictor::Answers& answers, const Manifest& manifest) {
  const Values values(answers, manifest);
  const bool classes = is_classification(manifest);
  std::string text;
  append_list(text, values.rows(), [&](std::int64_t r) {
    if (!classes) {
      text += "{\"prediction\":";
      values.number(text, r);
    } else {
      text += "{\"class\":";
      values.class_number(text, r);
      text += ",\"label\":";
      values.label(text, r);
      text += ",\"probabilities\":";
      values.probabilities(text, r);
    }
    text += '}';
  });
  return text;
}

std::string answers_by_column(const Predictor::Answers& answers, const Manifest& manifest) {
  const Values values(answers, manifest);
  std::string text = "{";
  if (!is_classification(manifest)) {
    text += "\"prediction\":";
    append_list(text, values.rows(), [&](std::int64_t r) { values.number(text, r); });
    return text + '}';
  }
  text += "\"class\":";
  append_list(text, values.rows(), [&](std::int64_t r) { values.class_number(text, r); });
  text += ",\"label\":";
  append_list(text, values.rows(), [&](std::int64_t r) { values.label(text, r); });
  text += ",\"probabilities\":";
  append_list(text, values.rows(), [&](std::int64_t r) { values.probabilities(text, r); });
  return text + '}';
}

}  // namespace ringtrain
