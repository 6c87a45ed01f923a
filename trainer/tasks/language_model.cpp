#include "trainer/tasks/language_model.h"

#include <ATen/ATen.h>

namespace ringtrain {
namespace {

class LanguageModel : public Task {
 public:
  explicit LanguageModel(std::int64_t vocabulary) : vocabulary_(vocabulary) {}
  std::int64_t outputs() const override { return vocabulary_; }
  bool has_scores() const override { return false; }

  LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return {at::cross_entropy_loss(outputs.flatten(0, 1), targets.flatten(), {}, at::Reduction::Sum),
            at::scalar_tensor(targets.numel(), outputs.options().dtype(at::kDouble).requires_grad(false))};
  }
  at::Tensor scores(const at::Tensor& outputs) const override { return at::softmax(outputs, -1); }
  at::Tensor right(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return outputs.argmax(-1).eq(targets).sum();
  }

 private:
  std::int64_t vocabulary_;
};

}  // namespace

std::unique_ptr<Task> make_language_model_task(std::int64_t vocabulary) {
  return std::make_unique<LanguageModel>(vocabulary);
}

}  // namespace ringtrain
