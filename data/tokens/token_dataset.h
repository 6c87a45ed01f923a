#pragma once

#include <memory>

#include "data/dataset.h"
#include "data/tokens/token_file.h"

namespace ringtrain {

/// Windows of a token file. Window i reads the tokens [i · context, (i + 1) · context] (one more than
/// `context`): inputs are all but the last, targets all but the first, so that each token is a target once.
///
/// A batch: `inputs`, `targets` int64 [n, context]; `rows`: the position of the window's first token.
class TokenDataset : public Dataset {
 public:
  /// The windows [first, first + count) of those of the file.
  TokenDataset(std::shared_ptr<const TokenFile> file, std::int64_t context, std::int64_t first,
               std::int64_t count);
  std::int64_t size() const override { return count_; }
  Batch read(const std::vector<std::int64_t>& indices) const override;

 private:
  std::shared_ptr<const TokenFile> file_;
  std::int64_t context_, first_, count_;
};

/// How many windows a file of so many tokens has; what is left at its end is not used.
std::int64_t window_count(std::int64_t tokens, std::int64_t context);

}  // namespace ringtrain
