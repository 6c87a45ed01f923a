#include "launch/acceptance/rank_checks.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "comm/agreement.h"
#include "comm/backends.h"
#include "trainer/run_config.h"
#include "trainer/setup/device.h"

namespace ringtrain::acceptance {
namespace {

using nlohmann::json;

struct Place {
  std::string device;
  std::unique_ptr<Communicator> communicator;
};

Place place_of(World& world, const RankOptions& options) {
  RunConfig config;
  config.trainer.share_gpus = options.share_gpus;
  Place place;
  place.device = choose_device(world, config);
  place.communicator = make_communicator(world, "auto", place.device);
  return place;
}

class Check {
 public:
  Check(World& world, Communicator& communicator, at::Device device)
      : communicator_(communicator), device_(device), ranks_(world.world_size()), rank_(world.rank()) {
    // Sums of all ranks must be exact in uint8 and in the 8 digits of bfloat16.
    most_ = std::min<std::int64_t>(13, 255 / ranks_ + 1);
  }

  /// Element `i` of rank `rank`.
  std::int64_t element(std::int64_t rank, std::int64_t i) const {
    return (i * 7 + rank * 5 + (i / 13) * rank) % most_;
  }
  std::int64_t reduced(ReduceOp op, std::int64_t i) const {
    std::int64_t result = element(0, i);
    for (int r = 1; r < ranks_; ++r) {
      if (op == ReduceOp::sum) result += element(r, i);
      if (op == ReduceOp::max) result = std::max(result, element(r, i));
      if (op == ReduceOp::min) result = std::min(result, element(r, i));
    }
    return result;
  }
  at::Tensor made(at::ScalarType dtype, std::int64_t numel,
                  const std::function<std::int64_t(std::int64_t)>& of) const {
    const at::Tensor values = at::empty({numel}, at::kLong);
    auto* to = values.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < numel; ++i) to[i] = of(i);
    return values.to(dtype).to(device_);
  }
  at::Tensor mine(at::ScalarType dtype, std::int64_t numel) const {
    return made(dtype, numel, [this](auto i) { return element(rank_, i); });
  }
  at::Tensor spoiled(at::ScalarType dtype, std::int64_t numel) const {
    return made(dtype, numel, [](auto) { return 99; });
  }

  void expect(const std::string& what, const at::Tensor& found, const at::Tensor& expected) {
    ++cases_;
    if (at::equal(found, expected)) return;
    if (failures_.size() >= 10) return;  // the first ones tell enough
    const at::Tensor wrong = found.ne(expected).nonzero();
    const auto place = wrong[0][0].item<std::int64_t>();
    failures_.push_back(fmt::format("rank {}: {}: {} of {} elements are wrong, element {} is {}, expected {}",
                                    rank_, what, wrong.size(0), found.numel(), place,
                                    found[place].item<double>(), expected[place].item<double>()));
  }

  void all(at::ScalarType dtype, std::int64_t numel) {
    const std::string of = fmt::format(" of {} {}", numel, c10::toString(dtype));
    for (const auto op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min}) {
      static constexpr const char* names[] = {"sum", "max", "min"};
      const at::Tensor expected = made(dtype, numel, [&](auto i) { return reduced(op, i); });
      at::Tensor tensor = mine(dtype, numel);
      communicator_.all_reduce(tensor, op).wait();
      expect(fmt::format("all_reduce ({}){}", names[static_cast<int>(op)], of), tensor, expected);
    }
    const at::Tensor sums = made(dtype, numel, [&](auto i) { return reduced(ReduceOp::sum, i); });
    std::vector<at::Tensor> tensors;
    std::vector<Work> works;
    for (int i = 0; i < 3; ++i) {
      tensors.push_back(
          communicator_.allocate(numel, at::TensorOptions(dtype).device(device_)).copy_(mine(dtype, numel)));
      works.push_back(communicator_.all_reduce(tensors.back()));
    }
    for (auto work = works.rbegin(); work != works.rend(); ++work) work->wait();
    for (const auto& tensor : tensors) expect("one of three all_reduce under way" + of, tensor, sums);

