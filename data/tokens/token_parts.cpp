#include "data/tokens/token_parts.h"

#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

std::shared_ptr<const TokenFile> open(const std::string& name, const std::string& dtype, std::int64_t context,
                                      std::int64_t vocabulary) {
  auto file = std::make_shared<TokenFile>(name, dtype, vocabulary);
  file->require_below(vocabulary);
  const auto count = file->size();
  if (window_count(count, context) == 0)
    throw DataError(
        fmt::format("{}: {} tokens are less than one sample of model.context + 1 = {}; use a longer file or "
                    "a shorter context",
                    name, with_commas(count), with_commas(context + 1)));
  return file;
}

std::int64_t windows_of(const std::shared_ptr<const TokenFile>& file, std::int64_t context) {
  return window_count(file->size(), context);
}

}  // namespace

TokenParts read_token_parts(const TokensConfig& tokens, std::int64_t context, std::int64_t vocabulary) {
  const auto train = open(tokens.train_file, tokens.dtype, context, vocabulary);
  const auto part = [context](const auto& file, std::int64_t first, std::int64_t count) {
    return std::make_unique<TokenDataset>(file, context, first, count);
  };
  const std::int64_t windows = windows_of(train, context);
  if (tokens.validation_file.empty() && tokens.test_file.empty()) {
    const auto share = [windows](double value) { return std::llround(value * static_cast<double>(windows)); };
    const std::int64_t test = share(tokens.split.test), validation = share(tokens.split.validation);
    const std::int64_t learnt = windows - validation - test;
    if (learnt <= 0)
      throw DataError(
          fmt::format("{}: its {} samples of {} tokens leave none for data.split.train {}; use a longer file "
                      "or a shorter "
                      "model.context",
                      tokens.train_file, windows, context, tokens.split.train));
    return {part(train, 0, learnt), part(train, learnt, validation), part(train, learnt + validation, test)};
  }
  const auto whole = [&](const std::string& name) {
    if (name.empty()) return part(train, 0, 0);
    const auto file = open(name, tokens.dtype, context, vocabulary);
    return part(file, 0, windows_of(file, context));
  };
  return {part(train, 0, windows), whole(tokens.validation_file), whole(tokens.test_file)};
}

}  // namespace ringtrain
