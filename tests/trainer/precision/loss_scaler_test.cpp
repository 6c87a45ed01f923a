#include "trainer/precision/loss_scaler.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

void good(LossScaler& scaler, int steps) {
  for (int i = 0; i < steps; ++i) scaler.update(true);
}

TEST(LossScaler, DoublesAfterTwoThousandGoodStepsInARow) {
  LossScaler scaler;
  EXPECT_EQ(scaler.scale(), 65536);
  good(scaler, 1999);
  EXPECT_EQ(scaler.scale(), 65536);
  good(scaler, 1);
  EXPECT_EQ(scaler.scale(), 131072);
  good(scaler, 1999);
  scaler.update(false);
  EXPECT_EQ(scaler.scale(), 65536);
  good(scaler, 1999);  // counted from the bad one
  EXPECT_EQ(scaler.scale(), 65536);
  good(scaler, 1);
  EXPECT_EQ(scaler.scale(), 131072);
}

TEST(LossScaler, GrowsNoLongerThanFloat32Holds) {
  LossScaler scaler = LossScaler::from_json({{"scale", 0x1p127}, {"good_steps", 1999}});
  good(scaler, 1);
  EXPECT_EQ(scaler.scale(), 0x1p127);
}

TEST(LossScaler, EndsBelowOne) {
  LossScaler scaler;
  for (int i = 0; i < 16; ++i) scaler.update(false);
  EXPECT_EQ(scaler.scale(), 1);
  try {
    scaler.update(false);
    FAIL() << "no error";
  } catch (const TrainingError& error) {
    EXPECT_NE(std::string(error.what()).find("trainer.precision: bfloat16"), std::string::npos)
        << error.what();
  }
}

TEST(LossScaler, GoesOnFromItsState) {
  LossScaler scaler;
  scaler.update(false);
  good(scaler, 1500);
  LossScaler resumed = LossScaler::from_json(nlohmann::json::parse(scaler.to_json().dump()));
  EXPECT_EQ(resumed.scale(), 32768);
  good(resumed, 499);
  EXPECT_EQ(resumed.scale(), 32768);
  good(resumed, 1);
  EXPECT_EQ(resumed.scale(), 65536);
}

TEST(LossScaler, RefusesWhatIsNoState) {
  for (const char* text : {"{}", "[]", R"({"scale": 0.5, "good_steps": 0})",
                           R"({"scale": "x", "good_steps": 0})", R"({"scale": 2, "good_steps": -1})"})
    EXPECT_THROW(LossScaler::from_json(nlohmann::json::parse(text)), CheckpointError) << text;
}

}  // namespace
}  // namespace ringtrain
