#include "trainer/optimizer/parameter_groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"

namespace ringtrain {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

}  // namespace

ParameterGroups::ParameterGroups(const OptimizerConfig& config, const torch::nn::Module& module,
                                 std::int64_t step)
    : config_(config), step_(step), counted_(config.groups.size()) {
  std::vector<std::string> names;
  std::set<const c10::TensorImpl*> seen;
  std::int64_t trained = 0;
  for (const auto& item : module.named_parameters()) {
    if (!seen.insert(item.value().unsafeGetTensorImpl()).second) continue;
    names.push_back(item.key());
    std::size_t kind = 0;
    for (std::size_t g = 0; g < config.groups.size() && kind == 0; ++g)
      for (const auto& pattern : config.groups[g].match)
        if (matches(pattern, item.key())) kind = g + 1;
    kinds_[item.key()] = kind;
    if (kind > 0) {
      ++counted_[kind - 1].parameters;
      counted_[kind - 1].numbers += item.value().numel();
    }
    trained += kind == 0 || !config.groups[kind - 1].frozen_at(step) ? 1 : 0;
  }
  std::vector<std::string> problems;
  for (std::size_t g = 0; g < config.groups.size(); ++g)
    for (const auto& pattern : config.groups[g].match)
      if (std::none_of(names.begin(), names.end(), [&](const auto& name) { return matches(pattern, name); }))
        problems.push_back(fmt::format("trainer.optimizer.groups[{}].match: no parameter matches '{}'.{}", g,
                                       pattern, did_you_mean(pattern, names)));
  for (std::size_t g = 0; g < counted_.size() && problems.empty(); ++g)
    if (counted_[g].parameters == 0)
      problems.push_back(
          fmt::format("trainer.optimizer.groups[{}].match: all parameters that it matches belong to groups "
                      "before it; the "
                      "first match counts",
                      g));
  if (!problems.empty())
    throw ConfigError(
        fmt::format("{}\nthe model's parameters are: {}", fmt::join(problems, "\n"), shortened(names)));
  if (trained == 0 && !names.empty())
    throw ConfigError(fmt::format(
        "trainer.optimizer.groups: at step {} every parameter is frozen; nothing is left to be trained",
        step));
}

std::size_t ParameterGroups::kind_of(const std::string& name) const {
  const auto found = kinds_.find(name);
  return found == kinds_.end() ? 0 : found->second;
}

void ParameterGroups::freeze(torch::nn::Module& module) const {
  for (auto& item : module.named_parameters())
    if (const std::size_t kind = kind_of(item.key()); kind > 0 && config_.groups[kind - 1].frozen_at(step_))
      item.value().set_requires_grad(false);
}

std::optional<std::int64_t> ParameterGroups::until() const {
  std::optional<std::int64_t> first;
  for (const auto& group : config_.groups)
    if (!group.freeze && step_ < group.freeze_until)
      first = std::min(first.value_or(group.freeze_until), group.freeze_until);
  return first;
}

std::vector<std::string> ParameterGroups::lines() const {
  std::vector<std::string> lines;
  for (std::size_t g = 0; g < counted_.size(); ++g) {
    const auto& group = config_.groups[g];
    std::string how = group.freeze             ? ", frozen"
                      : group.frozen_at(step_) ? fmt::format(", frozen until step {}", group.freeze_until)
                                               : "";
    if (group.weight_decay >= 0) how += fmt::format(", weight_decay {}", group.weight_decay);
    if (group.lr_scale != 1) how += fmt::format(", learning rate times {}", group.lr_scale);
    lines.push_back(fmt::format("group {} ({}): {} parameters, {} numbers{}", g + 1, join(group.match),
                                with_commas(counted_[g].parameters), with_commas(counted_[g].numbers), how));
  }
  return lines;
}

}  // namespace ringtrain
