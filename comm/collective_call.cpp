#include "comm/collective_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "comm/checks.h"
#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

/// "0-1, 3"
std::string ranges_of(const std::vector<std::size_t>& ranks) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < ranks.size();) {
    std::size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    parts.push_back(last == i ? std::to_string(ranks[i]) : fmt::format("{}-{}", ranks[i], ranks[last]));
    i = last + 1;
  }
  return join(parts);
}

CollectiveCall call_of(CollectiveCall::Kind kind, const at::Tensor& tensor, std::int64_t detail = 0) {
  return {kind, tensor.numel(), static_cast<std::int64_t>(tensor.scalar_type()), detail};
}

}  // namespace

CollectiveCall CollectiveCall::all_reduce(const at::Tensor& tensor, ReduceOp op) {
  return call_of(Kind::all_reduce, tensor, static_cast<std::int64_t>(op));
}

CollectiveCall CollectiveCall::broadcast(const at::Tensor& tensor, int root) {
  return call_of(Kind::broadcast, tensor, root);
}

CollectiveCall CollectiveCall::reduce_scatter(const at::Tensor& input) {
  return call_of(Kind::reduce_scatter, input);
}

CollectiveCall CollectiveCall::all_gather(const at::Tensor& input) {
  return call_of(Kind::all_gather, input);
}

CollectiveCall CollectiveCall::all_to_all(const at::Tensor& input) {
  return call_of(Kind::all_to_all, input);
}

CollectiveCall CollectiveCall::allocate(std::int64_t numel, at::ScalarType dtype) {
  return {Kind::allocate, numel, static_cast<std::int64_t>(dtype), 0};
}

std::string CollectiveCall::text() const {
  static constexpr const char* operations[] = {"sum", "max", "min"};
  const auto tensor = [this] {
    return fmt::format("{} {}", numel, checks::dtype_name(static_cast<at::ScalarType>(dtype)));
  };
  switch (kind) {
    case Kind::all_reduce:
      return fmt::format("all_reduce of {} ({})", tensor(), operations[detail]);
    case Kind::broadcast:
      return fmt::format("broadcast of {} from rank {}", tensor(), detail);
    case Kind::reduce_scatter:
      return fmt::format("reduce_scatter of {}", tensor());
    case Kind::all_gather:
      return fmt::format("all_gather of {}", tensor());
    case Kind::all_to_all:
      return fmt::format("all_to_all of {}", tensor());
    case Kind::barrier:
      return "barrier";
    case Kind::duplicate:
      return "duplicate";
    case Kind::allocate:
      return fmt::format("allocate of {}", tensor());
    default:
      return "a call with arguments that were refused there (its own error says why)";
  }
}

void require_same(std::span<const CollectiveCall> calls, std::string_view who) {
  std::vector<std::pair<CollectiveCall, std::vector<std::size_t>>> groups;  // in order of their first rank
  for (std::size_t r = 0; r < calls.size(); ++r) {
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return group.first == calls[r]; });
    if (same == groups.end())
      groups.push_back({calls[r], {r}});
    else
      same->second.push_back(r);
  }
  if (groups.size() <= 1) return;
  std::vector<std::string> texts;
  for (const auto& [call, ranks] : groups)
    texts.push_back(
        fmt::format("{}{} {} {}", who, ranks.size() == 1 ? "" : "s", ranges_of(ranks), call.text()));
  throw CommError(
      fmt::format("ranks called different collectives: {}; every rank must call the same ones in the same "
                  "order, with tensors of one type and size",
                  join(texts, "; ")));
}

}  // namespace ringtrain
