// libFuzzer's target for the reader of configurations: any text gives a configuration or a ConfigError.
#include <cstdint>
#include <string>

#include "common/errors.h"
#include "trainer/run_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    ringtrain::RunConfig::from_text(std::string(reinterpret_cast<const char*>(data), size), "config.yaml")
        .to_yaml();
  } catch (const ringtrain::ConfigError&) {
  }
  return 0;
}
