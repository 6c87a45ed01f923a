#include "comm/profile_range.h"

#include <ATen/record_function.h>

#include <cstdio>
#include <string_view>
#include <utility>

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define RINGTRAIN_NVTX 1
#endif

namespace ringtrain {

bool has_nvtx() {
#ifdef RINGTRAIN_NVTX
  return true;
#else
  return false;
#endif
}

ProfileRange::ProfileRange(const char* name) { begin(name); }

ProfileRange::ProfileRange(const char* name, std::size_t number) {
  std::snprintf(text_.data(), text_.size(), "%s %zu", name, number);
  begin(text_.data());
}

void ProfileRange::begin(const char* name) {
#ifdef RINGTRAIN_NVTX
  nvtxRangePushA(name);
#endif
  if (auto callbacks = at::getStepCallbacksUnlessEmpty(at::RecordScope::USER_SCOPE)) {
    auto* function = new at::RecordFunction(std::move(*callbacks));
    function->before(std::string_view(name));
    scope_ = function;
  }
}

ProfileRange::~ProfileRange() {
  delete static_cast<at::RecordFunction*>(scope_);
#ifdef RINGTRAIN_NVTX
  nvtxRangePop();
#endif
}

}  // namespace ringtrain
