#include "trainer/data_kinds/data_request.h"

namespace ringtrain {

DataRequest data_request_of(const RunConfig& config, const std::optional<Preprocessing>& fitted,
                            int ranks_of_host) {
  return {config.data.train_file,
          config.task.kind(),
          config.model.kind(),
          static_cast<std::uint64_t>(config.seed),
          config.trainer.precision == "float64" ? at::kDouble : at::kFloat,
          fitted,
          config.trainer.global_batch_size,
          ranks_of_host};
}

}  // namespace ringtrain
