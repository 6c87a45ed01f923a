#pragma once

#include "models/network.h"

namespace ringtrain {

/// How wide a table of `codes` codes is where nobody says: min(50, round(1.6 codes^0.56)). The power is
/// fastai's
/// (`emb_sz_rule` of fastai.tabular.model); its cap is 600 there, and was 50 before (min(50, (n + 1) / 2)).
/// It is 50 here, since the gradient of a table is dense: each step goes over all of it.
std::int64_t embedding_width(std::int64_t codes);

/// `model.type: mlp`: hidden layers of the given widths, each with activation and dropout, then an affine
/// map. Columns that come as codes have a table each ("embedding0", "embedding1", … [codes, width]), whose
/// rows stand behind the features. Tables begin at 0: a code that training never meets stays there, and says
/// nothing; others leave it at the first step, since the layer above does not begin at 0.
class MlpKind : public ModelKind {
 public:
  std::vector<std::int64_t> hidden{64, 32};
  std::string activation = "relu";
  double dropout = 0;
  std::vector<std::int64_t>
      embedding_widths;  ///< of each coded column, or one for all; empty: embedding_width
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<MlpKind>(*this); }
  std::string name() const override { return "mlp"; }
  std::string doc() const override { return "A multi-layer perceptron."; }
  void describe(config::Visitor& v) override;
  bool takes_categories() const override { return true; }
  Network make(const ModelShape& shape) const override;
};

}  // namespace ringtrain
