#pragma once

#include <iosfwd>

#include "serving/predictor.h"

namespace ringtrain {

/// predict_json_lines of a language model.
std::int64_t predict_token_lines(const Predictor& predictor, std::istream& in, std::ostream& out,
                                 const PredictOptions& options);

}  // namespace ringtrain
