// What a profiler does: NVTX opens the library that NVTX_INJECTION64_PATH names, and calls what it puts into
// the table. The ranges go as lines to the file that NVTX_LISTENER_FILE names: "+forward", "-".
#include <nvtx3/nvToolsExt.h>

#include <cstdio>
#include <cstdlib>

namespace {

std::FILE* out = nullptr;

int push(const char* name) {
  std::fprintf(out, "+%s\n", name);
  std::fflush(out);
  return 0;
}

int pop() {
  std::fputs("-\n", out);
  std::fflush(out);
  return 0;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(
    NvtxGetExportTableFunc_t get_table) {
  const char* file = std::getenv("NVTX_LISTENER_FILE");
  out = file == nullptr ? nullptr : std::fopen(file, "w");
  if (out == nullptr) return 0;
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned int size = 0;
  if (callbacks == nullptr || callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size) == 0)
    return 0;
  *table[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(push);
  *table[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(pop);
  return 1;
}
