#pragma once

#include <memory>

#include "data/data_config.h"
#include "data/tokens/token_dataset.h"

namespace ringtrain {

/// The three parts of a token data set; a part may be empty, but not the training part.
struct TokenParts {
  std::unique_ptr<TokenDataset> train, validation, test;
};

/// Maps the files of `tokens` and cuts them into windows of `context` tokens. Without
/// validation_file and test_file the windows of train_file are divided by `tokens.split` into three
/// contiguous runs, in that order; with one of them train_file is the training part alone. Throws DataError
/// for a file that cannot be used, holds a token that is not below `vocabulary`, or is shorter than one
/// window.
TokenParts read_token_parts(const TokensConfig& tokens, std::int64_t context, std::int64_t vocabulary);

}  // namespace ringtrain
