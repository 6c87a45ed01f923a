#include "comm/gpu.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace ringtrain {
namespace {

// The few functions of the driver, as cuda.h declares them.
struct Uuid {
  std::array<unsigned char, 16> bytes;
};
using Init = int (*)(unsigned);
using GetCount = int (*)(int*);
using GetDevice = int (*)(int*, int);
using GetUuid = int (*)(Uuid*, int);
using GetPciBusId = int (*)(char*, int, int);

template <class Function>
Function symbol(void* library, const char* name) {
  return reinterpret_cast<Function>(::dlsym(library, name));
}

std::string text_of(const Uuid& uuid) {
  std::string text = "GPU-";
  for (unsigned char byte : uuid.bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Gpus none(std::string why) { return {.ids = {}, .pci = {}, .why_none = std::move(why)}; }

}  // namespace

Gpus find_gpus() {
  // Without the driver's device file the library could only fail; /dev/dxg is Windows' way.
  if (!std::filesystem::exists("/dev/nvidiactl") && !std::filesystem::exists("/dev/dxg"))
    return none("no NVIDIA driver: /dev/nvidiactl is not there");
  // Kept open: a driver that was once initialised must not be unmapped.
  void* library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return none("no NVIDIA driver: libcuda.so.1 is not there");
  const auto init = symbol<Init>(library, "cuInit");
  const auto get_count = symbol<GetCount>(library, "cuDeviceGetCount");
  const auto get_device = symbol<GetDevice>(library, "cuDeviceGet");
  auto get_uuid = symbol<GetUuid>(library, "cuDeviceGetUuid_v2");  // of a MIG slice, where there are slices
  if (!get_uuid) get_uuid = symbol<GetUuid>(library, "cuDeviceGetUuid");
  if (!init || !get_count || !get_device || !get_uuid) return none("libcuda.so.1 is no NVIDIA driver");

  const auto get_bus_id = symbol<GetPciBusId>(library, "cuDeviceGetPCIBusId");

  if (const int code = init(0); code != 0) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return none(fmt::format("the NVIDIA driver's cuInit gave error {}{}", code,
                            visible ? fmt::format(" (CUDA_VISIBLE_DEVICES={})", visible) : ""));
  }
  int count = 0;
  if (const int code = get_count(&count); code != 0)
    return none(fmt::format("cuDeviceGetCount gave error {}", code));
  Gpus found;
  for (int index = 0; index < count; ++index) {
    int device = 0;
    Uuid uuid{};
    if (get_device(&device, index) != 0 || get_uuid(&uuid, device) != 0)
      found.ids.push_back(fmt::format("index-{}", index));
    else
      found.ids.push_back(text_of(uuid));
    std::array<char, 32> bus{};
    const bool known = get_bus_id && get_bus_id(bus.data(), static_cast<int>(bus.size()), device) == 0;
    found.pci.emplace_back(known ? bus.data() : "");
  }
  if (found.ids.empty()) found.why_none = "the NVIDIA driver sees no GPU";
  return found;
}

bool has_nvidia_gpu(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  // What CUDA takes for no device: nothing, or a number below zero.
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"))
    if (*visible == '\0' || *visible == '-' || std::string_view(visible) == "NoDevFiles") return false;
  std::error_code ignored;
  if (fs::exists(root / "dev/nvidia0", ignored)) return true;
  // Display controllers and accelerators (class 03) of NVIDIA, on the bus.
  for (fs::directory_iterator entry(root / "sys/bus/pci/devices", ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    std::string vendor, kind;
    std::ifstream(entry->path() / "vendor") >> vendor;
    std::ifstream(entry->path() / "class") >> kind;
    if (vendor == "0x10de" && kind.starts_with("0x03")) return true;
  }
  return false;
}

}  // namespace ringtrain
