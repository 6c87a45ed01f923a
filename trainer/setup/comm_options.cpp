#include "trainer/setup/comm_options.h"

#include <string>

namespace ringtrain {
namespace {

at::ScalarType wire_type(const std::string& name) {
  if (name == "bfloat16") return at::kBFloat16;
  return name == "float16" ? at::kHalf : at::kFloat;
}

}  // namespace

RingOptions ring_options(const CommConfig& config) {
  using Algorithm = RingOptions::Algorithm;
  using Thread = RingOptions::Thread;
  RingOptions options;
  options.algorithm = config.algorithm == "ring"  ? Algorithm::ring
                      : config.algorithm == "mpi" ? Algorithm::mpi
                                                  : Algorithm::automatic;
  options.wire = wire_type(config.wire_dtype);
  options.thread = config.overlap == "on"    ? Thread::on
                   : config.overlap == "off" ? Thread::off
                                             : Thread::automatic;
  return options;
}

AveragerOptions averager_options(const CommConfig& config) {
  using Overlap = AveragerOptions::Overlap;
  AveragerOptions options;
  options.overlap = config.overlap == "on"    ? Overlap::on
                    : config.overlap == "off" ? Overlap::off
                                              : Overlap::automatic;
  options.bucket_bytes = config.bucket_bytes == "auto" ? 0 : std::stoll(config.bucket_bytes);
  return options;
}

}  // namespace ringtrain
