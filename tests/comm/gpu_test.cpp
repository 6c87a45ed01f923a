#include "comm/gpu.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// A machine with some devices on its bus.
class Gpu : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("gpu-test-" + std::to_string(::getpid()));
    fs::create_directories(root_ / "dev");
    ::unsetenv("CUDA_VISIBLE_DEVICES");
  }
  void TearDown() override {
    fs::remove_all(root_);
    ::unsetenv("CUDA_VISIBLE_DEVICES");
  }
  void plug_in(const std::string& place, const std::string& vendor, const std::string& kind) const {
    const auto folder = root_ / "sys/bus/pci/devices" / place;
    fs::create_directories(folder);
    std::ofstream(folder / "vendor") << vendor << "\n";
    std::ofstream(folder / "class") << kind << "\n";
  }
  fs::path root_;
};

TEST_F(Gpu, IsSeenByTheKernelWithoutADriver) {
  EXPECT_FALSE(has_nvidia_gpu(root_));
  plug_in("0000:00:02.0", "0x8086", "0x030000");
  plug_in("0000:01:00.1", "0x10de", "0x040300");  // the sound of a graphics card
  EXPECT_FALSE(has_nvidia_gpu(root_));
  plug_in("0000:01:00.0", "0x10de", "0x030200");
  EXPECT_TRUE(has_nvidia_gpu(root_));
}

TEST_F(Gpu, IsSeenByItsDeviceFile) {
  std::ofstream(root_ / "dev/nvidia0") << "";
  EXPECT_TRUE(has_nvidia_gpu(root_));
}

TEST_F(Gpu, IsNotMissedWhereItIsHiddenOnPurpose) {
  std::ofstream(root_ / "dev/nvidia0") << "";
  for (const char* hidden : {"", "-1", "NoDevFiles"}) {
    ::setenv("CUDA_VISIBLE_DEVICES", hidden, 1);
    EXPECT_FALSE(has_nvidia_gpu(root_)) << hidden;
  }
  ::setenv("CUDA_VISIBLE_DEVICES", "0", 1);
  EXPECT_TRUE(has_nvidia_gpu(root_));
}

}  // namespace
}  // namespace ringtrain
