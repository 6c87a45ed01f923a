#pragma once

#include "comm/world.h"

namespace ringtrain {

/// The world of a rank test (tests/rank_test_main.cpp): every rank runs the same tests, in the same order.
World& test_world();

}  // namespace ringtrain
