// Training of a model with batch norm over all ranks, in which rank 1 fails in the third step;
// failing_rank.sh looks at what mpirun gives. The first argument says where: in its reader ("data"), in its
// forward pass
// ("model"), or all ranks fail alike ("batch": the joined batch has one value a channel).
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include <cstdio>
#include <string>

#include "comm/agreement.h"
#include "comm/backends.h"
#include "models/norm.h"
#include "trainer/step/training_step.h"

namespace {

using namespace ringtrain;

struct Rows : Dataset {
  explicit Rows(int failing_read) : failing_read_(failing_read) {}
  std::int64_t size() const override { return 40; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    if (++reads_ == failing_read_) throw DataError("row 7 is torn");
    const auto rows = at::tensor(indices);
    return {rows.to(at::kFloat).unsqueeze(1), rows.remainder(2), rows};
  }
  int failing_read_;
  mutable int reads_ = 0;
};

struct Net : Model {
  explicit Net(int failing_pass) : Model("Net"), failing_pass_(failing_pass) {
    norm_ = register_module("norm", make_batch_norm2d(1));
    layer_ = register_module("layer", torch::nn::Linear(1, 1));
  }
  at::Tensor forward(const at::Tensor& inputs) override {
    const auto x = norm_->forward(inputs.unsqueeze(2).unsqueeze(3)).flatten(1);
    if (++passes_ == failing_pass_) throw TrainingError("out of memory");
    return layer_(norm_->forward(x.unsqueeze(2).unsqueeze(3)).flatten(1));
  }
  std::shared_ptr<Norm2d> norm_;
  torch::nn::Linear layer_{nullptr};
  int failing_pass_, passes_ = 0;
};

void run(const std::string& where) {
  World world;
  const bool failing = world.rank() == 1;
  RunConfig config;
  config.trainer.sync_batch_norm = true;
  config.trainer.global_batch_size = where == "batch" ? 13 : 8;  // 40 = 3 · 13 + 1
  const auto task = config.task.kind().make({.labels = {"even", "odd"}, .class_counts = {20, 20}});
  const auto gradients = make_communicator(world, "auto", "cpu");
  Replica replica;
  replica.model = std::make_shared<Net>(failing && where == "model" ? 3 : -1);
  replica.parameters = std::make_unique<FlatParameters>(*replica.model);
  replica.optimizer = make_optimizer(config.trainer.optimizer, *replica.parameters);
  Trace trace(world.control(), 0);
  TrainingStep training(world, config, *task, replica, *gradients, "cpu", trace, nlohmann::json::object());
  const Rows rows(failing && where == "data" ? 3 : -1);
  Loader loader(rows,
                Sampler({.samples = 40,
                         .global_batch_size = config.trainer.global_batch_size,
                         .rank = world.rank(),
                         .world_size = world.world_size()}),
                0, 0);
  const StopSignal signal;
  for (int step = 0; step < 5; ++step) training.run(loader, signal, step, 5);
  world.close();
}

}  // namespace

int main(int, char** argv) {
  try {
    run(argv[1]);
    return 0;
  } catch (const PeerError& error) {
    return error.exit_code();
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exit_code();
  }
}
