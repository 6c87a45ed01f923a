// NCCL on GPUs, by the conformance suite of all backends. Where there are fewer GPUs than ranks they share
// one.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "comm/backends.h"
#include "comm/gpu.h"
#include "comm/nccl/nccl_library.h"
#include "common/errors.h"
#include "tests/comm/conformance.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

bool can_run() { return nccl::is_built() && !find_gpus().ids.empty(); }

/// The GPU of this rank, which then may be shared with another one.
std::string device_of_this_rank() {
  const std::size_t gpus = find_gpus().ids.size();
  if (gpus < static_cast<std::size_t>(test_world().world_size()))
    ::setenv("NCCL_HOSTID", std::to_string(test_world().rank()).c_str(), /*replace=*/1);
  return "cuda:" + std::to_string(static_cast<std::size_t>(test_world().local_rank()) % gpus);
}

/// Lets the suite, which works on tensors in host memory, use a communicator of a GPU's: copies there and
/// back.
class ThroughGpu : public Communicator {
 public:
  ThroughGpu(std::unique_ptr<Communicator> gpu, c10::Device device) : gpu_(std::move(gpu)), device_(device) {}
  int rank() const override { return gpu_->rank(); }
  int world_size() const override { return gpu_->world_size(); }
  std::string_view backend() const override { return gpu_->backend(); }
  std::optional<at::Device> device() const override { return at::kCPU; }
  void barrier() override { gpu_->barrier(); }
  std::unique_ptr<Communicator> duplicate() override {
    return std::make_unique<ThroughGpu>(gpu_->duplicate(), device_);
  }
  void abort(int exit_code) noexcept override { gpu_->abort(exit_code); }

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    const at::Tensor there = copy_of(tensor);
    return work(gpu_->all_reduce(there, op), tensor, there);
  }
  Work do_broadcast(const at::Tensor& tensor, int root) override {
    const at::Tensor there = copy_of(tensor);
    return work(gpu_->broadcast(there, root), tensor, there);
  }
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override {
    const at::Tensor there = copy_of(output);
    inputs_ = copy_of(input);  // stays alive until the next call: the cases wait for each
    return work(gpu_->reduce_scatter(there, inputs_), output, there);
  }
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override {
    const at::Tensor there = copy_of(output);
    inputs_ = copy_of(input);
    return work(gpu_->all_gather(there, inputs_), output, there);
  }
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    const at::Tensor there = copy_of(output);
    inputs_ = copy_of(input);
    return work(gpu_->all_to_all(there, inputs_), output, there);
  }
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override {
    auto group = split_of(*gpu_, members);
    return group ? std::make_unique<ThroughGpu>(std::move(group), device_) : nullptr;
  }

  void do_compare(const CollectiveCall& mine) override { compare_of(*gpu_, mine); }

  struct CopiedBack : Work::State {
    CopiedBack(Work inner, at::Tensor to, at::Tensor from)
        : work(std::move(inner)), here(std::move(to)), there(std::move(from)) {}
    void wait() override {
      work.wait();
      here.copy_(there);
    }
    Work work;
    at::Tensor here, there;
  };
  static Work work(Work inner, const at::Tensor& here, const at::Tensor& there) {
    return Work(std::make_unique<CopiedBack>(std::move(inner), here, there));
  }
  at::Tensor copy_of(const at::Tensor& tensor) const {
    // On one stream the threads of a rank would order the collectives of two communicators, each rank its own
    // way.
    thread_local const bool on_own_stream = (nccl::use_own_stream(device_.str()), true);
    (void)on_own_stream;
    return tensor.to(device_);
  }
  std::unique_ptr<Communicator> gpu_;
  c10::Device device_;
  at::Tensor inputs_;
};

class NcclConformance : public testing::TestWithParam<conformance::Case> {
 protected:
  /// One for all cases: connecting takes a second.
  static void SetUpTestSuite() {
    if (!can_run()) return;
    const std::string device = device_of_this_rank();
    nccl::load();
    communicator_ =
        std::make_unique<ThroughGpu>(make_communicator(test_world(), "nccl", device), c10::Device(device));
  }
  static void TearDownTestSuite() { communicator_.reset(); }
  static std::unique_ptr<ThroughGpu> communicator_;
};

std::unique_ptr<ThroughGpu> NcclConformance::communicator_;

TEST_P(NcclConformance, Holds) {
  if (!can_run()) GTEST_SKIP() << "no GPU, or a build without NCCL";
  EXPECT_EQ(communicator_->backend(), "nccl");
  GetParam().body(*communicator_);
}

INSTANTIATE_TEST_SUITE_P(Case, NcclConformance, testing::ValuesIn(conformance::all_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(Nccl, TensorsOfTheHostAreRefused) {
  if (!can_run()) GTEST_SKIP() << "no GPU, or a build without NCCL";
  const std::string device = device_of_this_rank();
  const auto communicator = make_communicator(test_world(), "nccl", device);
  try {
    communicator->all_reduce(at::zeros({3})).wait();
    ADD_FAILURE() << "expected CommError";
  } catch (const CommError& error) {
    EXPECT_EQ(std::string(error.what()),
              "all_reduce: tensor is on cpu, but the nccl backend moves tensors of " + device +
                  " only; pass tensor.to(\"" + device + "\")");
  }
}

}  // namespace
}  // namespace ringtrain
