// model_samples FOLDER: for each model NAME.pt, a file that Python's torch.load reads: (parameters and
// buffers by name, inputs, outputs in training mode, gradients of outputs.square().sum() by name).
#include <torch/serialize.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cstdio>
#include <exception>
#include <fstream>

#include "models/gpt.h"
#include "models/resnet.h"

namespace {

using namespace ringtrain;
using Tensors = c10::Dict<std::string, at::Tensor>;

void write_sample(const std::string& folder, const std::string& name, const Network& model,
                  const at::Tensor& inputs) {
  model->to(torch::kDouble);
  Tensors state, gradients;
  for (const auto& item : model->named_parameters()) state.insert(item.key(), item.value().detach().clone());
  for (const auto& item : model->named_buffers()) state.insert(item.key(), item.value().clone());
  const auto outputs = model.forward(inputs);
  outputs.square().sum().backward();
  for (const auto& item : model->named_parameters()) gradients.insert(item.key(), item.value().grad());
  const auto bytes =
      torch::pickle_save(c10::ivalue::Tuple::create({state, inputs, outputs.detach(), gradients}));
  std::ofstream(folder + "/" + name + ".pt", std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void write_resnet(const std::string& folder, const std::string& depth,
                  const std::vector<std::int64_t>& image) {
  ResnetKind kind;
  kind.depth = depth;
  kind.image = image;
  const auto pixels = image[0] * image[1] * image[2];
  write_sample(folder, "resnet" + depth, kind.make({.features = pixels, .outputs = 7}),
               torch::randn({4, pixels}, torch::kDouble));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  try {
    torch::manual_seed(9);
    write_resnet(arguments[1], "20", {1, 28, 28});
    write_resnet(arguments[1], "18", {3, 64, 64});
    write_resnet(arguments[1], "50", {3, 64, 64});
    GptKind kind;
    kind.layers = 2;
    kind.heads = 4;
    kind.width = 32;
    kind.context = 16;
    write_sample(arguments[1], "gpt", kind.make({.outputs = 50}),
                 torch::randint(0, 50, {3, 16}, torch::kLong));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
