#pragma once

#include <rapidjson/document.h>

#include "serving/predict/json_row_reader.h"
#include "serving/predict/predictor.h"
#include "serving/predict/tensor_reader.h"

namespace ringtrain {

/// {"instances": …}: an array of rows. Throws DataError that names the row ("row 2: …", from 1) and the
/// field.
Predictor::Rows rows_of_instances(const rapidjson::Value& instances, const Preprocessing& preprocessing,
                                  const JsonRowReader& reader);

/// {"inputs": …}: columns of one length by name, or an array of rows. Throws DataError.
Predictor::Rows rows_of_inputs(const rapidjson::Value& inputs, const Preprocessing& preprocessing,
                               const JsonRowReader& reader);

/// The same of a signature: a row is what TensorReader::read takes, columns are what read_columns takes.
Predictor::Rows rows_of_instances(const rapidjson::Value& instances, const Signature& signature,
                                  const TensorReader& reader);
Predictor::Rows rows_of_inputs(const rapidjson::Value& inputs, const Signature& signature,
                               const TensorReader& reader);

/// Throws DataError for a missing value that the model cannot fill, with the row and the field.
void require_filled(const Predictor::Rows& rows, const Preprocessing& preprocessing);

}  // namespace ringtrain