    for (int root = 0; root < ranks_; root = root + 1 < ranks_ && ranks_ > 8 ? ranks_ - 1 : root + 1) {
      at::Tensor tensor = rank_ == root ? mine(dtype, numel) : spoiled(dtype, numel);
      communicator_.broadcast(tensor, root).wait();
      expect(fmt::format("broadcast from rank {}{}", root, of), tensor,
             made(dtype, numel, [&](auto i) { return element(root, i); }));
    }
    at::Tensor part = spoiled(dtype, numel);
    communicator_.reduce_scatter(part, mine(dtype, numel * ranks_)).wait();
    expect("reduce_scatter" + of, part,
           made(dtype, numel, [&](auto i) { return reduced(ReduceOp::sum, rank_ * numel + i); }));
    at::Tensor whole = spoiled(dtype, numel * ranks_);
    communicator_.all_gather(whole, mine(dtype, numel)).wait();
    expect("all_gather" + of, whole,
           made(dtype, numel * ranks_, [&](auto i) { return element(i / numel, i % numel); }));
  }

  int cases() const { return cases_; }
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  Communicator& communicator_;
  at::Device device_;
  int ranks_, rank_;
  std::int64_t most_ = 13;
  int cases_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace

json check_collectives(World& world, const RankOptions& options) {
  const Place place = place_of(world, options);
  Check check(world, *place.communicator, at::Device(place.device));
  std::vector<at::ScalarType> types{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong, at::kInt};
  if (world.world_size() <= 255) types.push_back(at::kByte);
  std::vector<std::int64_t> sizes{0, 1, 7, 1023, 100003};
  if (!options.quick) sizes.push_back(1000003);
  for (const auto dtype : types)
    for (const auto numel : sizes) check.all(dtype, numel);
  {
    const auto second = place.communicator->duplicate();
    Check on_second(world, *second, at::Device(place.device));
    on_second.all(at::kFloat, 1023);
    second->barrier();
    check.all(at::kFloat, 1023);
    for (const auto& failure : on_second.failures())
      check.expect("on a duplicate: " + failure, at::zeros({1}), at::ones({1}));
  }
  json result{{"backend", place.communicator->backend()}, {"cases", check.cases()}};
  result["devices"] = all_gather_strings(world.control(), fmt::format("{}: {}", world.host(), place.device));
  result["failures"] = json::array();
  for (const auto& text : all_gather_strings(world.control(), json(check.failures()).dump()))
    for (const auto& failure : json::parse(text)) result["failures"].push_back(failure);
  return result;
}

json measure_bandwidth(World& world, const RankOptions& options) {
  using Clock = std::chrono::steady_clock;
  const Place place = place_of(world, options);
  const at::Device device(place.device);
  json result{{"backend", place.communicator->backend()}, {"rows", json::array()}};
  const std::int64_t largest = options.quick ? 4 << 20 : 256 << 20;
  for (std::int64_t bytes = 4096; bytes <= largest; bytes *= 4) {
    const auto tensor = place.communicator->allocate(bytes / 4, at::TensorOptions(at::kFloat).device(device));
    const auto seconds_of = [&](int count) {
      world.control().barrier();
      const auto begin = Clock::now();
      for (int i = 0; i < count; ++i) place.communicator->all_reduce(tensor).wait();
      if (!device.is_cpu()) (void)tensor[0].item<float>();  // waits for the device
      const at::Tensor slowest =
          at::full({1}, std::chrono::duration<double>(Clock::now() - begin).count() / count, at::kDouble);
      world.control().all_reduce(slowest, ReduceOp::max).wait();
      return slowest.item<double>();
    };
    seconds_of(2);
    const double once = seconds_of(1);
    const double seconds = seconds_of(static_cast<int>(std::clamp(0.3 / std::max(once, 1e-7), 1.0, 1000.0)));
    const double ranks = world.world_size();
    result["rows"].push_back(
        {{"bytes", bytes},
         {"seconds", seconds},
         {"bus_bytes_a_second", 2 * (ranks - 1) / ranks * static_cast<double>(bytes) / seconds}});
  }
  return result;
}

}  // namespace ringtrain::acceptance
