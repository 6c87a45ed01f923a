#pragma once

#include <cstdint>
#include <vector>

#include "models/model.h"

namespace ringtrain {

/// The option `image` of models that read feature columns as pixels: channels, height, width.
void describe_image(config::Visitor& v, std::vector<std::int64_t>& image);

/// Throws ConfigError when the data has not as many features as the image has pixels.
void require_pixels(const std::vector<std::int64_t>& image, const ModelShape& shape);

}  // namespace ringtrain
