#pragma once

#include "trainer/setup/prepared_data.h"

namespace ringtrain {

/// The hashes of the content of train_file, validation_file and test_file, as far as they are given.
std::string token_data_hash(const DataConfig& data);

/// The data of a language model (data.format: tokens): `preprocessing.tokens` says context and vocabulary,
/// the latter from model.vocabulary or the vocabulary file beside train_file. Throws as read_token_parts
/// does; ConfigError when nothing says the size of the vocabulary, or the two disagree. Collective.
PreparedData prepare_tokens(const RunConfig& config, Communicator& control,
                            const std::optional<Preprocessing>& fitted);

}  // namespace ringtrain
