#include "comm/nccl/entry.h"

#include <c10/core/Device.h>

#include "comm/nccl/nccl_communicator.h"

extern "C" __attribute__((visibility("default"))) ringtrain::Communicator* ringtrain_make_nccl_communicator(
    ringtrain::Communicator& control, const std::string& device) {
  c10::Device place(device);
  if (!place.has_index()) place.set_index(0);
  return new ringtrain::nccl::NcclCommunicator(control.duplicate(), place);
}
