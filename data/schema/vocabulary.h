#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// The codes that Preprocessing::apply takes, [rows, columns.size()] int64: a word's place in the column's
/// vocabulary, vocabulary.size() for a missing one (""), -1 for one that is not there. `words`:
/// [columns][rows].
at::Tensor encode_words(const std::vector<CategoricalColumn>& columns,
                        const std::vector<std::vector<std::string>>& words, std::int64_t rows);

}  // namespace ringtrain
