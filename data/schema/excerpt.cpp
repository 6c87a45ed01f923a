#include "data/schema/excerpt.h"

#include <fmt/format.h>

namespace ringtrain {

std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string shown(text.substr(0, longest));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return fmt::format("'{}{}'", shown, text.size() > longest ? "..." : "");
}

}  // namespace ringtrain
