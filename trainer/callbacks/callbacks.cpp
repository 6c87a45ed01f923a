#include "trainer/callbacks/callbacks.h"

#include <fmt/format.h>

#include <ranges>
#include <set>

#include "common/errors.h"

namespace ringtrain {

Callbacks::Callbacks(std::vector<std::unique_ptr<Callback>> callbacks) : callbacks_(std::move(callbacks)) {
  std::set<std::string> names;
  for (const auto& callback : callbacks_)
    if (!names.insert(callback->name()).second)
      throw ConfigError(
          fmt::format("trainer.callbacks: two callbacks of this run are named '{}', and would share their "
                      "state in checkpoints; leave one of them out",
                      callback->name()));
}

void Callbacks::begin(const Moment& moment, const nlohmann::json& state, const NamedTensors& optimizer) {
  for (const auto& callback : callbacks_) {
    const std::string prefix = callback->name() + "/";
    NamedTensors tensors;
    for (const auto& [name, tensor] : optimizer)
      if (name.starts_with(prefix)) tensors[name.substr(prefix.size())] = tensor;
    const auto found = state.find(callback->name());
    callback->begin(moment, found == state.end() ? nlohmann::json() : *found, tensors);
  }
}

void Callbacks::share(const Moment& moment) {
  for (const auto& callback : callbacks_) callback->share(moment);
}

void Callbacks::call_all(const std::function<void(Callback&)>& call) {
  for (const auto& callback : callbacks_) {
    try {
      call(*callback);
    } catch (...) {
      if (!failure_) failure_ = std::current_exception();
    }
  }
}

void Callbacks::after_step(const Moment& moment) {
  call_all([&](Callback& callback) { callback.after_step(moment); });
}

void Callbacks::after_evaluation(const Moment& moment, const std::string& part, const MetricsReport& report) {
  call_all([&](Callback& callback) { callback.after_evaluation(moment, part, report); });
}

void Callbacks::end(const Moment& moment) {
  call_all([&](Callback& callback) { callback.end(moment); });
}

std::string Callbacks::ends_training() const {
  for (const auto& callback : callbacks_)
    if (auto why = callback->ends_training(); !why.empty()) return why;
  return "";
}

Callbacks::Shown::Shown(Callbacks& callbacks, const Moment& moment) : callbacks_(callbacks), moment_(moment) {
  callbacks_.show(moment);
}

Callbacks::Shown::~Shown() {
  for (const auto& callback : std::views::reverse(callbacks_.callbacks_)) callback->hide(moment_);
}

void Callbacks::show(const Moment& moment) {
  for (const auto& callback : callbacks_) callback->show(moment);
}

nlohmann::json Callbacks::state() const {
  auto state = nlohmann::json::object();
  for (const auto& callback : callbacks_)
    if (auto one = callback->state(); !one.is_null()) state[callback->name()] = std::move(one);
  return state;
}

NamedTensors Callbacks::tensors() const {
  NamedTensors all;
  for (const auto& callback : callbacks_)
    for (const auto& [name, tensor] : callback->tensors()) all[callback->name() + "/" + name] = tensor;
  return all;
}

}  // namespace ringtrain
