#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <ostream>

#include "common/errors.h"
#include "common/text.h"
#include "serving/model_outputs.h"
#include "serving/row_batch.h"

namespace ringtrain {
namespace {

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

/// The rows without an error, as tensors.
Predictor::Rows good_rows(const std::vector<RawRow>& rows, const Preprocessing& preprocessing) {
  Predictor::Rows result;
  result.categorical.resize(preprocessing.categorical.size());
  std::vector<float> numbers;
  std::int64_t count = 0;
  for (const auto& row : rows) {
    if (!row.error.empty()) continue;
    ++count;
    numbers.insert(numbers.end(), row.numbers.begin(), row.numbers.end());
    for (std::size_t c = 0; c < result.categorical.size(); ++c)
      result.categorical[c].push_back(row.words.at(c));
  }
  result.numeric =
      at::tensor(numbers, at::kFloat).view({count, static_cast<std::int64_t>(preprocessing.numeric.size())});
  return result;
}

bool finite(const Predictor::Answers& answers, std::int64_t row) {
  const at::Tensor& values = answers.predictions.defined() ? answers.predictions : answers.probabilities;
  return values[row].isfinite().all().item<bool>();
}

}  // namespace

std::string missing_value_error(const Preprocessing& preprocessing, const std::vector<float>& numbers,
                                const std::vector<std::string>& words) {
  const auto text = [](const std::string& name) {
    return fmt::format("field '{}': missing value; the model was trained without missing values there", name);
  };
  for (std::size_t c = 0; c < numbers.size(); ++c)
    if (std::isnan(numbers[c]) && !preprocessing.numeric[c].fill) return text(preprocessing.numeric[c].name);
  for (std::size_t c = 0; c < words.size(); ++c)
    if (words[c].empty() && !preprocessing.categorical[c].missing_is_category)
      return text(preprocessing.categorical[c].name);
  return "";
}

AnswerWriter::AnswerWriter(const Predictor& predictor, std::ostream& out, const PredictOptions& options)
    : predictor_(predictor), out_(out), options_(options) {
  if (options.output != "jsonl" && options.output != "csv")
    throw ConfigError(fmt::format("unknown output '{}'; expected jsonl or csv", options.output));
  if (options.batch_size < 1)
    throw ConfigError(fmt::format("the batch size must be at least 1, got {}", options.batch_size));
  if (options.output == "jsonl") return;
  const Manifest& manifest = predictor.manifest();
  if (!is_classification(manifest)) {
    out_ << "prediction,error\n";
    return;
  }
  out_ << "class,label";
  for (std::int64_t k = 0; k < class_count(manifest); ++k)
    out_ << ',' << csv_field("p_" + label_of(manifest, k));
  out_ << ",error\n";
}

void AnswerWriter::add(RawRow row) {
  rows_.push_back(std::move(row));
  if (static_cast<std::int64_t>(rows_.size()) >= options_.batch_size) flush();
}

std::int64_t AnswerWriter::finish() {
  flush();
  out_.flush();
  return errors_;
}

void AnswerWriter::flush() {
  if (rows_.empty()) return;
  const Predictor::Rows good = good_rows(rows_, predictor_.manifest().preprocessing);
  Predictor::Answers answers;
  if (good.numeric.size(0) > 0) answers = predictor_.predict(good);
  std::int64_t answered = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto number = rows_before_ + static_cast<std::int64_t>(i) + 1;
    if (!rows_[i].error.empty()) {
      write_error(rows_[i].error);
    } else if (!finite(answers, answered)) {
      write_error(fmt::format(
          "row {}: the model's answer is not finite; are the values far from those of training?", number));
      ++answered;
    } else {
      write_answer(answers, answered++);
    }
  }
  rows_before_ += static_cast<std::int64_t>(rows_.size());
  rows_.clear();
  if (!out_) throw Error("the answers cannot be written: the output is closed or full");
}

void AnswerWriter::write_error(const std::string& text) {
  ++errors_;
  if (options_.output == "jsonl") {
    out_ << "{\"error\": " << json_string(text) << "}\n";
    return;
  }
  const auto columns = is_classification(predictor_.manifest()) ? 2 + class_count(predictor_.manifest()) : 1;
  out_ << std::string(static_cast<std::size_t>(columns), ',') << csv_field(text) << '\n';
}

void AnswerWriter::write_answer(const Predictor::Answers& answers, std::int64_t row) {
  const Manifest& manifest = predictor_.manifest();
  const bool json = options_.output == "jsonl";
  if (!is_classification(manifest)) {
    const auto value = answers.predictions[row].item<float>();
    out_ << (json ? fmt::format("{{\"prediction\": {}}}\n", value) : fmt::format("{},\n", value));
    return;
  }
  const at::Tensor line = answers.probabilities[row].contiguous();
  std::vector<std::string> probabilities;
  for (std::int64_t k = 0; k < line.numel(); ++k)
    probabilities.push_back(fmt::format("{}", line.const_data_ptr<float>()[k]));
  const auto index = answers.classes[row].item<std::int64_t>();
  const auto label = label_of(manifest, index);
  if (json)
    out_ << fmt::format("{{\"class\": {}, \"label\": {}, \"probabilities\": [{}]}}\n", index,
                        json_string(label), join(probabilities, ", "));
  else
    out_ << fmt::format("{},{},{},\n", index, csv_field(label), join(probabilities, ","));
}

}  // namespace ringtrain
