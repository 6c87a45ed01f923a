#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/config.h"

namespace ringtrain {

class Callback;

/// One kind of callback with its options: an entry of `trainer.callbacks`, or the `trainer.average:` block,
/// with this `type`.
class CallbackKind {
 public:
  virtual ~CallbackKind() = default;
  /// A copy with options of its own.
  virtual std::shared_ptr<CallbackKind> clone() const = 0;
  virtual std::string name() const = 0;
  virtual std::string doc() const = 0;
  virtual void describe(config::Visitor& v) = 0;

  /// Null: there is nothing to do. Throws ConfigError when it cannot be made with its options.
  virtual std::unique_ptr<Callback> make() const = 0;
  /// A sentence where a run of so many steps is too short for it.
  virtual std::optional<std::string> advice(std::int64_t /*total_steps*/) const { return std::nullopt; }
};

}  // namespace ringtrain
