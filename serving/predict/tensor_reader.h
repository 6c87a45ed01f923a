#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>
#include <vector>

#include "data/fields.h"
#include "data/schema/signature.h"

namespace ringtrain {

/// Reads samples of a signature from JSON: {"series": [[1, 2], [3, 4]], "amount": 3.5}, one value of an input
/// without dims, nested arrays of others; the value alone where one input is given. What is padded may have
/// fewer entries; masks are made, not read. Numbers must be finite and within the input's type.
class TensorReader {
 public:
  /// Fields called as one of `ignored` are passed over where no input has the name. `signature` outlives the
  /// reader.
  explicit TensorReader(const Signature& signature, std::vector<std::string> ignored = {});

  /// A sample, as collate takes it. Throws DataError with all that is wrong and its place:
  /// "series[3][1]: expected a number, got \"x\"; 'amount' is missing".
  Fields read(const rapidjson::Value& value) const;
  /// Samples from columns: {"series": [sample, …], "amount": [sample, …]}, of one length. Throws DataError
  /// that names the row ("row 2: …", from 1) and the place.
  std::vector<Fields> read_columns(const rapidjson::Value& columns) const;

 private:
  using Problems = std::vector<std::string>;
  void judge_names(const rapidjson::Value& object, Problems& problems) const;
  at::Tensor read_input(const TensorInput& input, const rapidjson::Value& value, Problems& problems) const;

  const Signature& signature_;
  std::vector<const TensorInput*> given_;
  std::vector<std::string> ignored_;
};

}  // namespace ringtrain
