#include "serving/token_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <unordered_map>

#include "common/errors.h"
#include "serving/model_outputs.h"

namespace ringtrain {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// One line: its tokens, or why it cannot be answered.
struct TokenRow {
  std::vector<std::int64_t> tokens;
  std::string error;
};

class TokenReader {
 public:
  explicit TokenReader(const TokenInput& input) : input_(input) {
    for (std::size_t i = 0; i < input.texts.size(); ++i) {
      places_.emplace(input.texts[i], static_cast<std::int64_t>(i));
      longest_ = std::max(longest_, input.texts[i].size());
    }
  }

  TokenRow read(const std::string& line) const {
    TokenRow row;
    try {
      row.tokens = tokens_of(json::parse(line));
      check(row.tokens);
    } catch (const json::exception& error) {
      row.error = fmt::format(
          "expected tokens as [1, 2, 3], {{\"tokens\": [1, 2, 3]}} or {{\"text\": \"…\"}}: {}", error.what());
    } catch (const DataError& error) {
      row.error = error.what();
    }
    return row;
  }

 private:
  std::vector<std::int64_t> tokens_of(const json& value) const {
    if (value.is_object() && value.contains("text")) return encode(value["text"].get<std::string>());
    return (value.is_object() ? value.at("tokens") : value).get<std::vector<std::int64_t>>();
  }

  /// The longest token that fits, again and again.
  std::vector<std::int64_t> encode(const std::string& text) const {
    if (places_.empty())
      throw DataError(
          "the model does not know its tokens' texts; give their numbers: {\"tokens\": [1, 2, 3]}");
    std::vector<std::int64_t> tokens;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t length = std::min(longest_, text.size() - at);
      while (length > 0 && !places_.contains(text.substr(at, length))) --length;
      if (length == 0) throw DataError(fmt::format("no token stands for what is at byte {} of the text", at));
      tokens.push_back(places_.at(text.substr(at, length)));
      at += length;
    }
    return tokens;
  }

  void check(const std::vector<std::int64_t>& tokens) const {
    if (tokens.empty()) throw DataError("expected at least one token");
    if (static_cast<std::int64_t>(tokens.size()) > input_.context)
      throw DataError(
          fmt::format("{} tokens are more than the {} that the model sees at once; give the last ones",
                      tokens.size(), input_.context));
    for (const auto token : tokens)
      if (token < 0 || token >= input_.vocabulary)
        throw DataError(fmt::format("token {} is not in the vocabulary of {}", token, input_.vocabulary));
  }

  const TokenInput& input_;
  std::unordered_map<std::string, std::int64_t> places_;
  std::size_t longest_ = 0;
};

/// `logits`: [context, vocabulary].
ordered_json answer_of(const TokenInput& input, const std::vector<std::int64_t>& tokens,
                       const at::Tensor& logits) {
  constexpr std::int64_t shown = 5;
  const auto count = static_cast<std::int64_t>(tokens.size());
  const auto [probabilities, places] =
      at::softmax(logits[count - 1], 0).topk(std::min(shown, input.vocabulary));
  auto next = ordered_json::array();
  for (std::int64_t i = 0; i < places.size(0); ++i) {
    const auto token = places[i].item<std::int64_t>();
    ordered_json entry{{"token", token}};
    if (static_cast<std::size_t>(token) < input.texts.size())
      entry["text"] = input.texts[static_cast<std::size_t>(token)];
    entry["probability"] = probabilities[i].item<double>();
    next.push_back(entry);
  }
  ordered_json answer{{"next", next}, {"loss", nullptr}, {"perplexity", nullptr}};
  if (count > 1) {
    const double loss = at::cross_entropy_loss(logits.narrow(0, 0, count - 1),
                                               at::tensor(tokens, at::kLong).narrow(0, 1, count - 1))
                            .item<double>();
    answer["loss"] = loss;
    answer["perplexity"] = std::exp(loss);
  }
  return answer;
}

/// Answers rows in input order, some at a time.
class TokenAnswers {
 public:
  TokenAnswers(const Predictor& predictor, std::ostream& out, std::int64_t batch)
      : predictor_(predictor),
        input_(*predictor.manifest().preprocessing.tokens),
        out_(out),
        batch_(static_cast<std::size_t>(rows_at_once(input_, batch))) {}

  void add(TokenRow row) {
    rows_.push_back(std::move(row));
    if (rows_.size() == batch_) flush();
  }

  void flush() {
    if (rows_.empty()) return;
    const at::Tensor tokens = at::zeros({static_cast<std::int64_t>(rows_.size()), input_.context}, at::kLong);
    for (std::size_t i = 0; i < rows_.size(); ++i)
      std::copy(rows_[i].tokens.begin(), rows_[i].tokens.end(),
                tokens[static_cast<std::int64_t>(i)].mutable_data_ptr<std::int64_t>());
    const auto answers = predictor_.predict({.numeric = {}, .categorical = {}, .tokens = tokens});
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto& row = rows_[i];
      const ordered_json answer =
          row.error.empty() ? answer_of(input_, row.tokens, answers.logits[static_cast<std::int64_t>(i)])
                            : ordered_json{{"error", row.error}};
      out_ << answer.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    }
    rows_.clear();
    if (!out_) throw Error("writing the answers failed; is the disk full?");
  }

 private:
  const Predictor& predictor_;
  const TokenInput& input_;
  std::ostream& out_;
  std::size_t batch_;
  std::vector<TokenRow> rows_;
};

}  // namespace

std::int64_t predict_token_lines(const Predictor& predictor, std::istream& in, std::ostream& out,
                                 const PredictOptions& options) {
  if (options.output != "jsonl")
    throw ConfigError(fmt::format("--output {}: a language model answers in jsonl alone", options.output));
  const at::NoGradGuard no_grad;
  const TokenReader reader(*predictor.manifest().preprocessing.tokens);
  TokenAnswers answers(predictor, out, options.batch_size);
  std::string line;
  std::int64_t errors = 0;
  for (std::int64_t row = 1; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    TokenRow read = reader.read(line);
    if (!read.error.empty()) {
      read.tokens.clear();
      read.error = fmt::format("row {}: {}", row, read.error);
      ++errors;
    }
    answers.add(std::move(read));
    ++row;
  }
  if (in.bad()) throw DataError("the JSON rows cannot be read to their end");
  answers.flush();
  return errors;
}

}  // namespace ringtrain
