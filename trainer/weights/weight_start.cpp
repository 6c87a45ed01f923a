#include "trainer/weights/weight_start.h"

#include <fmt/format.h>

#include "common/text.h"
#include "trainer/weights/torch_optimizer.h"
#include "trainer/weights/weight_fit.h"

namespace ringtrain {

WeightStart begin_with_weights(const StoredWeights& stored, const RunConfig& config, Replica& replica,
                               std::int64_t step) {
  const auto form = config.model.kind().published();
  auto fitted = fit_weights(stored, config.model.weights, form.get(), *replica.model);
  take_weights(fitted, *replica.model);
  WeightStart start{{}, std::move(fitted.told)};
  if (!config.model.weights.optimizer) return start;
  Checkpoint as_of_ours;
  as_of_ours.step = step;
  for (const auto& item : replica.model->named_parameters()) as_of_ours.weights[item.key()] = item.value();
  for (const auto& item : replica.model->named_buffers()) as_of_ours.weights[item.key()] = item.value();
  as_of_ours.optimizer = optimizer_state(stored, fitted, config.trainer.optimizer, *replica.model);
  start.optimizer = load_replica(as_of_ours, replica);
  start.told.push_back(
      fmt::format("model.weights.optimizer: its state too, after step {}", with_commas(step)));
  return start;
}

}  // namespace ringtrain
