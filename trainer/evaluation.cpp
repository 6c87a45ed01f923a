#include "trainer/evaluation.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "comm/agreement.h"
#include "data/order/sampler.h"
#include "trainer/precision/forward.h"

namespace ringtrain {
namespace {

/// Samples answered at once, and the outputs of a task with several answers a sample: their memory counts.
constexpr std::int64_t kBatch = 1024;
constexpr std::int64_t kOutputs = 1 << 23, kOutputsOfGpu = 1 << 28;

std::int64_t batch_size(const Task& task, const Dataset& dataset, const std::string& device) {
  if (task.has_scores() || dataset.size() == 0) return kBatch;
  const std::int64_t answers = dataset.read({0}).targets.only().numel();
  const auto outputs = device == "cpu" ? kOutputs : kOutputsOfGpu;
  return std::clamp<std::int64_t>(outputs / (answers * task.outputs()), 1, kBatch);
}

/// Appends all numbers of `tensor`, row by row.
template <class T>
void append(std::vector<T>& to, const at::Tensor& tensor) {
  const auto numbers = tensor.to(c10::CppTypeToScalarType<T>::value).contiguous();
  to.insert(to.end(), numbers.template const_data_ptr<T>(),
            numbers.template const_data_ptr<T>() + numbers.numel());
}

/// [n, targets] float64: all that a sample's targets hold.
at::Tensor numbers_of(const Fields& targets) {
  std::vector<at::Tensor> columns;
  for (const auto& [name, tensor] : targets)
    columns.push_back(tensor.to(at::kDouble).reshape({tensor.size(0), -1}));
  return columns.size() == 1 ? columns[0] : at::cat(columns, 1);
}

/// Without rows, and with room for `rows`: a vector that grows would hold them twice.
Evaluation answers_of(const Task& task, Communicator& control, std::int64_t rows) {
  Evaluation answers;
  answers.holders = Holders(control);
  if (!task.has_scores()) return answers;
  answers.width = task.head().width();
  answers.target_width = task.targets();
  answers.names = task.head().names;
  answers.scores.reserve(static_cast<std::size_t>(rows * answers.width));
  answers.targets.reserve(static_cast<std::size_t>(rows * answers.target_width));
  answers.rows.reserve(static_cast<std::size_t>(rows));
  return answers;
}

double ratio(const at::Tensor& sum, const at::Tensor& weight) {
  return weight.item<double>() > 0 ? (sum / weight).item<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Evaluation evaluate(const Network& model, const Task& task, const Dataset& dataset, Communicator& control,
                    const std::string& device, std::optional<c10::ScalarType> autocast, Beacon* beacon) {
  const torch::NoGradGuard no_grad;
  const bool was_training = model->is_training();
  model->eval();
  const Range share = even_share(dataset.size(), control.rank(), control.world_size());
  Evaluation answers;
  auto sums = at::zeros({3}, at::kDouble);  // loss, weight, right answers
  if (beacon) beacon->enter(Phase::evaluating);
  together(control, "evaluating", [&] {
    answers = answers_of(task, control, share.size());
    const std::int64_t size = batch_size(task, dataset, device);
    for (std::int64_t begin = share.begin; begin < share.end; begin += size) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(size, share.end - begin)));
      std::iota(indices.begin(), indices.end(), begin);
      if (beacon) beacon->progress();
      const Batch batch = dataset.read(indices);
      const auto outputs = forward(model, batch.inputs.to(at::Device(device)), autocast,
                                   task.takes_sixteen_bits(at::Device(device)));
      const auto targets = batch.targets.to(at::Device(device));
      const auto loss = task.loss_sum(
          outputs, targets, batch.weights.defined() ? batch.weights.to(at::Device(device)) : at::Tensor());
      sums[0] += loss.loss_sum.cpu().to(at::kDouble);
      sums[1] += loss.weight.cpu().to(at::kDouble);
      if (!task.has_scores()) {
        sums[2] += task.right(outputs, targets).cpu().to(at::kDouble);
        continue;
      }
      append(answers.scores, task.scores(outputs).cpu());
      append(answers.targets, numbers_of(batch.targets));
      append(answers.rows, batch.sample);
    }
    if (beacon) beacon->enter(Phase::waiting);
  });
  model->train(was_training);

  control.all_reduce(sums).wait();
  answers.loss = ratio(sums[0], sums[1]) * task.loss_unit();
  if (!task.has_scores()) answers.accuracy = ratio(sums[2], sums[1]);
  return answers;
}

}  // namespace ringtrain
