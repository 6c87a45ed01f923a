#include "trainer/checkpoint/found_checkpoint.h"

#include <charconv>

namespace ringtrain {

std::optional<FoundCheckpoint> find_checkpoint(const std::filesystem::path& folder) {
  const auto whole = std::filesystem::absolute(folder / "").lexically_normal().parent_path();
  const auto name = whole.filename().string();
  constexpr std::string_view prefix = "step-";
  if (name.starts_with(prefix)) {
    std::int64_t step = 0;
    const auto* last = name.data() + name.size();
    const auto [end, error] = std::from_chars(name.data() + prefix.size(), last, step);
    if (error == std::errc() && end == last && step >= 0)
      return FoundCheckpoint{CheckpointStore(whole.parent_path()), step};
  }
  for (const char* inner : {"checkpoints", "training"}) {
    const CheckpointStore store(whole / inner);
    const auto steps = store.steps();
    if (!steps.empty()) return FoundCheckpoint{store, store.best().value_or(steps.back())};
  }
  return std::nullopt;
}

}  // namespace ringtrain
