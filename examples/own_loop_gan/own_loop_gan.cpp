// A training loop of one's own, without ringtrain's Trainer: two networks that play against each other (a
// GAN), each with an optimizer, averaged over the ranks.
//   mpirun -np 2 own_loop_gan STEPS FOLDER     goes on from FOLDER's newest checkpoint, where there is one

#include <torch/utils.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "player.h"
#include "ringtrain/comm/agreement.h"
#include "ringtrain/comm/backends.h"
#include "ringtrain/comm/world.h"
#include "ringtrain/data/order/sampler.h"
#include "ringtrain/trainer/checkpoint/checkpoint_store.h"

namespace gan {
namespace {

using ringtrain::NamedTensors;

NamedTensors with_prefix(const std::string& prefix, const NamedTensors& tensors) {
  NamedTensors named;
  for (const auto& [name, tensor] : tensors) named[prefix + name] = tensor;
  return named;
}

NamedTensors without_prefix(const std::string& prefix, const NamedTensors& tensors) {
  NamedTensors named;
  for (const auto& [name, tensor] : tensors)
    if (name.starts_with(prefix)) named[name.substr(prefix.size())] = tensor;
  return named;
}

NamedTensors joined(NamedTensors some, NamedTensors others) {
  some.merge(others);
  return some;
}

/// The newest checkpoint, on rank 0; elsewhere its step alone, and nothing where there is none. Collective.
ringtrain::Checkpoint newest(const ringtrain::CheckpointStore& store, ringtrain::World& world) {
  ringtrain::Checkpoint found;
  ringtrain::together(world.control(), "reading the checkpoint", [&] {
    if (world.rank() == 0 && !store.steps().empty()) found = store.load_newest();
  });
  found.step = std::stoll(ringtrain::broadcast_string(world.control(), std::to_string(found.step), 0));
  return found;
}

void fill(Headed& network, const NamedTensors& weights) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : network.named_parameters()) parameter.value().copy_(weights.at(parameter.key()));
}

class Game {
 public:
  Game(ringtrain::World& world, const std::string& folder)
      : world_(world), store_(folder), communicator_(ringtrain::make_communicator(world, "auto", "cpu")) {
    torch::manual_seed(7);
    const auto generator = std::make_shared<Headed>(kNoise, 2),
               discriminator = std::make_shared<Headed>(2, 1);
    generator->to(at::kDouble);
    discriminator->to(at::kDouble);
    const auto checkpoint = newest(store_, world);
    step_ = checkpoint.step;
    if (step_ > 0 && world.rank() == 0) {  // the others get the weights from rank 0, below
      fill(*generator, without_prefix("generator.", checkpoint.weights));
      fill(*discriminator, without_prefix("discriminator.", checkpoint.weights));
    }
    generator_ = std::make_unique<Player>(generator, *communicator_);
    discriminator_ = std::make_unique<Player>(discriminator, *communicator_);
    const auto text = ringtrain::write_safetensors(checkpoint.optimizer);
    const auto state = ringtrain::read_safetensors(ringtrain::broadcast_string(world.control(), text, 0),
                                                   "the optimizer's state");
    generator_->take_state(without_prefix("generator/", state));
    discriminator_->take_state(without_prefix("discriminator/", state));
  }

  /// Up to step `steps`. Collective.
  void train(std::int64_t steps) {
    while (step_ < steps) {
      const auto shape = step_ % kShapes;
      const auto batch = batch_of(step_, shape);
      // This rank's part; with more ranks than samples it may be empty.
      const auto mine = ringtrain::even_share(kBatch, world_.rank(), world_.world_size());
      const auto part = [&](const at::Tensor& all) { return all.slice(0, mine.begin, mine.end); };
      const auto samples = mine.end - mine.begin;

      const auto made = generator_->forward(part(batch.noise), shape).detach();
      const auto judged = discriminator_->forward(at::cat({part(batch.points), made}), shape);
      const auto real = judged.narrow(0, 0, samples), fake = judged.narrow(0, samples, samples);
      const auto d_loss = discriminator_->learn((at::softplus(-real) + at::softplus(fake)).sum(), samples);

      discriminator_->freeze(true);
      const auto fooled = discriminator_->forward(generator_->forward(part(batch.more_noise), shape), shape);
      const auto g_loss = generator_->learn(at::softplus(-fooled).sum(), samples);
      discriminator_->freeze(false);

      ++step_;
      if (world_.rank() == 0)
        std::printf("%lld %.12f %.12f\n", static_cast<long long>(step_), d_loss, g_loss);
      if (step_ % 20 == 0 || step_ == steps) save();
    }
  }

 private:
  /// All replicas are equal: rank 0 writes. A checkpoint is a folder that is whole or absent. Collective.
  void save() {
    ringtrain::together(world_.control(), "writing a checkpoint", [&] {
      if (world_.rank() != 0) return;
      ringtrain::Checkpoint checkpoint;
      checkpoint.step = step_;
      checkpoint.weights = joined(with_prefix("generator.", generator_->weights()),
                                  with_prefix("discriminator.", discriminator_->weights()));
      checkpoint.optimizer = joined(with_prefix("generator/", generator_->state()),
                                    with_prefix("discriminator/", discriminator_->state()));
      store_.save(checkpoint, /*is_best=*/false, {.keep = 3});
    });
  }

  ringtrain::World& world_;
  ringtrain::CheckpointStore store_;
  std::unique_ptr<ringtrain::Communicator> communicator_;
  std::int64_t step_ = 0;
  std::unique_ptr<Player> generator_, discriminator_;
};

void play(std::int64_t steps, const std::string& folder) {
  ringtrain::World
      world;  // joins the job that mpirun or srun started; started by hand, it is this process alone
  {
    Game game(world, folder);
    game.train(steps);
  }
  world.close();  // the orderly end, by all ranks. Where an exception skips it, the launcher ends the others.
}

}  // namespace
}  // namespace gan

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: own_loop_gan STEPS FOLDER\n");
    return 2;
  }
  try {
    gan::play(std::atoll(argv[1]), argv[2]);
    return 0;
  } catch (const ringtrain::PeerError& error) {  // another rank says why
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "own_loop_gan: %s\n", error.what());
    return 1;
  }
}
