#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "comm/communicator.h"
#include "trainer/checkpoint/safetensors.h"
#include "trainer/metrics/report.h"
#include "trainer/step/replica.h"

namespace ringtrain {

/// Where a run stands when a callback is called. `gradients` and `replica` are those of this rank; a callback
/// that communicates does so on all ranks.
struct Moment {
  std::int64_t step;  ///< optimizer steps done
  Replica& replica;
  Communicator& gradients;
};

/// Something that is done beside training. Every rank has each callback, and calls it at the same moments; it
/// must leave replicas equal. What one throws ends all ranks with one message; until then the others, and
/// itself, are called all the same.
class Callback {
 public:
  virtual ~Callback() = default;
  /// Names its state in checkpoints; no two callbacks of a run have the same.
  virtual std::string name() const = 0;

  /// Before the first step of this process, and when the replica was laid out anew. `state`: what `state()`
  /// gave, on every rank; null: there is none. `tensors`: what `tensors()` gave, on rank 0 alone. Not
  /// collective.
  virtual void begin(const Moment&, const nlohmann::json& /*state*/, const NamedTensors& /*tensors*/) {}
  /// Then, where no rank threw: what rank 0 was given goes to all.
  virtual void share(const Moment&) {}
  virtual void after_step(const Moment&) {}
  /// After each evaluation during training (`part`: "validation"; the replica holds the weights of training),
  /// and after that of the test part at the end ("test"; it holds the weights that are exported). The part
  /// may have no rows.
  virtual void after_evaluation(const Moment&, const std::string& /*part*/, const MetricsReport&) {}
  /// After the last step, with the weights of training; not when a signal stops the run.
  virtual void end(const Moment&) {}
  /// The weights in the replica become those that are evaluated, kept and exported, until `hide`.
  virtual void show(const Moment&) {}
  virtual void hide(const Moment&) {}
  /// After the validation part was evaluated: why training ends here, the same on every rank; empty: it goes
  /// on.
  virtual std::string ends_training() const { return ""; }

  /// For a checkpoint, between `show` and `hide`: null and empty where there is nothing to keep. Tensors are
  /// on the CPU, and not changed afterwards.
  virtual nlohmann::json state() const { return nullptr; }
  virtual NamedTensors tensors() const { return {}; }
};

}  // namespace ringtrain
