#include "trainer/setup/first_answer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/collate.h"

namespace ringtrain {
namespace {

std::string shapes_of(const Fields& fields) {
  std::vector<std::string> shapes;
  for (const auto& [name, tensor] : fields)
    shapes.push_back(fmt::format("{}{}[{}]", name, name.empty() ? "" : " ", fmt::join(tensor.sizes(), ", ")));
  return join(shapes);
}

std::string reason_of(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error ? torch_error->what_without_backtrace() : error.what();
}

/// Of tokens the position of a sample is a dimension more.
bool fits(const at::Tensor& outputs, const Task& task, std::int64_t samples) {
  const std::int64_t dimensions = task.head().form == AnswerForm::tokens ? 3 : 2;
  return outputs.dim() == dimensions && outputs.size(0) == samples && outputs.size(-1) == task.outputs();
}

void require_fitting(const at::Tensor& outputs, const Task& task, const Batch& batch) {
  if (fits(outputs, task, batch.size())) return;
  throw ConfigError(
      fmt::format("the model gives outputs of the shape [{}] for {} samples of {}; the task needs [{}, {}{}]",
                  fmt::join(outputs.sizes(), ", "), batch.size(), shapes_of(batch.inputs), batch.size(),
                  task.head().form == AnswerForm::tokens ? "context, " : "", task.outputs()));
}

void require_loss(const at::Tensor& outputs, const Task& task, const Batch& batch, const at::Device& device) {
  const auto loss = task.loss_sum(outputs, batch.targets.to(device),
                                  batch.weights.defined() ? batch.weights.to(device) : at::Tensor());
  if (loss.loss_sum.dim() == 0 && loss.weight.dim() == 0) return;
  throw ConfigError(
      fmt::format("the loss of the task is of the shape [{}], its weight of [{}]; both are sums, one number "
                  "each (targets: {})",
                  fmt::join(loss.loss_sum.sizes(), ", "), fmt::join(loss.weight.sizes(), ", "),
                  shapes_of(batch.targets)));
}

std::vector<std::int64_t> first_of(const Dataset& dataset) {
  std::vector<std::int64_t> few;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(2, dataset.size()); ++i) few.push_back(i);
  return few;
}

}  // namespace

void require_signature(const PreparedData& data, at::ScalarType floating, bool exported) {
  const auto& signature = data.preprocessing.signature;
  for (const auto* part : {data.train.get(), data.validation.get(), data.test.get()}) {
    if (!part || part->size() == 0) continue;
    const Fields inputs = part->read(first_of(*part)).inputs;
    if (!signature && data.preprocessing.coded().empty() && exported && inputs.size() > 1)
      throw ConfigError(fmt::format(
          "the data give several tensors ({}), but no signature that says what an exported model takes: set "
          "PreparedData::preprocessing.signature in prepare, or export.enabled: false",
          shapes_of(inputs)));
    if (!signature) return;
    try {
      signature->require_valid();
      require_inputs(*signature, inputs, floating);
    } catch (const DataError& error) {
      throw ConfigError(
          fmt::format("the data's batches are not what their signature says: {}. Make them with "
                      "collate (data/schema/collate.h)",
                      error.what()));
    }
  }
}

void require_fitting_answer(const Replica& replica, const Task& task, const Dataset& dataset,
                            const at::Device& device) {
  if (replica.model->parameters().empty())
    throw ConfigError("the model has no parameters: there is nothing to train");
  const auto few = first_of(dataset);
  if (few.empty()) return;
  const torch::NoGradGuard no_grad;
  const Batch batch = dataset.read(few);
  const bool was_training = replica.model->is_training();
  replica.model->eval();
  try {
    const auto outputs = replica.model.forward(batch.inputs.to(device));
    require_fitting(outputs, task, batch);
    require_loss(outputs, task, batch, device);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw ConfigError(fmt::format("model, task and data do not fit each other: {} (inputs: {}; targets: {})",
                                  reason_of(error), shapes_of(batch.inputs), shapes_of(batch.targets)));
  }
  replica.model->train(was_training);
}

}  // namespace ringtrain
