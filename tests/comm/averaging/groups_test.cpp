#include "comm/backends.h"
#include "tests/comm/averaging/group_averaging.h"

namespace ringtrain {
namespace {

TEST(AveragingInGroups, TwoModelsInTurnOnEach) {
  for (const int ranks : {1, 2, 3, 4}) run_as_threads(ranks, average_in_groups);
}

}  // namespace
}  // namespace ringtrain
