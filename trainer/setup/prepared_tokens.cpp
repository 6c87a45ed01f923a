#include "trainer/setup/prepared_tokens.h"

#include <fmt/format.h>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/tokens/characters.h"
#include "data/tokens/token_parts.h"

namespace ringtrain {
namespace {

TokenInput token_input(const RunConfig& config) {
  const SequenceShape shape = config.model.kind().sequence().value();
  TokenInput input{.context = shape.context, .vocabulary = shape.vocabulary};
  const auto file = vocabulary_file_of(config.data.train_file);
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

}  // namespace

std::string token_data_hash(const DataConfig& data) {
  std::string hashes;
  for (const auto& file : {data.train_file, data.tokens.validation_file, data.tokens.test_file})
    if (!file.empty()) hashes += (hashes.empty() ? "" : ",") + hash_file(file);
  return hashes;
}

PreparedData prepare_tokens(const RunConfig& config, Communicator& control,
                            const std::optional<Preprocessing>& fitted) {
  PreparedData data;
  together(control, "reading the data", [&] {
    data.preprocessing.tokens = token_input(config);
    const TokenInput& input = *data.preprocessing.tokens;
    if (fitted && (!fitted->tokens || fitted->tokens->texts != input.texts))
      throw DataError(
          fmt::format("{}: the checkpoint was trained with another vocabulary", config.data.train_file));
    auto parts = read_token_parts(config.data, input.context, input.vocabulary);
    data.train = std::move(parts.train);
    data.validation = std::move(parts.validation);
    data.test = std::move(parts.test);
    data.file_hash = token_data_hash(config.data);
  });
  agree_on(control, "the content of " + config.data.train_file + " (its hash)", data.file_hash);
  const TokenInput& input = *data.preprocessing.tokens;
  log::info(fmt::format(
      "data {}: tokens of a vocabulary of {}, samples of {}; train {}, validation {}, test {}",
      config.data.train_file, with_commas(input.vocabulary), with_commas(input.context),
      with_commas(data.train->size()), with_commas(data.validation->size()), with_commas(data.test->size())));
  return data;
}

}  // namespace ringtrain
