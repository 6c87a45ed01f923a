#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config.h"
#include "data/schema/preprocessing.h"
#include "models/published_form.h"

namespace ringtrain {

class Network;

/// An nn::Module with one forward, which takes one tensor. To be exported it must be traceable: no branch on
/// values, sizes taken by flatten/unflatten.
class Model : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  /// `inputs`: [n, features]; returns [n, outputs]: logits of a classification, values of a regression. n may
  /// be 0. A language model takes int64 tokens [n, T] and returns the logits of each next token, [n, T,
  /// vocabulary].
  virtual at::Tensor forward(const at::Tensor& inputs) = 0;
};

/// What the data and the task ask of a model.
struct ModelShape {
  std::int64_t features = 0;  ///< numbers of a row
  std::int64_t outputs = 1;   ///< logits or values of a row; of a language model: its vocabulary
  /// Columns that come as codes, the input `categories` [n, columns] int64; then the features are the input
  /// `numeric`, which is left out where there are none. Empty for kinds that do not take them.
  std::vector<CodedColumn> categories{};
};

/// What a language model reads.
struct SequenceShape {
  std::int64_t context = 0;     ///< tokens that it sees at once
  std::int64_t vocabulary = 0;  ///< tokens that it knows; 0: those of the data
};

/// One kind of model with its options: the `model:` block of a configuration with this `type`.
class ModelKind {
 public:
  virtual ~ModelKind() = default;
  /// A copy with options of its own.
  virtual std::shared_ptr<ModelKind> clone() const = 0;
  virtual std::string name() const = 0;
  virtual std::string doc() const = 0;
  virtual void describe(config::Visitor& v) = 0;
  /// Whether it has tables for columns that come as codes (ModelShape::categories).
  virtual bool takes_categories() const { return false; }
  /// Of a kind that reads tokens; nothing for one that reads rows of features.
  virtual std::optional<SequenceShape> sequence() const { return std::nullopt; }
  /// How others name and lay out its weights; null: as its modules do.
  virtual std::shared_ptr<const PublishedForm> published() const { return nullptr; }
  /// A Model, or any other module with the way in which a batch is handed to it. Parameters are initialised
  /// from LibTorch's global generator. Throws ConfigError when options and shape do not fit.
  virtual Network make(const ModelShape& shape) const = 0;
};

/// The built-in kinds, each with default options.
std::vector<std::shared_ptr<ModelKind>> built_in_models();

}  // namespace ringtrain
