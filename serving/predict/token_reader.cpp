#include "serving/predict/token_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "serving/predict/json_text.h"

namespace ringtrain {

TokenReader::TokenReader(const TokenInput& input) : input_(input) {
  for (std::size_t i = 0; i < input.texts.size(); ++i) {
    places_.emplace(input.texts[i], static_cast<std::int64_t>(i));
    longest_ = std::max(longest_, input.texts[i].size());
  }
}

std::vector<std::int64_t> TokenReader::read(const rapidjson::Value& value) const {
  auto tokens = tokens_of(value);
  check(tokens);
  return tokens;
}

std::vector<std::int64_t> TokenReader::tokens_of(const rapidjson::Value& value) const {
  const auto wrong = [](const rapidjson::Value& got) {
    throw DataError(
        fmt::format("expected tokens as [1, 2, 3], {{\"tokens\": [1, 2, 3]}} or {{\"text\": \"…\"}}, got {}",
                    shown(got)));
  };
  const bool named = value.IsObject();
  if (named && value.HasMember("text")) {
    if (!value["text"].IsString()) wrong(value);
    return encode(std::string(text_of(value["text"])));
  }
  if (named && !value.HasMember("tokens")) wrong(value);
  const auto& list = named ? value["tokens"] : value;
  if (!list.IsArray()) wrong(value);
  std::vector<std::int64_t> tokens;
  for (const auto& token : list.GetArray()) {
    if (!token.IsInt64())
      throw DataError(fmt::format("expected tokens as whole numbers, got {}", shown(token)));
    tokens.push_back(token.GetInt64());
  }
  return tokens;
}

/// The longest token that fits, again and again.
std::vector<std::int64_t> TokenReader::encode(const std::string& text) const {
  if (places_.empty())
    throw DataError("the model does not know its tokens' texts; give their numbers: {\"tokens\": [1, 2, 3]}");
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

void TokenReader::check(const std::vector<std::int64_t>& tokens) const {
  if (tokens.empty()) throw DataError("expected at least one token");
  if (static_cast<std::int64_t>(tokens.size()) > input_.context)
    throw DataError(
        fmt::format("{} tokens are more than the {} that the model sees at once; give the last ones",
                    tokens.size(), input_.context));
  for (const auto token : tokens)
    if (token < 0 || token >= input_.vocabulary)
      throw DataError(fmt::format("token {} is not in the vocabulary of {}", token, input_.vocabulary));
}

}  // namespace ringtrain
