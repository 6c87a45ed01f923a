#include "comm/averaging/sync_batch_norm_scope.h"

#include <ATen/CompositeImplicitAutogradFunctions.h>
#include <torch/library.h>

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "comm/averaging/sync_batch_norm.h"

namespace ringtrain {
namespace {

struct Joined {
  Communicator* communicator;
  std::function<double()> begin_batch;
};

/// The batch norms of all scopes, by the TensorImpl of their running mean: it stays where a module moves to
/// another device or type.
class JoinedNorms {
 public:
  bool add(const at::Tensor& mean, const Joined& joined) {
    const std::unique_lock lock(mutex_);
    return norms_.emplace(mean.unsafeGetTensorImpl(), joined).second;
  }
  void remove(const at::Tensor& mean) {
    const std::unique_lock lock(mutex_);
    norms_.erase(mean.unsafeGetTensorImpl());
  }
  std::optional<Joined> find(const at::Tensor& mean) const {
    const std::shared_lock lock(mutex_);
    const auto found = norms_.find(mean.unsafeGetTensorImpl());
    if (found == norms_.end()) return std::nullopt;
    return found->second;
  }

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<const at::TensorImpl*, Joined> norms_;
};

JoinedNorms& joined_norms() {
  static JoinedNorms norms;
  return norms;
}

/// aten::batch_norm.
at::Tensor batch_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                      const std::optional<at::Tensor>& bias, const std::optional<at::Tensor>& running_mean,
                      const std::optional<at::Tensor>& running_var, bool training, double momentum,
                      double epsilon, bool cudnn_enabled) {
  if (running_mean && running_mean->defined()) {
    const auto joined = joined_norms().find(*running_mean);
    if (joined && (training || joined->begin_batch))
      return sync_batch_norm(x, weight.value_or(at::Tensor()), bias.value_or(at::Tensor()), *running_mean,
                             running_var.value(), training ? momentum : joined->begin_batch(), epsilon,
                             *joined->communicator);
  }
  return at::compositeimplicitautograd::batch_norm(x, weight, bias, running_mean, running_var, training,
                                                   momentum, epsilon, cudnn_enabled);
}

}  // namespace

// Here, in the file of the scope: the linker leaves out an object file of which nothing is named.
TORCH_LIBRARY_IMPL(aten, AutogradCPU, library) { library.impl("batch_norm", TORCH_FN(batch_norm)); }
TORCH_LIBRARY_IMPL(aten, AutogradCUDA, library) { library.impl("batch_norm", TORCH_FN(batch_norm)); }

SyncBatchNormScope::SyncBatchNormScope(const std::vector<SyncedBatchNorm>& norms,
                                       Communicator& communicator) {
  for (const auto& norm : norms)
    if (joined_norms().add(norm.running_mean, {&communicator, norm.begin_batch}))
      means_.push_back(norm.running_mean);
}

SyncBatchNormScope::~SyncBatchNormScope() {
  for (const auto& mean : means_) joined_norms().remove(mean);
}

}  // namespace ringtrain
