#include "serving/batch/answer_text.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"
#include "serving/batch/token_answers.h"
#include "serving/predict/json_text.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

void append_field(std::string& text, std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    text += value;
    return;
  }
  text += '"';
  for (const char c : value) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

bool finite(const Predictor::Answers& answers, std::int64_t row) {
  if (answers.logits.defined()) return true;  // nothing is computed from them that must be
  const at::Tensor& values = answers.predictions.defined() ? answers.predictions : answers.probabilities;
  const auto width = values.dim() > 1 ? values.size(1) : 1;
  const auto* numbers = values.const_data_ptr<float>() + row * width;
  for (std::int64_t k = 0; k < width; ++k)
    if (!std::isfinite(numbers[k])) return false;
  return true;
}

}  // namespace

AnswerText::AnswerText(const Manifest& manifest, std::string form, std::string key)
    : manifest_(manifest), json_(form == "jsonl"), key_(std::move(key)) {
  if (form != "jsonl" && form != "csv")
    throw ConfigError(fmt::format("unknown output '{}'; expected jsonl or csv", form));
  if (!json_ && is_language_model(manifest))
    throw ConfigError("--output csv: a language model answers in jsonl alone");
  for (std::int64_t k = 0; k < class_count(manifest); ++k) {
    auto& label = labels_.emplace_back();
    json_ ? append_string(label, label_of(manifest, k)) : append_field(label, label_of(manifest, k));
  }
}

std::string AnswerText::header() const {
  if (json_) return "";
  std::string text;
  if (!key_.empty()) {
    append_field(text, key_);
    text += ',';
  }
  if (!is_classification(manifest_)) return text + "prediction,error\n";
  text += "class,label";
  for (std::int64_t k = 0; k < class_count(manifest_); ++k) {
    text += ',';
    append_field(text, "p_" + label_of(manifest_, k));
  }
  return text + ",error\n";
}

std::string AnswerText::lines(const RowBatch& batch, const Predictor::Answers& raw,
                              std::int64_t& errors) const {
  auto answers = raw;
  for (auto* values : {&answers.probabilities, &answers.predictions, &answers.classes})
    if (values->defined()) *values = values->contiguous();
  std::string text;
  std::int64_t answered = 0;
  for (std::size_t row = 0; row < batch.size(); ++row) {
    begin(text, batch, row);
    if (!batch.errors[row].empty()) {
      append_error(text, batch.errors[row]);
      ++errors;
    } else if (!finite(answers, answered)) {
      append_error(text, fmt::format("{}: the model's answer is not finite; are the values far from those of "
                                     "training?",
                                     batch.place(row)));
      ++errors;
      ++answered;
    } else if (answers.logits.defined()) {
      append_token_answer(text, *manifest_.preprocessing.tokens, batch, row, answers.logits[answered++]);
    } else {
      append_answer(text, answers, answered++);
    }
  }
  return text;
}

void AnswerText::begin(std::string& text, const RowBatch& batch, std::size_t row) const {
  if (json_) text += '{';
  if (batch.keys.empty()) return;
  const auto& key = batch.keys[row];
  if (!json_) {
    append_field(text, key.text);
    text += ',';
    return;
  }
  text += "\"key\": ";
  key.is_text ? append_string(text, key.text) : void(text += key.text);
  text += ", ";
}

void AnswerText::append_error(std::string& text, const std::string& error) const {
  if (json_) {
    text += "\"error\": ";
    append_string(text, error);
    text += "}\n";
    return;
  }
  text.append(is_classification(manifest_) ? 2 + labels_.size() : 1, ',');
  append_field(text, error);
  text += '\n';
}

void AnswerText::append_answer(std::string& text, const Predictor::Answers& answers, std::int64_t row) const {
  if (!is_classification(manifest_)) {
    if (json_) text += "\"prediction\": ";
    append_number(text, answers.predictions.const_data_ptr<float>()[row]);
    text += json_ ? "}\n" : ",\n";
    return;
  }
  const auto index = answers.classes.const_data_ptr<std::int64_t>()[row];
  const auto& label = labels_[static_cast<std::size_t>(index)];
  text += json_ ? "\"class\": " : "";
  fmt::format_to(std::back_inserter(text), "{}", index);
  text += json_ ? ", \"label\": " : ",";
  text += label;
  text += json_ ? ", \"probabilities\": [" : ",";
  const auto width = answers.probabilities.size(1);
  const auto* numbers = answers.probabilities.const_data_ptr<float>() + row * width;
  for (std::int64_t k = 0; k < width; ++k) {
    if (k > 0) text += json_ ? ", " : ",";
    append_number(text, numbers[k]);
  }
  text += json_ ? "]}\n" : ",\n";
}

}  // namespace ringtrain
