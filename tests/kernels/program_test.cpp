// NVRTC needs no GPU: every program of kernels compiles for GPUs of each generation.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "kernel_texts.h"
#include "kernels/program.h"

namespace ringtrain::kernels {
namespace {

TEST(Program, CompileForEveryGpuAndType) {
  for (const auto* capability : {"75", "80", "90", "100"})
    for (const auto type : {c10::kBFloat16, c10::kHalf, c10::kFloat, c10::kDouble}) {
      const auto binary = compiled("cross_entropy", cross_entropy_text, type, capability);
      EXPECT_EQ(binary.substr(1, 3), "ELF") << capability;
      EXPECT_NE(binary.find("cross_entropy_gradient"), std::string::npos);
    }
}

TEST(Program, OfEveryWidth) {
  for (const auto width : {8, 264, 768, 1600, 2048})
    for (const auto type : {c10::kBFloat16, c10::kHalf}) {
      const auto text = fmt::format("#define WIDTH {}\n{}", width, layer_norm_text);
      EXPECT_NE(compiled("layer_norm", text, type, "90").find("layer_norm_gradient"), std::string::npos);
    }
}

TEST(Program, AGpuThatTheCompilerDoesNotKnowGetsATextForItsDriver) {
  const auto text = compiled("cross_entropy", cross_entropy_text, c10::kBFloat16, "999");
  EXPECT_NE(text.find(".target sm_"), std::string::npos);
}

TEST(Program, AMistakeIsToldWithItsPlace) {
  try {
    compiled("broken", "KERNEL broken() { thread = 1; }", c10::kFloat, "90");
    FAIL();
  } catch (const TrainingError& error) {
    EXPECT_NE(std::string(error.what()).find("broken.cu("), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("\"thread\" is undefined"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ringtrain::kernels
