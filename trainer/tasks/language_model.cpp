#include <ATen/ATen.h>

#include <cmath>

#include "trainer/tasks/built_in_tasks.h"
#include "trainer/tasks/chunked_loss.h"

namespace ringtrain {
namespace {

/// The next token: outputs are logits [n, T, vocabulary], targets int64 [n, T]. The loss is the sum of cross
/// entropies (nats), the weight the number of tokens. Answers are judged by sums over tokens: to gather the
/// scores of all of them would take `vocabulary` numbers a token.
class LanguageModel : public Task {
 public:
  LanguageModel(std::int64_t vocabulary, std::string chunked)
      : Task({.form = AnswerForm::tokens, .outputs = vocabulary}), chunked_(std::move(chunked)) {}

  bool takes_sixteen_bits(const at::Device& device) const override { return in_chunks(device); }

  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets, const at::Tensor&) const override {
    const auto logits = outputs.flatten(0, 1), wanted = targets.only().flatten();
    const auto tokens =
        at::scalar_tensor(wanted.numel(), outputs.options().dtype(at::kDouble).requires_grad(false));
    if (in_chunks(outputs.device()))
      return {chunked_cross_entropy(logits, wanted, rows_of_chunk(this->outputs())), tokens};
    return {at::cross_entropy_loss(logits, wanted, {}, at::Reduction::Sum), tokens};
  }
  at::Tensor right(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return outputs.argmax(-1).eq(targets).sum();
  }

 private:
  bool in_chunks(const at::Device& device) const {
    return chunked_ == "on" || (chunked_ == "auto" && device.is_cuda());
  }

  std::string chunked_;
};

class LanguageModelKind : public TaskKind {
 public:
  std::shared_ptr<TaskKind> clone() const override { return std::make_shared<LanguageModelKind>(*this); }
  std::string name() const override { return "language_model"; }
  std::string doc() const override {
    return "The next token: softmax over the vocabulary. Losses are nats a token; every token weighs the "
           "same.";
  }
  void describe(config::Visitor& v) override {
    v.field(
        "chunked_loss", chunked_loss_,
        "Computes the loss, and its gradient, without a step's largest tensors, all logits in float32: on "
        "a GPU in one pass over the logits, elsewhere over some tokens at a time. auto: on a GPU.",
        {"auto", "on", "off"});
  }

  TargetKind target() const override { return TargetKind::classes; }
  bool reads_tokens() const override { return true; }
  std::vector<Metric> metrics() const override { return {{"perplexity", false}, {"accuracy"}}; }

  /// Perplexity: e to the loss in nats a token.
  MetricsReport judge(const Evaluation& answers, const std::vector<double>&) const override {
    MetricsReport report;
    report.set("perplexity", std::exp(answers.loss));
    report.set("accuracy", answers.accuracy);
    return report;
  }
  std::vector<double> losses(const Evaluation&, const std::vector<TargetScale>&) const override { return {}; }

  std::unique_ptr<Task> make(const TaskData& data) const override {
    return std::make_unique<LanguageModel>(data.vocabulary, chunked_loss_);
  }

 private:
  std::string chunked_loss_ = "auto";
};

}  // namespace

std::shared_ptr<TaskKind> language_model_kind() { return std::make_shared<LanguageModelKind>(); }

}  // namespace ringtrain
