#pragma once

#include <cstdint>
#include <string_view>

namespace ringtrain {

/// What a rank is doing. `waiting`: for the other ranks, so a rank that stays there is not the one to blame.
enum class Phase : std::uint32_t {
  starting,
  loading,
  computing,
  waiting,
  updating,
  evaluating,
  checkpointing,
  exporting,
  ended
};

constexpr std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::starting:
      return "starting";
    case Phase::loading:
      return "loading a batch";
    case Phase::computing:
      return "forward and backward";
    case Phase::waiting:
      return "waiting for the other ranks";
    case Phase::updating:
      return "updating the weights";
    case Phase::evaluating:
      return "evaluating";
    case Phase::checkpointing:
      return "writing a checkpoint";
    case Phase::exporting:
      return "exporting the model";
    case Phase::ended:
      return "ending";
  }
  return "an unknown phase";
}

}  // namespace ringtrain
