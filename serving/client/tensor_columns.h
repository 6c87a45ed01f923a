#pragma once

#include <string>

#include "data/fields.h"
#include "data/schema/signature.h"

namespace ringtrain {

/// A signature's inputs as a request of version 1 has them, {"series": [[[1.5, 2.0]], …], "amount": [3.5,
/// …]}: without masks, and without the padding that they tell. Numbers have the digits that give the same
/// bits again.
std::string tensor_columns(const Fields& tensors, const Signature& signature);

}  // namespace ringtrain
