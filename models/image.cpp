#include "models/image.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/errors.h"

namespace ringtrain {

void describe_image(config::Visitor& v, std::vector<std::int64_t>& image) {
  v.field("image", image, "Channels, height and width; the feature columns are its pixels, row by row.",
          config::at_least(1));
  v.require("image", image.size() == 3, "expected three numbers: channels, height, width");
}

void require_pixels(const std::vector<std::int64_t>& image, const ModelShape& shape) {
  const std::int64_t pixels = image[0] * image[1] * image[2];
  if (pixels != shape.features)
    throw ConfigError(
        fmt::format("model.image: {} makes {} pixels, but the data has {} features; mend model.image or "
                    "data.features",
                    fmt::join(image, "×"), pixels, shape.features));
}

}  // namespace ringtrain
