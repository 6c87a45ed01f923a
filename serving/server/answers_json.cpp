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
  Values(const Predictor::Answers& answers, const Manifest& manifest)
      : manifest_(manifest),
        decisions_(contiguous(answers.labels.defined() ? answers.labels : answers.classes)),
        numbers_(contiguous(answers.predictions.defined() ? answers.predictions : answers.probabilities)),
        width_(numbers_.dim() > 1 ? numbers_.size(1) : 1) {}
  std::int64_t rows() const { return numbers_.size(0); }
  /// Number `column` of a row.
  void number(std::string& text, std::int64_t row, std::int64_t column = 0) const {
    append_number(text, numbers_.const_data_ptr<float>()[row * width_ + column]);
  }
  void probabilities(std::string& text, std::int64_t row) const {
    append_list(text, width_, [&](std::int64_t k) { number(text, row, k); });
  }
  void class_number(std::string& text, std::int64_t row) const {
    fmt::format_to(std::back_inserter(text), "{}", decisions_.const_data_ptr<std::int64_t>()[row]);
  }
  void label(std::string& text, std::int64_t row) const {
    append_string(text, label_of(manifest_, decisions_.const_data_ptr<std::int64_t>()[row]));
  }
  /// The names of the labels that are given.
  void labels(std::string& text, std::int64_t row) const {
    const auto* given = decisions_.const_data_ptr<std::int64_t>() + row * width_;
    text += '[';
    for (std::int64_t k = 0; k < width_; ++k) {
      if (given[k] == 0) continue;
      if (text.back() != '[') text += ',';
      append_string(text, label_of(manifest_, k));
    }
    text += ']';
  }
  /// {"NAME": what `write` writes for its column, …}
  template <class Write>
  void by_name(std::string& text, const Write& write) const {
    text += '{';
    for (std::int64_t k = 0; k < width_; ++k) {
      if (k > 0) text += ',';
      append_string(text, manifest_.head.names[static_cast<std::size_t>(k)]);
      text += ':';
      write(k);
    }
    text += '}';
  }

 private:
  static at::Tensor contiguous(const at::Tensor& values) {
    return values.defined() ? values.contiguous() : values;
  }

  const Manifest& manifest_;
  at::Tensor decisions_, numbers_;
  std::int64_t width_;
};

}  // namespace

std::string answers_by_row(const Predictor::Answers& answers, const Manifest& manifest) {
  const Values values(answers, manifest);
  const auto form = manifest.head.form;
  std::string text;
  append_list(text, values.rows(), [&](std::int64_t r) {
    if (form == AnswerForm::values) {
      text += "{\"prediction\":";
      if (has_several_values(manifest.head))
        values.by_name(text, [&](std::int64_t k) { values.number(text, r, k); });
      else
        values.number(text, r);
      text += '}';
      return;
    }
    if (form == AnswerForm::labels) {
      text += "{\"labels\":";
      values.labels(text, r);
    } else {
      text += "{\"class\":";
      values.class_number(text, r);
      text += ",\"label\":";
      values.label(text, r);
    }
    text += ",\"probabilities\":";
    values.probabilities(text, r);
    text += '}';
  });
  return text;
}

std::string answers_by_column(const Predictor::Answers& answers, const Manifest& manifest) {
  const Values values(answers, manifest);
  std::string text = "{";
  const auto column = [&](const char* key, const auto& write) {
    text += key;
    append_list(text, values.rows(), write);
  };
  if (has_several_values(manifest.head)) {
    text += "\"prediction\":";
    values.by_name(text,
                   [&](std::int64_t k) { column("", [&](std::int64_t r) { values.number(text, r, k); }); });
    return text + '}';
  }
  if (manifest.head.form == AnswerForm::values) {
    column("\"prediction\":", [&](std::int64_t r) { values.number(text, r); });
    return text + '}';
  }
  if (manifest.head.form == AnswerForm::labels) {
    column("\"labels\":", [&](std::int64_t r) { values.labels(text, r); });
  } else {
    column("\"class\":", [&](std::int64_t r) { values.class_number(text, r); });
    column(",\"label\":", [&](std::int64_t r) { values.label(text, r); });
  }
  column(",\"probabilities\":", [&](std::int64_t r) { values.probabilities(text, r); });
  return text + '}';
}

}  // namespace ringtrain
