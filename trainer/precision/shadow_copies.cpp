#include "trainer/precision/shadow_copies.h"

#include <ATen/ATen.h>

namespace ringtrain {

ShadowCopies::ShadowCopies(const FlatParameters& parameters, c10::ScalarType type) : parameters_(parameters) {
  for (const auto& group : parameters.groups()) flats_.push_back(at::empty_like(group.values, type));
  for (const auto& entry : parameters.entries())
    shadow_.add(entry.parameter, parameters.view(flats_[entry.group], entry));
}

void ShadowCopies::refresh() {
  for (std::size_t g = 0; g < flats_.size(); ++g) flats_[g].copy_(parameters_.groups()[g].values);
}

}  // namespace ringtrain
