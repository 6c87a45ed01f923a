#include "comm/nccl/nccl_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "comm/nccl/entry.h"
#include "common/errors.h"

namespace ringtrain::nccl {
namespace {

constexpr const char* library_name = "libringtrain_nccl.so";

// Where the library may be: lib/ beside the folder of the program, beside the file that holds this code (a
// program or a shared library), then wherever the dynamic linker looks.
std::vector<std::string> places() {
  std::vector<std::string> found;
  const auto beside = [&](const std::filesystem::path& file) {
    found.push_back((file.parent_path().parent_path() / "lib" / library_name).string());
    found.push_back((file.parent_path() / library_name).string());
  };
  std::error_code error;
  if (const auto program = std::filesystem::read_symlink("/proc/self/exe", error); !error) beside(program);
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&library_name), &here) != 0 && here.dli_fname) {
    const auto file = std::filesystem::canonical(here.dli_fname, error);
    if (!error) beside(file);
  }
  found.push_back(library_name);
  return found;
}

// Never closed: LibTorch's CUDA part cannot be unloaded.
void* open() {
  std::string tried;
  for (const std::string& place : places()) {
    if (place.find('/') != std::string::npos && !std::filesystem::exists(place)) {
      tried += fmt::format("\n  {}: not there", place);
      continue;
    }
    if (void* library = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    tried += fmt::format("\n  {}", ::dlerror());
  }
  throw ConfigError(fmt::format("{} cannot be loaded; GPUs need it:{}", library_name, tried));
}

const Entry& entry() {
  const auto point = reinterpret_cast<EntryPoint>(::dlsym(open(), entry_point_name));
  if (!point)
    throw ConfigError(fmt::format("{} lacks {}: it is of another build", library_name, entry_point_name));
  return *point();
}

}  // namespace

bool is_built() {
#ifdef RINGTRAIN_HAS_NCCL
  return true;
#else
  return false;
#endif
}

void load() { entry(); }

std::unique_ptr<Communicator> make(Communicator& control, const std::string& device) {
  return std::unique_ptr<Communicator>(entry().make_communicator(control, device));
}

void use_own_stream(const std::string& device) { entry().use_own_stream(device); }

GraphRecorder graph_recorder(const std::string& device) {
  return [device](const std::function<void()>& work) {
    return std::unique_ptr<DeviceGraph>(entry().record(device, work));
  };
}

}  // namespace ringtrain::nccl
