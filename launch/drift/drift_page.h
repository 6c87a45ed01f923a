#pragma once

#include <string>

#include "launch/drift/comparison.h"

namespace ringtrain::drift {

/// One HTML file that asks nothing of any other place: what was found, each column then and now, and the
/// metrics by window. Its numbers stand in it as JSON too, in the script element "report-data".
std::string page_of(const Comparison& all);

}  // namespace ringtrain::drift
