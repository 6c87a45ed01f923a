#include "comm/profile_range.h"

#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ringtrain {
namespace {

std::vector<std::string> seen;

TEST(ProfileRange, IsAScopeOfPyTorchsProfilers) {
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(
      [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
        if (function.scope() == at::RecordScope::USER_SCOPE)
          seen.push_back(std::string("+") + function.name());
        return nullptr;
      },
      [](const at::RecordFunction& function, at::ObserverContext*) {
        if (function.scope() == at::RecordScope::USER_SCOPE)
          seen.push_back(std::string("-") + function.name());
      }));
  {
    const ProfileRange outer("forward");
    const ProfileRange inner("bucket", 12);
  }
  at::removeCallback(handle);
  { const ProfileRange unheard("update"); }
  EXPECT_EQ(seen, (std::vector<std::string>{"+forward", "+bucket 12", "-bucket 12", "-forward"}));
}

}  // namespace
}  // namespace ringtrain
