#pragma once

#include <memory>
#include <string_view>

#include "serving/batch/row_source.h"

namespace ringtrain {

/// Reads a line of JSON into a row of a batch. Thread-safe.
class RowParser {
 public:
  virtual ~RowParser() = default;
  /// Throws DataError with what is wrong, without the row's number.
  virtual void read(std::string_view line, RowBatch& batch, std::size_t row) const = 0;
};

/// An object by column names, or an array in manifest order; of a language model an array of tokens,
/// {"tokens": […]}, or {"text": "…"}; of a signature what TensorReader takes. `preprocessing` outlives it.
std::unique_ptr<RowParser> make_row_parser(const Preprocessing& preprocessing, const RowOptions& options);
std::unique_ptr<RowParser> make_token_parser(const TokenInput& input, const RowOptions& options);
/// Fields called as one of `ignored` are passed over.
std::unique_ptr<RowParser> make_tensor_parser(const Signature& signature, std::vector<std::string> ignored,
                                              const RowOptions& options);

/// The key of a JSON row. Throws DataError when it has none.
RowKey key_of(std::string_view line, const std::string& name);

}  // namespace ringtrain
