#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trainer/callbacks/callback.h"
#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {

/// The callbacks of a run, in their order.
class Callbacks {
 public:
  Callbacks() = default;
  /// Throws ConfigError when two of them have one name.
  explicit Callbacks(std::vector<std::unique_ptr<Callback>> callbacks);

  /// `state`: what `state()` gave, on every rank; `optimizer`: a checkpoint's, on rank 0 alone.
  void begin(const Moment& moment, const nlohmann::json& state, const NamedTensors& optimizer);
  void share(const Moment& moment);
  /// What one throws is kept, the first of them: the next step ends all ranks with it, at no cost where none
  /// does. All are called, since those after it may communicate.
  void after_step(const Moment& moment);
  void after_evaluation(const Moment& moment, const std::string& part, const MetricsReport& report);
  void end(const Moment& moment);
  std::exception_ptr take_failure() { return std::exchange(failure_, nullptr); }
  std::string ends_training() const;

  /// While it lives the replica holds what is evaluated, kept and exported.
  class Shown {
   public:
    Shown(Callbacks& callbacks, const Moment& moment);
    ~Shown();
    Shown(const Shown&) = delete;
    Shown& operator=(const Shown&) = delete;

   private:
    Callbacks& callbacks_;
    Moment moment_;
  };
  /// The same for good.
  void show(const Moment& moment);

  /// Between `show` and `hide`: by name; an empty object where no callback has a state.
  nlohmann::json state() const;
  /// Named "NAME/PARAMETER", to stand beside an optimizer's state.
  NamedTensors tensors() const;

 private:
  void call_all(const std::function<void(Callback&)>& call);

  std::vector<std::unique_ptr<Callback>> callbacks_;
  std::exception_ptr failure_;
};

}  // namespace ringtrain
