#include "serving/predict/predictor.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "comm/local/local_communicator.h"
#include "common/errors.h"
#include "common/hash.h"
#include "serving/batch/batch_prediction.h"
#include "serving/predict/model_outputs.h"
#include "serving/predict/model_runner.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_state.h"

namespace ringtrain {
namespace {

/// A file that is not the one that was verified is not served.
void require_same_file(const std::filesystem::path& folder, const Manifest& manifest, const char* name) {
  if (!manifest.files.is_object() || !manifest.files.contains(name)) return;
  const auto file = folder / name;
  if (std::filesystem::exists(file) && hash_file(file) != manifest.files[name].get<std::string>())
    throw ExportError(
        fmt::format("{} is damaged: its hash is not the one in manifest.json; export again", file.string()));
}

}  // namespace

struct Predictor::Impl {
  std::filesystem::path folder;
  Manifest manifest;
  std::unique_ptr<ModelRunner> model;
};

Predictor::Predictor(const std::string& model) : impl_(std::make_unique<Impl>()) {
  impl_->folder = find_version(model);
  impl_->manifest = Manifest::read(impl_->folder);
  require_same_file(impl_->folder, impl_->manifest, "model.pt");
  require_same_file(impl_->folder, impl_->manifest, "schema.json");
  impl_->model = load_torchscript(impl_->folder, impl_->manifest);
}

std::int64_t Predictor::Rows::size() const {
  if (!tensors.empty()) return tensors.samples();
  return (tokens.defined() ? tokens : numeric).size(0);
}

Predictor::~Predictor() = default;
const Manifest& Predictor::manifest() const { return impl_->manifest; }
const std::filesystem::path& Predictor::folder() const { return impl_->folder; }
Predictor::Answers Predictor::predict(const Rows& rows) const { return impl_->model->run(rows); }

std::int64_t predict_json_lines(const Predictor& predictor, std::istream& in, std::ostream& out,
                                const PredictOptions& options) {
  const auto& manifest = predictor.manifest();
  LocalCommunicator alone;
  const auto source = open_json_lines(in, manifest.preprocessing, {});
  return predict_rows(
             *source, [&](const auto& rows) { return predictor.predict(rows); },
             AnswerText(manifest, options.output, ""), out, rows_at_once(manifest, options.batch_size), alone)
      .errors;
}

}  // namespace ringtrain
