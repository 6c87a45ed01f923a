#pragma once

#include <string>
#include <vector>

#include "data/profile/distribution.h"
#include "models/network.h"
#include "serving/repository/manifest.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain::drift {

/// How the scores of a trained model lie on its validation part, or on the training part where that is empty:
/// of up to 10,000 of its rows, evenly spread, fewer of wide ones. `part`: which it was. The manifest's head
/// decides what a score is.
std::vector<Distribution> scores_of_trained(const Manifest& manifest, const PreparedData& data,
                                            const Network& model, std::string& part);

}  // namespace ringtrain::drift
