#include <ATen/ATen.h>

#include <algorithm>

#include "serving/batch/row_parser.h"
#include "serving/predict/json_text.h"
#include "serving/predict/token_reader.h"

namespace ringtrain {
namespace {

class TokenParser : public RowParser {
 public:
  TokenParser(const TokenInput& input, const RowOptions& options)
      : context_(input.context), reader_(input), key_(options.key) {}

  void read(std::string_view line, RowBatch& batch, std::size_t row) const override {
    if (!key_.empty()) batch.keys[row] = key_of(line, key_);
    const auto tokens = reader_.read(parse_json(line));
    std::copy(tokens.begin(), tokens.end(),
              batch.rows.tokens.data_ptr<std::int64_t>() + static_cast<std::int64_t>(row) * context_);
    batch.lengths[row] = static_cast<std::int64_t>(tokens.size());
  }

 private:
  const std::int64_t context_;
  const TokenReader reader_;
  std::string key_;
};

}  // namespace

std::unique_ptr<RowParser> make_token_parser(const TokenInput& input, const RowOptions& options) {
  return std::make_unique<TokenParser>(input, options);
}

}  // namespace ringtrain
