#pragma once

#include "models/network.h"

namespace ringtrain {

/// `model.type: gpt`: GPT-2 (Radford et al. 2019): layer norm before attention and before the feed-forward
/// part, learned positions, GELU by tanh, output embedding tied to the input's. Parameter names are those of
/// the published checkpoints; weights of linear maps are [out, in], the transpose of what those store.
///
/// forward: int64 tokens [n, T], T ≤ context, to logits [n, T, vocabulary]; a position sees itself and what
/// is before it.
class GptKind : public ModelKind {
 public:
  std::string preset = "none";  ///< none (the options below) | gpt2 (12 layers, 12 heads, width 768, context
                                ///< 1024, vocabulary 50257)
  std::int64_t layers = 4;
  std::int64_t heads = 4;
  std::int64_t width = 128;
  std::int64_t context = 128;
  std::int64_t vocabulary = 0;  ///< 0: that of the data
  double dropout = 0;
  std::string pad_vocabulary = "auto";  ///< auto | on | off (models/padded_product.h)
  bool checkpoint_activations = false;  ///< models/checkpointed.h
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<GptKind>(*this); }
  std::string name() const override { return "gpt"; }
  std::string doc() const override {
    return "GPT-2 (Radford et al. 2019), a language model: tokens in, logits of the next token out.";
  }
  void describe(config::Visitor& v) override;
  std::optional<SequenceShape> sequence() const override;
  std::shared_ptr<const PublishedForm> published() const override;
  /// `shape.outputs`: the size of the vocabulary; `shape.features` is not used.
  Network make(const ModelShape& shape) const override;
};

}  // namespace ringtrain
