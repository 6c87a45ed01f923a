#include "comm/averaging/buckets.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "comm/backends.h"

namespace ringtrain {
namespace {

/// Small sums take each rank another while, and large ones the same while more.
class Slow : public Communicator {
 public:
  explicit Slow(Communicator& inner) : inner_(inner) {}
  int rank() const override { return inner_.rank(); }
  int world_size() const override { return inner_.world_size(); }
  std::string_view backend() const override { return inner_.backend(); }
  std::optional<at::Device> device() const override { return inner_.device(); }
  void barrier() override { inner_.barrier(); }
  std::unique_ptr<Communicator> duplicate() override { return inner_.duplicate(); }
  void abort(int exit_code) noexcept override { inner_.abort(exit_code); }

 private:
  Work do_all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    auto work = inner_.all_reduce(tensor, op);
    if (tensor.numel() > 1) {
      work.wait();
      std::this_thread::sleep_for(
          std::chrono::milliseconds(4 + 3 * rank() + (tensor.numel() > 4096 ? 4 : 0)));
    }
    return work;
  }
  Work do_broadcast(const at::Tensor& tensor, int root) override {
    return broadcast_of(inner_, tensor, root);
  }
  Work do_reduce_scatter(const at::Tensor& output, const at::Tensor& input) override {
    return reduce_scatter_of(inner_, output, input);
  }
  Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override {
    return all_gather_of(inner_, output, input);
  }
  Work do_all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    return all_to_all_of(inner_, output, input);
  }
  std::unique_ptr<Communicator> do_split(const std::vector<int>& members) override {
    return split_of(inner_, members);
  }
  void do_compare(const CollectiveCall& mine) override { compare_of(inner_, mine); }
  Communicator& inner_;
};

// Buckets that differ would be summed with other ranks' other ones.
TEST(BucketBytes, AreTheSameOnRanksThatMeasureDifferently) {
  std::mutex mutex;
  std::set<std::int64_t> found;
  run_as_threads(3, [&](Communicator& communicator) {
    Slow slow(communicator);
    const auto bytes = measure_bucket_bytes(slow, at::Device(at::kCPU), std::int64_t{1} << 40);
    const std::lock_guard lock(mutex);
    found.insert(bytes);
  });
  ASSERT_EQ(found.size(), 1u);
  EXPECT_GT(*found.begin(), 256 << 10) << "what was measured, not the least";
  EXPECT_LT(*found.begin(), 25 << 20) << "nor the most";
}

TEST(BucketBytes, AreAnEighthOfAllAtMost) {
  run_as_threads(2, [&](Communicator& communicator) {
    Slow slow(communicator);
    EXPECT_EQ(measure_bucket_bytes(slow, at::Device(at::kCPU), 4 << 20), 512 << 10);
  });
}

}  // namespace
}  // namespace ringtrain
