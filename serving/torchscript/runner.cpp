#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/import.h>

#include "common/errors.h"
#include "data/schema/vocabulary.h"
#include "serving/predict/model_runner.h"

namespace ringtrain {
namespace {

class TorchScriptRunner : public ModelRunner {
 public:
  TorchScriptRunner(const std::filesystem::path& folder, const Manifest& manifest)
      : form_(manifest.head.form), columns_(manifest.preprocessing.categorical) {
    const auto file = folder / "model.pt";
    if (!std::filesystem::exists(file))
      throw ExportError(fmt::format("{} is missing; export with the format torchscript", file.string()));
    try {
      module_ = torch::jit::load(file.string(), at::kCPU);
    } catch (const c10::Error& error) {
      throw ExportError(
          fmt::format("{} cannot be loaded: {}", file.string(), error.what_without_backtrace()));
    }
  }

  Predictor::Answers run(const Predictor::Rows& rows) const override {
    const at::NoGradGuard no_grad;
    torch::jit::Stack inputs;
    for (const auto& [name, tensor] : rows.tensors) inputs.emplace_back(tensor);
    if (inputs.empty()) inputs.emplace_back(form_ == AnswerForm::tokens ? rows.tokens : rows.numeric);
    for (std::size_t c = 0; c < rows.categorical.size(); ++c)
      if (columns_.at(c).encoding == Encoding::hash)
        inputs.emplace_back(codes_of(columns_[c], rows.categorical[c]));
      else
        inputs.emplace_back(c10::List<std::string>(rows.categorical[c]));
    try {
      // Not Module::forward, which is not const.
      const c10::IValue outputs = module_.get_method("forward")(std::move(inputs));
      return answers_from(outputs);
    } catch (const std::exception& error) {
      const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
      throw ExportError(fmt::format("model.pt fails: {}",
                                    torch_error ? torch_error->what_without_backtrace() : error.what()));
    }
  }

 private:
  Predictor::Answers answers_from(const c10::IValue& outputs) const {
    Predictor::Answers answers;
    if (form_ == AnswerForm::tokens) {
      answers.logits = outputs.toTensor();
    } else if (form_ == AnswerForm::values) {
      answers.predictions = outputs.toTensor();
    } else {
      const auto& both = outputs.toTupleRef().elements();
      answers.probabilities = both.at(0).toTensor();
      (form_ == AnswerForm::labels ? answers.labels : answers.classes) = both.at(1).toTensor();
    }
    return answers;
  }

  torch::jit::Module module_;
  AnswerForm form_;
  std::vector<CategoricalColumn> columns_;
};

}  // namespace

std::unique_ptr<ModelRunner> load_torchscript(const std::filesystem::path& folder, const Manifest& manifest) {
  return std::make_unique<TorchScriptRunner>(folder, manifest);
}

}  // namespace ringtrain
