#pragma once

#include "data/profile/data_profile.h"
#include "launch/drift/model_rows.h"

namespace ringtrain::drift {

/// The profile of some rows, with the model's scores, as if it had been trained on them. Throws DataError
/// where there are none.
DataProfile profile_of_rows(const Predictor& predictor, const std::string& data);

}  // namespace ringtrain::drift
