#pragma once

#include <ATen/core/Tensor.h>

#include <unordered_map>

namespace ringtrain {

/// Copies of parameters in 16 bits, which stand for them in a step's products. Autocast casts each weight by
/// a kernel of its own, and each gradient back, which is then added to the float32 one; here whoever owns the
/// copies fills them at once, and backward adds a gradient of 16 bits to the parameter's `.grad` as it is:
/// the same numbers, with fewer passes over memory.
class WeightShadow {
 public:
  /// From here on `copy` (the parameter's sizes, any floating type) stands for `parameter`, a leaf.
  void add(const at::Tensor& parameter, const at::Tensor& copy);

  /// While it lives, `shadow_of` on this thread finds these copies. Null: finds none.
  class Scope {
   public:
    explicit Scope(const WeightShadow* shadow);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const WeightShadow* before_;
  };
  /// That of this thread's innermost scope; may be null.
  static const WeightShadow* current();

 private:
  friend at::Tensor shadow_of(const at::Tensor& parameter);
  std::unordered_map<const c10::TensorImpl*, at::Tensor> copies_;
};

/// What a product takes for `parameter`: its copy, which passes its gradient on to the parameter; the
/// parameter itself where there is none.
at::Tensor shadow_of(const at::Tensor& parameter);

}  // namespace ringtrain
