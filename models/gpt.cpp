#include "models/gpt.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <torch/nn/modules/embedding.h>

#include <cmath>

#include "common/errors.h"
#include "models/checkpointed.h"
#include "models/dense.h"
#include "models/gpt_block.h"
#include "models/gpt_published.h"
#include "models/padded_product.h"
#include "models/residual_norm.h"

namespace ringtrain {
namespace {

constexpr double kDeviation = 0.02;
/// Columns of a GPU's matrix products, at least.
constexpr std::int64_t kTile = 128;

/// The options with the preset's sizes filled in.
GptKind resolved(const GptKind& kind) {
  GptKind result = kind;
  if (kind.preset == "gpt2") {
    result.layers = result.heads = 12;
    result.width = 768;
    result.context = 1024;
    if (result.vocabulary == 0) result.vocabulary = 50257;
  }
  return result;
}

class Gpt : public Model {
 public:
  Gpt(const GptKind& options, std::int64_t vocabulary)
      : Model("Gpt"),
        dropout_(options.dropout),
        pad_vocabulary_(options.pad_vocabulary),
        checkpoint_activations_(options.checkpoint_activations),
        wte_(register_module("wte", torch::nn::Embedding(vocabulary, options.width))),
        wpe_(register_module("wpe", torch::nn::Embedding(options.context, options.width))) {
    auto list = register_module("h", std::make_shared<torch::nn::Module>("Blocks"));
    for (std::int64_t i = 0; i < options.layers; ++i)
      blocks_.push_back(list->register_module(
          std::to_string(i), std::make_shared<GptBlock>(options.width, options.heads, options.dropout)));
    ln_f_ = register_module("ln_f", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.width})));
    initialise(options.layers);
  }

  at::Tensor forward(const at::Tensor& inputs) override {
    const std::int64_t length = inputs.size(1);
    const at::Tensor& positions = wpe_->weight;
    at::Tensor x = wte_(inputs) + (length == positions.size(0) ? positions : positions.narrow(0, 0, length));
    if (dropout_ > 0) x = at::dropout(x, dropout_, is_training());
    ResidualStream stream{x, {}};
    for (const auto& block : blocks_)
      stream = checkpoint_activations_ && is_training() ? again(block, stream.x) : block->forward(stream);
    x = residual_norm(stream.x, stream.branch, ln_f_).normed;
    return pads(x) ? padded_product(x, wte_->weight, kTile) : dense(x, wte_->weight);
  }

 private:
  /// A block whose inside backward computes a second time.
  ResidualStream again(const std::shared_ptr<GptBlock>& block, const at::Tensor& x) const {
    const auto body = [block](const at::Tensor& y) {
      const auto after = block->forward({y, {}});
      return after.x + after.branch;
    };
    return {checkpointed(body, x, dropout_ > 0), {}};
  }

  /// What is exported is in evaluation mode, on a CPU: without it.
  bool pads(const at::Tensor& x) const {
    if (pad_vocabulary_ == "on") return is_training();
    return pad_vocabulary_ == "auto" && x.is_cuda() && at::autocast::is_autocast_enabled(at::kCUDA);
  }

  /// Section 2.3: the layers that add to the residual stream are scaled by 1/√N, N being how many there are.
  void initialise(std::int64_t layers) {
    const at::NoGradGuard no_grad;
    const double residual = kDeviation / std::sqrt(2.0 * static_cast<double>(layers));
    for (auto& item : named_parameters()) {
      const std::string& name = item.key();
      if (name.ends_with(".bias"))
        item.value().zero_();
      else if (item.value().dim() == 2)
        item.value().normal_(0, name.ends_with("c_proj.weight") ? residual : kDeviation);
    }
  }

  double dropout_;
  std::string pad_vocabulary_;
  bool checkpoint_activations_;
  torch::nn::Embedding wte_, wpe_;
  std::vector<std::shared_ptr<GptBlock>> blocks_;
  torch::nn::LayerNorm ln_f_{nullptr};
};

}  // namespace

void GptKind::describe(config::Visitor& v) {
  v.field("preset", preset,
          "gpt2: 12 layers, 12 heads, width 768, context 1024, vocabulary 50257, whatever those options say; "
          "none: as they say.",
          {"none", "gpt2"});
  v.field("layers", layers, "Blocks of attention and feed-forward part.", config::at_least(1));
  v.field("heads", heads, "Attention heads; must divide `width`.", config::at_least(1));
  v.field("width", width, "Numbers that stand for a token between the blocks.", config::at_least(1));
  v.field("context", context, "Tokens that the model sees at once; also the length of a training sample.",
          config::at_least(1));
  v.field("vocabulary", vocabulary,
          "Size of the vocabulary; 0: that of the vocabulary file beside data.train_file.",
          config::non_negative());
  v.field("dropout", dropout,
          "Probability of dropping a value of the embedding, of attention and of what a block adds, in "
          "training.",
          config::fraction_below_one());
  v.field(
      "pad_vocabulary", pad_vocabulary,
      "Computes the logits with the vocabulary rounded up to a multiple of 128, which a GPU is faster with; "
      "neither loss nor checkpoint nor export show it. auto: on a GPU in 16 bits; on: in training, "
      "wherever; off: never.",
      {"auto", "on", "off"});
  v.field("checkpoint_activations", checkpoint_activations,
          "Keeps only what goes into each block for backward, which computes the inside of a block a second "
          "time: a step takes about a third longer and much less memory. The numbers are the same.");
  const GptKind sizes = resolved(*this);
  v.require("heads", sizes.heads < 1 || sizes.width % sizes.heads == 0,
            fmt::format("expected a number that divides model.width; {} does not divide {}", sizes.heads,
                        sizes.width));
}

std::optional<SequenceShape> GptKind::sequence() const {
  const GptKind sizes = resolved(*this);
  return SequenceShape{sizes.context, sizes.vocabulary};
}

std::shared_ptr<const PublishedForm> GptKind::published() const {
  return std::make_shared<GptPublished>(resolved(*this).heads, dropout);
}

Network GptKind::make(const ModelShape& shape) const {
  const GptKind sizes = resolved(*this);
  if (sizes.width % sizes.heads != 0)
    throw ConfigError(
        fmt::format("model.heads: {} does not divide model.width {}", sizes.heads, sizes.width));
  return std::make_shared<Gpt>(sizes, shape.outputs);
}

}  // namespace ringtrain
