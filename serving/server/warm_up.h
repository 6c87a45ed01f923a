#pragma once

#include <boost/asio/thread_pool.hpp>

#include "serving/predict/predictor.h"

namespace ringtrain {

/// Runs a model a few times before it answers anybody: the first runs are slow (TorchScript compiles then).
/// With the rows of FOLDER/warmup.json ({"instances": [row, …]}) where there are some, else with rows of
/// zeros. Throws ExportError or DataError when the model cannot answer them.
void warm_up(const Predictor& predictor);

/// The same on each of the pool's `threads` threads, since each has its first run; what they are asked
/// meanwhile waits.
void warm_up_threads(const Predictor& predictor, boost::asio::thread_pool& pool, int threads);

}  // namespace ringtrain
