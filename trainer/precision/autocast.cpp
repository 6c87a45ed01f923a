#include "trainer/precision/autocast.h"

namespace ringtrain {

c10::ScalarType parameter_type(const std::string& precision) {
  return precision == "float64" ? c10::kDouble : c10::kFloat;
}

std::optional<c10::ScalarType> autocast_type(const std::string& precision) {
  if (precision == "bfloat16") return c10::kBFloat16;
  if (precision == "float16") return c10::kHalf;
  return std::nullopt;
}

}  // namespace ringtrain
