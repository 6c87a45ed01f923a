// libFuzzer's target for the reader of safetensors files: any bytes give tensors or a CheckpointError.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/errors.h"
#include "trainer/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto tensors =
        ringtrain::read_safetensors({reinterpret_cast<const char*>(data), size}, "model.safetensors");
    // What was read can be written, and is the same again.
    if (ringtrain::read_safetensors(ringtrain::write_safetensors(tensors), "again").size() != tensors.size())
      std::abort();
  } catch (const ringtrain::CheckpointError&) {
  }
  return 0;
}
