#pragma once

#include <memory>

#include "launch/commands/labelled_rows.h"

namespace ringtrain {

/// The configuration that a version was trained with, but for its plugins, and with the request's data as
/// data.train_file. Throws CheckpointError where the version lacks it; ConfigError for a kind of data that
/// the catalogue does not have.
RunConfig training_of(const LabelledRequest& request);

/// What the data kind of `config` makes of its data.train_file, of a model of named tensors. Throws DataError
/// for samples that the model does not take; ConfigError for a kind that is none of named tensors, or has
/// fitted a preprocessing of its own in place of the model's, and for a part without samples.
std::unique_ptr<LabelledRows> labelled_samples(const RunConfig& config, const LabelledRequest& request,
                                               Part part);

}  // namespace ringtrain
