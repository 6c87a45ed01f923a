#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/import.h>

#include "common/errors.h"
#include "serving/predict/model_outputs.h"
#include "serving/predict/model_runner.h"

namespace ringtrain {
namespace {

class TorchScriptRunner : public ModelRunner {
 public:
  TorchScriptRunner(const std::filesystem::path& folder, const Manifest& manifest)
      : classification_(is_classification(manifest)), language_model_(is_language_model(manifest)) {
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
    torch::jit::Stack inputs{language_model_ ? rows.tokens : rows.numeric};
    for (const auto& words : rows.categorical) inputs.emplace_back(c10::List<std::string>(words));
    try {
      // Not Module::forward, which is not const.
      const c10::IValue outputs = module_.get_method("forward")(std::move(inputs));
      Predictor::Answers answers;
      if (language_model_) {
        answers.logits = outputs.toTensor();
      } else if (classification_) {
        answers.probabilities = outputs.toTupleRef().elements().at(0).toTensor();
        answers.classes = outputs.toTupleRef().elements().at(1).toTensor();
      } else {
        answers.predictions = outputs.toTensor();
      }
      return answers;
    } catch (const std::exception& error) {
      const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
      throw ExportError(fmt::format("model.pt fails: {}",
                                    torch_error ? torch_error->what_without_backtrace() : error.what()));
    }
  }

 private:
  torch::jit::Module module_;
  bool classification_, language_model_;
};

}  // namespace

std::unique_ptr<ModelRunner> load_torchscript(const std::filesystem::path& folder, const Manifest& manifest) {
  return std::make_unique<TorchScriptRunner>(folder, manifest);
}

}  // namespace ringtrain
