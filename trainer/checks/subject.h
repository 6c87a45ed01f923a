#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.h"
#include "trainer/checks/columns.h"
#include "trainer/run_config.h"
#include "trainer/setup/stop_signal.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"

namespace ringtrain::checks {

/// Some samples of a data set, in this order. The data set outlives it.
class SomeSamples : public Dataset {
 public:
  SomeSamples(const Dataset& of, std::vector<std::int64_t> samples) : of_(of), samples_(std::move(samples)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    std::vector<std::int64_t> there;
    for (const auto index : indices) there.push_back(samples_[static_cast<std::size_t>(index)]);
    return of_.read(there);
  }

 private:
  const Dataset& of_;
  std::vector<std::int64_t> samples_;
};

/// Up to `most` numbers of a data set of `size` samples, evenly spread.
std::vector<std::int64_t> spread_samples(std::int64_t size, std::int64_t most);

/// Some steps of a training of its own.
struct Course {
  std::vector<double> rates, losses;  ///< of each step; the loss is that before its update
  std::string failure;                ///< why it ended early; "": it did not
  Replica replica;                    ///< as the last step left it
};

/// What is checked: the data, the task and the model of a run, before its first step.
class Subject {
 public:
  struct Run {
    const RunConfig& config;
    const PreparedData& data;
    const Task& task;
    Replica& replica;  ///< with the weights that training begins with; checks leave it as it is
    std::string device;
  };
  /// How a training of its own is made, from its beginning, for the checks that take steps.
  struct Training {
    World& world;
    const StopSignal& signal;
    Communicator& gradients;
    std::function<Replica(const RunConfig& config)> make_replica;
  };
  /// What it is given outlives it. `most_cells`: values of a part that checks of columns read; 0: none.
  /// Without `training`, of one rank, checks that take steps say that they cannot.
  Subject(const Run& run, std::int64_t most_cells, std::optional<Training> training = {});

  const RunConfig& config() const { return run_.config; }
  const PreparedData& data() const { return run_.data; }
  const Task& task() const { return run_.task; }
  Replica& replica() const { return run_.replica; }
  const std::string& device() const { return run_.device; }
  bool can_train() const { return training_.has_value(); }
  World& world() const { return training_.value().world; }

  /// The columns of the data; read when they are asked for first. Null where there are none: why_no_columns.
  const Columns* columns();
  /// The same, where each column can be taken for itself: null for the pixels of images and the like.
  const Columns* single_columns();
  std::string why_no_columns();
  std::string why_no_single_columns();

  /// Up to `most` training samples, evenly spread, on the device.
  Batch samples(std::int64_t most) const;
  /// The network's answer, in the precision of training.
  at::Tensor answer(const Network& model, const Fields& inputs) const;
  /// A sample's loss in the task's unit.
  double loss(const at::Tensor& outputs, const Batch& batch) const;

  /// `steps` steps of the run on `dataset`, from the weights that it begins with, by the steps that training
  /// takes. `config`: the run's, changed. `goes_on` is asked after each step. Throws Error with
  /// ExitCode::stopped at a signal. Precondition: can_train().
  Course train(RunConfig config, const Dataset& dataset, std::int64_t steps,
               const std::function<bool(const Course&)>& goes_on = nullptr) const;

 private:
  Run run_;
  std::int64_t most_cells_;
  std::optional<Training> training_;
  std::optional<Columns> columns_;
};

/// Keeps a model's buffers, the gradients (zero) and whether it is in training, and brings them back at the
/// end of its life.
class Undisturbed {
 public:
  explicit Undisturbed(Replica& replica);
  ~Undisturbed();
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

  /// Brings the buffers back now.
  void restore_buffers() const;

 private:
  Replica& replica_;
  bool was_training_;
  std::vector<at::Tensor> buffers_;
};

}  // namespace ringtrain::checks
