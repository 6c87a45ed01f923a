#include "trainer/optimizer/spans.h"

#include <algorithm>

namespace ringtrain {

std::vector<Span> spans_of(const FlatSlice& slice, const FlatParameters& parameters,
                           const std::vector<std::int64_t>& counts, const std::vector<bool>& unused) {
  struct Piece {
    std::int64_t offset;
    std::size_t entry;
  };
  std::vector<Piece> pieces;
  const auto& entries = parameters.entries();
  for (std::size_t e = 0; e < entries.size(); ++e)
    if (entries[e].group == slice.group) pieces.push_back({entries[e].offset, e});
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.offset < b.offset; });

  const std::int64_t slice_end = slice.begin + slice.values.numel();
  std::vector<Span> spans;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::size_t entry = pieces[i].entry;
    if (!unused.empty() && unused[entry]) continue;
    const std::int64_t begin = std::max(pieces[i].offset, slice.begin);
    const std::int64_t end = std::min(i + 1 < pieces.size() ? pieces[i + 1].offset : slice_end, slice_end);
    if (begin >= end) continue;
    const Span span{begin - slice.begin, end - begin, counts[entry]};
    const bool joins = !spans.empty() && spans.back().begin + spans.back().numel == span.begin &&
                       spans.back().count == span.count;
    if (joins)
      spans.back().numel += span.numel;
    else
      spans.push_back(span);
  }
  return spans;
}

}  // namespace ringtrain
