#include "trainer/telemetry/event_file.h"

#include <gtest/gtest.h>

#include "common/files.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

// The files themselves are read by TensorBoard in tests/launch/report.py.

TEST(EventFile, TheChecksumIsThatOfTheSpecification) {
  // RFC 3720, B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

TEST(EventFile, EachProcessHasAFileOfItsOwn) {
  const test::TemporaryFolder folder;
  {
    EventFile first(folder.path() / "tensorboard", 0), second(folder.path() / "tensorboard", 10);
    first.scalar("loss", 1, 0.5);
  }
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path() / "tensorboard")) {
    EXPECT_TRUE(file.path().filename().string().starts_with("events.out.tfevents.")) << file.path();
    ++files;
  }
  EXPECT_EQ(files, 2u);
}

}  // namespace
}  // namespace ringtrain
