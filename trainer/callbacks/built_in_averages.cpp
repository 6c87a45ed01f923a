#include "trainer/callbacks/built_in_averages.h"

#include "trainer/callbacks/callback.h"

namespace ringtrain {
namespace {

class NoAverageKind : public CallbackKind {
 public:
  std::shared_ptr<CallbackKind> clone() const override { return std::make_shared<NoAverageKind>(*this); }
  std::string name() const override { return "none"; }
  std::string doc() const override { return "The weights themselves."; }
  void describe(config::Visitor&) override {}
  std::unique_ptr<Callback> make() const override { return nullptr; }
};

}  // namespace

std::shared_ptr<CallbackKind> no_average_kind() { return std::make_shared<NoAverageKind>(); }

std::vector<std::shared_ptr<CallbackKind>> built_in_averages() {
  return {no_average_kind(), exponential_average_kind(), stochastic_average_kind()};
}

}  // namespace ringtrain
