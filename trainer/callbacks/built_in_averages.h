#pragma once

#include <memory>
#include <vector>

#include "trainer/callbacks/callback_kind.h"

namespace ringtrain {

/// The weights themselves.
std::shared_ptr<CallbackKind> no_average_kind();
/// ema: exponential moving average (Polyak and Juditsky 1992), which begins with the initial weights.
std::shared_ptr<CallbackKind> exponential_average_kind();
/// swa: the plain mean (Izmailov et al. 2018).
std::shared_ptr<CallbackKind> stochastic_average_kind();

/// All of them, each with default options.
std::vector<std::shared_ptr<CallbackKind>> built_in_averages();

}  // namespace ringtrain
