#pragma once

#include <optional>

#include "comm/watch/watch.h"

namespace ringtrain {

/// Carries beats between the monitors of the ranks. No call waits: one that would is dropped. One thread uses
/// it.
class BeatLink {
 public:
  virtual ~BeatLink() = default;
  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  virtual void send(int to, const Beat& beat) = 0;
  virtual std::optional<Beat> receive() = 0;
};

}  // namespace ringtrain
