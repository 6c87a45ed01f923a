#include "trainer/checks/subject.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "data/order/loader.h"
#include "trainer/precision/autocast.h"
#include "trainer/precision/forward.h"
#include "trainer/step/training_step.h"
#include "trainer/telemetry/trace.h"

namespace ringtrain::checks {
namespace {

/// More columns than this are pixels, spectra, genes: no person asks what each of them says alone.
constexpr std::size_t kMostSingle = 256;

}  // namespace

std::vector<std::int64_t> spread_samples(std::int64_t size, std::int64_t most) {
  std::vector<std::int64_t> chosen;
  const auto count = std::min(size, most);
  for (std::int64_t i = 0; i < count; ++i) chosen.push_back(i * size / count);
  return chosen;
}

Subject::Subject(const Run& run, std::int64_t most_cells, std::optional<Training> training)
    : run_(run), most_cells_(most_cells), training_(std::move(training)) {}

const Columns* Subject::columns() {
  if (!why_no_columns().empty()) return nullptr;
  if (!columns_) columns_ = columns_of(data(), task(), most_cells_);
  return &*columns_;
}

const Columns* Subject::single_columns() {
  const auto* all = columns();
  return all && all->names.size() <= kMostSingle ? all : nullptr;
}

std::string Subject::why_no_columns() {
  if (most_cells_ == 0) return "a table in blocks is looked at by `ringtrain check` alone";
  return checks::why_no_columns(data(), task());
}

std::string Subject::why_no_single_columns() {
  const auto* all = columns();
  if (!all) return why_no_columns();
  return fmt::format("{} columns, as of images: what one says alone is looked at up to {}",
                     with_commas(static_cast<long long>(all->names.size())), kMostSingle);
}

Batch Subject::samples(std::int64_t most) const {
  const auto size = data().train->size();
  // Of a table in blocks those of the first one: others would have to be decoded.
  Batch batch =
      data().train->read(spread_samples(data().order.blocks.empty() ? size : std::min(size, most), most));
  const at::Device device(run_.device);
  batch.inputs = batch.inputs.to(device);
  batch.targets = batch.targets.to(device);
  if (batch.weights.defined()) batch.weights = batch.weights.to(device);
  return batch;
}

at::Tensor Subject::answer(const Network& model, const Fields& inputs) const {
  return forward(model, inputs, autocast_type(config().trainer.precision),
                 task().takes_sixteen_bits(at::Device(run_.device)));
}

double Subject::loss(const at::Tensor& outputs, const Batch& batch) const {
  const auto loss = task().loss_sum(outputs, batch.targets, batch.weights);
  return loss.loss_sum.item<double>() / loss.weight.item<double>() * task().loss_unit();
}

Course Subject::train(RunConfig config, const Dataset& dataset, std::int64_t steps,
                      const std::function<bool(const Course&)>& goes_on) const {
  const auto& with = training_.value();
  config.trainer.cuda_graph = "off";  // the same steps; recording them takes longer than these take
  Course course;
  course.replica = with.make_replica(config);
  Trace trace(with.world.control(), 0);
  // The run's own order where it is the run's own data.
  auto order = &dataset == data().train.get() ? data().order : EpochOrder::Options{};
  order.seed = static_cast<std::uint64_t>(config.seed);
  if (order.blocks.empty()) order.blocks = {dataset.size()};
  const Sampler sampler({.global_batch_size = config.trainer.global_batch_size},
                        EpochOrder(std::move(order)));
  Loader loader(dataset, sampler, 0, 0, at::Device(run_.device));
  try {
    TrainingStep step(with.world, config, task(), course.replica, with.gradients, run_.device, trace,
                      nlohmann::json::object());
    for (std::int64_t i = 0; i < steps; ++i) {
      const auto outcome = step.run(loader, with.signal, i, steps);
      if (outcome.totals.stop > 0) throw Error("stopped by a signal", ExitCode::stopped);
      course.rates.push_back(outcome.learning_rate);
      course.losses.push_back(outcome.totals.loss_sum / outcome.totals.weight * task().loss_unit());
      if (!std::isfinite(course.losses.back())) {
        course.failure = "the loss is not finite";
        break;
      }
      if (goes_on && !goes_on(course)) break;
    }
  } catch (const TrainingError& error) {
    course.failure = error.what();
  }
  return course;
}

Undisturbed::Undisturbed(Replica& replica) : replica_(replica), was_training_(replica.model->is_training()) {
  for (const auto& buffer : replica.model->buffers()) buffers_.push_back(buffer.clone());
}

void Undisturbed::restore_buffers() const {
  const at::NoGradGuard no_gradient;
  const auto now = replica_.model->buffers();
  for (std::size_t i = 0; i < now.size() && i < buffers_.size(); ++i) now[i].copy_(buffers_[i]);
}

Undisturbed::~Undisturbed() {
  restore_buffers();
  replica_.model->train(was_training_);
  replica_.parameters->repair_gradients();
  replica_.parameters->zero_gradients();
}

}  // namespace ringtrain::checks
