#include "trainer/tasks/language_model.h"

#include <ATen/ATen.h>

#include "trainer/tasks/chunked_loss.h"

namespace ringtrain {
namespace {

class LanguageModel : public Task {
 public:
  LanguageModel(std::int64_t vocabulary, std::string chunked)
      : vocabulary_(vocabulary), chunked_(std::move(chunked)) {}
  std::int64_t outputs() const override { return vocabulary_; }
  bool has_scores() const override { return false; }

  bool takes_sixteen_bits(const at::Device& device) const override { return in_chunks(device); }

  LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    if (in_chunks(outputs.device()))
      return {chunked_cross_entropy(outputs.flatten(0, 1), targets.flatten(), rows_of_chunk(vocabulary_)),
              at::scalar_tensor(targets.numel(), outputs.options().dtype(at::kDouble).requires_grad(false))};
    return {at::cross_entropy_loss(outputs.flatten(0, 1), targets.flatten(), {}, at::Reduction::Sum),
            at::scalar_tensor(targets.numel(), outputs.options().dtype(at::kDouble).requires_grad(false))};
  }
  at::Tensor scores(const at::Tensor& outputs) const override { return at::softmax(outputs, -1); }
  at::Tensor right(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return outputs.argmax(-1).eq(targets).sum();
  }

 private:
  bool in_chunks(const at::Device& device) const {
    return chunked_ == "on" || (chunked_ == "auto" && device.is_cuda());
  }

  std::int64_t vocabulary_;
  std::string chunked_;
};

}  // namespace

std::unique_ptr<Task> make_language_model_task(std::int64_t vocabulary, const std::string& chunked) {
  return std::make_unique<LanguageModel>(vocabulary, chunked);
}

}  // namespace ringtrain
