#include "trainer/setup/device.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace ringtrain {
namespace {

TEST(GpuArithmetic, IsWhatTheConfigurationSays) {
  const auto& context = at::globalContext();
  for (const auto& [tf32, convolutions, products] :
       {std::tuple{"none", false, false}, {"all", true, true}, {"convolutions", true, false}})
    for (const bool search : {true, false}) {
      TrainerConfig config;
      config.tf32 = tf32;
      config.cudnn_search = search;
      set_gpu_arithmetic(config);
      EXPECT_EQ(context.allowTF32CuDNN(at::Float32Op::CONV), convolutions) << tf32;
      EXPECT_EQ(context.allowTF32CuBLAS(), products) << tf32;
      EXPECT_EQ(context.benchmarkCuDNN(), search);
    }
}

}  // namespace
}  // namespace ringtrain
