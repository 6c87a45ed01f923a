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
  if (!json_ && manifest.head.form == AnswerForm::tokens)
    throw ConfigError("--output csv: a language model answers in jsonl alone");
  const bool values = manifest.head.form == AnswerForm::values;
  for (std::int64_t k = 0; k < manifest.head.width(); ++k) {
    if (values && !has_several_values(manifest.head)) break;
    const auto name = values ? manifest.head.names[static_cast<std::size_t>(k)] : label_of(manifest, k);
    auto& written = names_.emplace_back();
    json_ ? append_string(written, name) : append_field(written, name);
  }
}

std::vector<std::string> AnswerText::columns() const {
  const Head& head = manifest_.head;
  if (has_several_values(head)) {
    std::vector<std::string> columns;
    for (const auto& name : head.names) columns.push_back("prediction_" + name);
    return columns;
  }
  if (head.form == AnswerForm::values) return {"prediction"};
  std::vector<std::string> columns;
  if (head.form == AnswerForm::one_class) columns = {"class", "label"};
  if (head.form == AnswerForm::labels)
    for (std::int64_t k = 0; k < head.width(); ++k) columns.push_back("is_" + label_of(manifest_, k));
  for (std::int64_t k = 0; k < head.width(); ++k) columns.push_back("p_" + label_of(manifest_, k));
  return columns;
}

std::string AnswerText::header() const {
  if (json_) return "";
  std::string text;
  if (!key_.empty()) {
    append_field(text, key_);
    text += ',';
  }
  for (const auto& column : columns()) {
    append_field(text, column);
    text += ',';
  }
  return text + "error\n";
}

std::string AnswerText::lines(const RowBatch& batch, const Predictor::Answers& raw,
                              std::int64_t& errors) const {
  auto answers = raw;
  for (auto* values : {&answers.probabilities, &answers.predictions, &answers.classes, &answers.labels})
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
  text.append(columns().size(), ',');
  append_field(text, error);
  text += '\n';
}

void AnswerText::append_answer(std::string& text, const Predictor::Answers& answers, std::int64_t row) const {
  switch (manifest_.head.form) {
    case AnswerForm::one_class:
      append_class(text, answers.classes.const_data_ptr<std::int64_t>()[row]);
      append_probabilities(text, answers.probabilities, row);
      break;
    case AnswerForm::labels:
      append_labels(text, answers.labels, row);
      append_probabilities(text, answers.probabilities, row);
      break;
    case AnswerForm::values:
      append_prediction(text, answers.predictions, row);
      break;
    case AnswerForm::tokens:
      break;
  }
  text += json_ ? "}\n" : ",\n";
}

void AnswerText::append_class(std::string& text, std::int64_t index) const {
  text += json_ ? "\"class\": " : "";
  fmt::format_to(std::back_inserter(text), "{}", index);
  text += json_ ? ", \"label\": " : ",";
  text += names_[static_cast<std::size_t>(index)];
  text += json_ ? ", " : ",";
}

void AnswerText::append_labels(std::string& text, const at::Tensor& labels, std::int64_t row) const {
  const auto width = labels.size(1);
  const auto* given = labels.const_data_ptr<std::int64_t>() + row * width;
  if (!json_) {
    for (std::int64_t k = 0; k < width; ++k) text += given[k] != 0 ? "1," : "0,";
    return;
  }
  text += "\"labels\": [";
  for (std::int64_t k = 0; k < width; ++k) {
    if (given[k] == 0) continue;
    if (text.back() != '[') text += ", ";
    text += names_[static_cast<std::size_t>(k)];
  }
  text += "], ";
}

void AnswerText::append_probabilities(std::string& text, const at::Tensor& probabilities,
                                      std::int64_t row) const {
  const auto width = probabilities.size(1);
  const auto* numbers = probabilities.const_data_ptr<float>() + row * width;
  if (json_) text += "\"probabilities\": [";
  for (std::int64_t k = 0; k < width; ++k) {
    if (k > 0) text += json_ ? ", " : ",";
    append_number(text, numbers[k]);
  }
  if (json_) text += ']';
}

void AnswerText::append_prediction(std::string& text, const at::Tensor& predictions, std::int64_t row) const {
  const bool several = predictions.dim() > 1;
  const auto width = several ? predictions.size(1) : 1;
  const auto* numbers = predictions.const_data_ptr<float>() + row * width;
  if (json_) text += several ? "\"prediction\": {" : "\"prediction\": ";
  for (std::int64_t k = 0; k < width; ++k) {
    if (k > 0) text += json_ ? ", " : ",";
    if (json_ && several) text += names_[static_cast<std::size_t>(k)] + ": ";
    append_number(text, numbers[k]);
  }
  if (json_ && several) text += '}';
}

}  // namespace ringtrain
