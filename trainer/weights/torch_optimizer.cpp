#include "trainer/weights/torch_optimizer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/errors.h"
#include "common/text.h"
#include "trainer/step/replica.h"

namespace ringtrain {
namespace {

constexpr const char* kCount = "step";

std::optional<std::int64_t> count_of(const NamedTensors& state) {
  const auto found = state.find(kCount);
  if (found == state.end() || found->second.numel() != 1) return std::nullopt;
  return static_cast<std::int64_t>(found->second.item<double>());
}

/// A parameter's name in the file, and its PyTorch number.
struct Member {
  std::int64_t number;
  std::string stored;
};

class State {
 public:
  State(const StoredWeights& stored, const FittedWeights& fitted, const OptimizerConfig& config,
        const torch::nn::Module& model)
      : stored_(stored), fitted_(fitted), config_(config), steps_(steps_done(stored)) {
    for (const auto& item : model.named_parameters()) own_[item.key()] = item.value();
  }

  NamedTensors make() {
    const auto& kind = config_.rule.kind();
    const auto theirs = kind.in_pytorch();
    if (!theirs)
      throw CheckpointError(fmt::format(
          "model.weights.optimizer: trainer.optimizer.type: {} is none of torch.optim's", kind.name()));
    compare_options(*theirs);
    for (const auto& member : members()) take(member, *theirs);
    if (!problems_.empty())
      throw CheckpointError(
          fmt::format("model.weights.optimizer: the optimizer of {} does not fit trainer.optimizer:\n  {}",
                      stored_.where, join(problems_, "\n  ")));
    return std::move(result_);
  }

 private:
  void compare(const StoredOptimizer::Group& group, const std::string& name,
               const std::vector<double>& here) {
    const auto there = group.options.find(name);
    if (there == group.options.end() || there->second == here) return;
    const auto text =
        fmt::format("{} is {} there, {} here", name, fmt::join(there->second, ", "), fmt::join(here, ", "));
    if (std::find(problems_.begin(), problems_.end(), text) == problems_.end()) problems_.push_back(text);
  }

  void compare_options(const TorchOptimizer& theirs) {
    for (const auto& group : stored_.optimizer->groups) {
      for (const auto& [name, here] : theirs.options) compare(group, name, here);
      if (config_.groups.empty()) compare(group, "weight_decay", {config_.weight_decay});
    }
  }

  /// The file's parameters, in PyTorch's order.
  std::vector<std::string> parameters() const {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const auto& name : stored_.order) {
      const auto& place = fitted_.places.at(name);
      if (own_.contains(place.name) && seen.insert(place.name).second) names.push_back(name);
    }
    return names;
  }

  /// `name` without what wrappers put before it.
  std::string known_name(std::string name) {
    for (const std::string_view prefix : {"module.", "_orig_mod.", "module."})
      if (!fitted_.places.contains(name) && name.starts_with(prefix)) name = name.substr(prefix.size());
    if (!fitted_.places.contains(name))
      problems_.push_back(fmt::format("it names a parameter '{}' that the weights have not", name));
    return name;
  }

  std::vector<Member> members() {
    const auto& groups = stored_.optimizer->groups;
    std::vector<Member> result;
    const bool named = std::all_of(groups.begin(), groups.end(), [](const auto& group) {
      return group.names.size() == group.members.size();
    });
    if (named) {
      for (const auto& group : groups)
        for (std::size_t i = 0; i < group.members.size(); ++i)
          result.push_back({group.members[i], known_name(group.names[i])});
      return result;
    }
    const auto names = parameters();
    if (groups.size() != 1 || groups[0].members.size() != names.size()) {
      std::size_t count = 0;
      for (const auto& group : groups) count += group.members.size();
      problems_.push_back(fmt::format(
          "it has {} parameters in {} groups, the weights have {}: which is which it does not say. Save it "
          "with names: give torch.optim model.named_parameters(), or set group[\"param_names\"] in each of "
          "its param_groups before torch.save",
          count, groups.size(), names.size()));
      return result;
    }
    for (std::size_t i = 0; i < names.size(); ++i) result.push_back({groups[0].members[i], names[i]});
    return result;
  }

  void take(const Member& member, const TorchOptimizer& theirs) {
    const auto place = fitted_.places.find(member.stored);
    if (place == fitted_.places.end() || !own_.contains(place->second.name)) return;
    const auto& own = own_.at(place->second.name);
    const auto found = stored_.optimizer->state.find(member.number);
    const NamedTensors none;
    const auto& state = found == stored_.optimizer->state.end() ? none : found->second;
    for (const auto& [ours, name] : theirs.state) {
      auto tensor = at::zeros_like(own);  // as of one that was never updated
      if (const auto kept = state.find(name); kept != state.end())
        tensor = place->second.transposed && kept->second.dim() == 2 ? kept->second.t() : kept->second;
      else if (count_of(state))
        problems_.push_back(fmt::format("'{}' has no {}", member.stored, name));
      if (tensor.sizes() != own.sizes())
        problems_.push_back(fmt::format("the {} of '{}' is [{}], the parameter [{}]", name, member.stored,
                                        fmt::join(tensor.sizes(), ", "), fmt::join(own.sizes(), ", ")));
      result_[state_name(ours, place->second.name)] = tensor;
    }
    for (const auto& [name, tensor] : state) {
      const auto is_known = [&name = name](const auto& entry) { return entry.second == name; };
      if (name != kCount && std::none_of(theirs.state.begin(), theirs.state.end(), is_known))
        problems_.push_back(fmt::format("'{}' has a {}, which {} does not keep", member.stored, name,
                                        config_.rule.kind().name()));
    }
    count(place->second.name, state);
  }

  void count(const std::string& name, const NamedTensors& state) {
    if (!config_.rule.kind().needs_counts()) return;
    const std::int64_t done = count_of(state).value_or(0);
    if (done > steps_)
      problems_.push_back(fmt::format(
          "'{}' was updated {} times in {} steps; \"step\" counts optimizer steps", name, done, steps_));
    if (done < steps_) result_[state_name(kSkippedSteps, name)] = at::scalar_tensor(steps_ - done, at::kLong);
  }

  const StoredWeights& stored_;
  const FittedWeights& fitted_;
  const OptimizerConfig& config_;
  std::int64_t steps_;
  NamedTensors own_, result_;
  std::vector<std::string> problems_;
};

}  // namespace

std::int64_t steps_done(const StoredWeights& stored) {
  const auto refuse = [&stored](std::string_view why) {
    throw CheckpointError(
        fmt::format("model.weights.optimizer: {} {}. Expected torch.save({{\"model\": model.state_dict(), "
                    "\"optimizer\": optimizer.state_dict(), \"step\": optimizer steps done}}, FILE)",
                    stored.where, why));
  };
  if (!stored.optimizer) refuse("has no state of an optimizer");
  if (stored.step) {
    if (*stored.step < 0) refuse("has a \"step\" below 0");
    return *stored.step;
  }
  std::optional<std::int64_t> most;
  for (const auto& [number, state] : stored.optimizer->state)
    if (const auto count = count_of(state)) most = std::max(most.value_or(0), *count);
  if (!most) refuse("does not say how many steps it has done");
  return *most;
}

NamedTensors optimizer_state(const StoredWeights& stored, const FittedWeights& fitted,
                             const OptimizerConfig& config, const torch::nn::Module& model) {
  return State(stored, fitted, config, model).make();
}

}  // namespace ringtrain
