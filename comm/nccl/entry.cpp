#include "comm/nccl/entry.h"

#include <c10/core/Device.h>

#include "comm/nccl/cuda_graph.h"
#include "comm/nccl/nccl_communicator.h"

namespace ringtrain::nccl {
namespace {

c10::Device place_of(const std::string& device) {
  c10::Device place(device);
  if (!place.has_index()) place.set_index(0);
  return place;
}

const Entry kEntry{
    .make_communicator = [](Communicator& control, const std::string& device) -> Communicator* {
      return new NcclCommunicator(control.duplicate(), place_of(device));
    },
    .use_own_stream = [](const std::string& device) { use_own_stream(place_of(device)); },
    .record = [](const std::string& device, const std::function<void()>& work) -> DeviceGraph* {
      return record_cuda_graph(place_of(device), work).release();
    }};

}  // namespace
}  // namespace ringtrain::nccl

extern "C" __attribute__((visibility("default"))) const ringtrain::nccl::Entry* ringtrain_nccl_entry() {
  return &ringtrain::nccl::kEntry;
}
