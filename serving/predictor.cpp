#include "serving/predictor.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "common/errors.h"
#include "common/hash.h"
#include "serving/model_repository.h"
#include "serving/model_runner.h"
#include "serving/version_state.h"

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
  impl_->model = load_torchscript(impl_->folder, impl_->manifest);
}

Predictor::~Predictor() = default;
const Manifest& Predictor::manifest() const { return impl_->manifest; }
const std::filesystem::path& Predictor::folder() const { return impl_->folder; }
Predictor::Answers Predictor::predict(const Rows& rows) const { return impl_->model->run(rows); }

}  // namespace ringtrain
