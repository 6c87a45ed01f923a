#include <fmt/format.h>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/tokens/characters.h"
#include "data/tokens/token_parts.h"
#include "storage/location.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain {
namespace {

TokenInput token_input(const DataRequest& request) {
  const SequenceShape shape = request.model.sequence().value();
  TokenInput input{.context = shape.context, .vocabulary = shape.vocabulary};
  const auto file = vocabulary_file_of(Location(request.train_file).local());
  if (std::filesystem::exists(file)) input.texts = read_token_vocabulary(file);
  const auto known = static_cast<std::int64_t>(input.texts.size());
  if (input.vocabulary == 0) input.vocabulary = known;
  if (input.vocabulary == 0)
    throw ConfigError(
        fmt::format("model.vocabulary: there is no {} that lists the tokens; give their number, such as "
                    "model.vocabulary: 50257",
                    file.string()));
  if (known > input.vocabulary)
    throw ConfigError(
        fmt::format("model.vocabulary: {} is less than the {} tokens of {}; use 0 to take all of them",
                    input.vocabulary, known, file.string()));
  return input;
}

class TokensKind : public DataKind {
 public:
  std::shared_ptr<DataKind> clone() const override { return std::make_shared<TokensKind>(*this); }
  std::string name() const override { return "tokens"; }
  std::string doc() const override {
    return "Text as token numbers, for a language model: samples are windows of model.context tokens, one "
           "after the other, and what follows each.";
  }
  void describe(config::Visitor& v) override { config_.describe(v); }

  bool gives_tokens() const override { return true; }
  bool can_be_exported() const override { return true; }
  std::string hash(const std::string& train_file) const override {
    std::string hashes;
    for (const auto& file : {train_file, config_.validation_file, config_.test_file})
      if (!file.empty()) hashes += (hashes.empty() ? "" : ",") + hash_file(file);
    return hashes;
  }

  /// The preprocessing says context and vocabulary, the latter from model.vocabulary or the vocabulary file
  /// beside train_file.
  PreparedData prepare(const DataRequest& request, Communicator& control) const override {
    const auto& file = request.train_file;
    PreparedData data;
    together(control, "reading the data", [&] {
      data.preprocessing.tokens = token_input(request);
      const TokenInput& input = *data.preprocessing.tokens;
      const auto& fitted = request.fitted;
      if (fitted && (!fitted->tokens || fitted->tokens->texts != input.texts))
        throw DataError(fmt::format("{}: the checkpoint was trained with another vocabulary", file));
      auto config = config_;
      config.train_file = file;
      auto parts = read_token_parts(config, input.context, input.vocabulary);
      data.train = std::move(parts.train);
      data.validation = std::move(parts.validation);
      data.test = std::move(parts.test);
      data.file_hash = hash(file);
    });
    agree_on(control, "the content of " + file + " (its hash)", data.file_hash);
    const TokenInput& input = *data.preprocessing.tokens;
    log::info(fmt::format(
        "data {}: tokens of a vocabulary of {}, samples of {}; train {}, validation {}, "
        "test {}",
        file, with_commas(input.vocabulary), with_commas(input.context), with_commas(data.train->size()),
        with_commas(data.validation->size()), with_commas(data.test->size())));
    return data;
  }

 private:
  TokensConfig config_;
};

}  // namespace

std::shared_ptr<DataKind> tokens_kind() { return std::make_shared<TokensKind>(); }

}  // namespace ringtrain
