#include "trainer/weights/weight_fit.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <algorithm>
#include <set>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostNames = 12;
constexpr std::string_view kBatches = "num_batches_tracked";

/// The first of them, and how many more there are.
std::string shown(const std::vector<std::string>& names) {
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNames)));
  const auto more = names.size() - first.size();
  return join(first) + (more > 0 ? fmt::format(" and {} more", more) : "");
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

/// Puts stored weights and a model's side by side.
class Fit {
 public:
  Fit(const StoredWeights& stored, const WeightsConfig& config, const PublishedForm* form,
      const torch::nn::Module& model)
      : stored_(stored), config_(config) {
    for (const auto& item : model.named_parameters()) own_[item.key()] = item.value();
    for (const auto& item : model.named_buffers()) own_[item.key()] = item.value();
    find_places(form);
    for (const auto& [name, place] : result_.places) take(name, place);
    look_for_missing();
    look_for_idle_patterns();
    if (form && !stored.config.empty())
      for (auto& difference : form->differences(stored.config))
        lists_["computed otherwise"].push_back(difference);
  }

  FittedWeights result() {
    require_something();
    if (!errors_.empty() || !not_finite_.empty() || (config_.strict && !lists_.empty()))
      throw CheckpointError(problems());
    tell();
    return std::move(result_);
  }

 private:
  void find_places(const PublishedForm* form) {
    PublishedForm::Tensors renamed;
    std::map<std::string, std::string> stored_names;
    std::set<const RenameConfig*> used;
    for (const auto& [name, tensor] : stored_.tensors) {
      auto now = name;
      const auto rule = std::find_if(config_.rename.begin(), config_.rename.end(),
                                     [&now](const RenameConfig& one) { return one.apply(now); });
      if (rule != config_.rename.end()) used.insert(&*rule);
      if (!stored_names.emplace(now, name).second)
        errors_.push_back(fmt::format("model.weights.rename: '{}' and '{}' both become '{}'",
                                      stored_names[now], name, now));
      renamed[now] = tensor;
    }
    for (const auto& rule : config_.rename)
      if (!used.contains(&rule))
        errors_.push_back(fmt::format("model.weights.rename: '{}' matches no name in the file", rule.match));
    if (form) {
      for (auto& [now, place] : form->places(renamed))
        result_.places[stored_names.at(now)] = std::move(place);
    } else {
      for (const auto& [now, name] : stored_names) result_.places[name] = {now};
    }
  }

  void take(const std::string& stored_name, const WeightPlace& place) {
    if (place.name.empty()) return;
    if (matches_any(config_.ignore, stored_name) || matches_any(config_.ignore, place.name)) {
      ++left_out_;
      return;
    }
    const auto found = own_.find(place.name);
    const auto shown_name = place.name == stored_name ? stored_name : stored_name + " → " + place.name;
    if (found == own_.end()) {
      lists_["not in the model"].push_back(shown_name);
      return;
    }
    const auto& own = found->second;
    auto tensor = stored_.tensors.at(stored_name);
    if (place.transposed && tensor.dim() == 2) tensor = tensor.t();
    if (tensor.sizes() != own.sizes()) {
      lists_["of another shape"].push_back(fmt::format("{} [{}] there, [{}] here", shown_name,
                                                       fmt::join(tensor.sizes(), ", "),
                                                       fmt::join(own.sizes(), ", ")));
      other_shapes_.insert(place.name);
      return;
    }
    if (tensor.is_floating_point() != own.is_floating_point()) {
      errors_.push_back(fmt::format("{} is {} there, {} here", shown_name,
                                    c10::toString(tensor.scalar_type()), c10::toString(own.scalar_type())));
      return;
    }
    if (tensor.scalar_type() != own.scalar_type())
      ++converted_[fmt::format("{} there, {} here", c10::toString(tensor.scalar_type()),
                               c10::toString(own.scalar_type()))];
    tensor = tensor.to(own.scalar_type());
    if (own.is_floating_point() && !at::isfinite(tensor).all().item<bool>())
      not_finite_.push_back(shown_name);
    if (!result_.tensors.emplace(place.name, tensor).second)
      errors_.push_back(fmt::format("two tensors of the file are '{}' here", place.name));
    numbers_ += tensor.numel();
  }

  /// One that is tied to a weight that is there is there too.
  bool is_there(const at::Tensor& own) const {
    return std::any_of(result_.tensors.begin(), result_.tensors.end(), [&](const auto& taken) {
      const auto& other = own_.at(taken.first);
      return own.numel() > 0 && own.has_storage() && other.has_storage() &&
             other.data_ptr() == own.data_ptr() && other.sizes() == own.sizes();
    });
  }

  void look_for_missing() {
    for (const auto& [name, own] : own_) {
      if (result_.tensors.contains(name) || other_shapes_.contains(name)) continue;
      if (matches_any(config_.ignore, name))
        fresh_.push_back(name);
      else if (name.ends_with(kBatches))
        ++uncounted_;
      else if (!is_there(own))
        lists_["missing in the file"].push_back(name);
    }
  }

  void look_for_idle_patterns() {
    for (const auto& pattern : config_.ignore) {
      const auto hits = [&](const auto& entry) { return matches(pattern, entry.first); };
      if (std::none_of(own_.begin(), own_.end(), hits) &&
          std::none_of(stored_.tensors.begin(), stored_.tensors.end(), hits))
        errors_.push_back(fmt::format(
            "model.weights.ignore: '{}' matches no name, neither in the file nor in the model", pattern));
    }
  }

  void require_something() {
    if (!result_.tensors.empty() || !errors_.empty()) return;
    std::vector<std::string> there, here;
    for (const auto& [name, tensor] : stored_.tensors) there.push_back(name);
    for (const auto& [name, tensor] : own_) here.push_back(name);
    lists_.clear();
    errors_.push_back(
        fmt::format("none of its weights fits.\n  names in the file: {}\n  names in the model: {}{}",
                    shown(there), shown(here), rule_for(there)));
  }

  /// Where all names have one word too many before them, the rule that takes it away.
  std::string rule_for(const std::vector<std::string>& there) const {
    const auto dot = there.empty() ? std::string::npos : there.front().find('.');
    if (dot == std::string::npos) return "";
    const auto prefix = there.front().substr(0, dot + 1);
    const auto fits = [&](const std::string& name) {
      return name.starts_with(prefix) && own_.contains(name.substr(prefix.size()));
    };
    if (!std::all_of(there.begin(), there.end(), fits)) return "";
    return fmt::format("\n  set model.weights.rename: {{match: \"{}*\", to: \"*\"}}", prefix);
  }

  std::string problems() const {
    std::string text = fmt::format("model.weights.from: {} does not fit the model:", stored_.where);
    for (const auto& error : errors_) text += "\n  " + error;
    if (!not_finite_.empty()) text += "\n  not finite: " + shown(not_finite_);
    if (!config_.strict) return text;
    for (const auto& [what, names] : lists_) text += fmt::format("\n  {}: {}", what, shown(names));
    if (!lists_.empty())
      text +=
          "\nMend the model block; or give names with model.weights.rename, let weights start at random with "
          "model.weights.ignore, or take what fits with model.weights.strict: false";
    return text;
  }

  void tell() {
    auto& told = result_.told;
    told.push_back(fmt::format("weights of {}: {} tensors, {} numbers", stored_.where, result_.tensors.size(),
                               with_commas(numbers_)));
    for (const auto& [types, count] : converted_)
      told.push_back(fmt::format("{} tensors are {}", count, types));
    if (!fresh_.empty()) told.push_back("model.weights.ignore: these start at random: " + shown(fresh_));
    if (left_out_ > 0)
      told.push_back(fmt::format("model.weights.ignore: {} tensors of the file are left out", left_out_));
    if (uncounted_ > 0)
      told.push_back(fmt::format("{} {} are not in the file; they count from 0", uncounted_, kBatches));
    for (const auto& [what, names] : lists_)
      told.push_back(fmt::format("model.weights.strict: false: {}: {}", what, shown(names)));
  }

  const StoredWeights& stored_;
  const WeightsConfig& config_;
  NamedTensors own_;
  FittedWeights result_;
  std::vector<std::string> errors_, not_finite_, fresh_;
  std::map<std::string, std::vector<std::string>> lists_;  ///< what strict: false lets pass
  std::set<std::string> other_shapes_;
  std::map<std::string, int> converted_;
  int left_out_ = 0, uncounted_ = 0;
  std::int64_t numbers_ = 0;
};

}  // namespace

FittedWeights fit_weights(const StoredWeights& stored, const WeightsConfig& config, const PublishedForm* form,
                          const torch::nn::Module& model) {
  return Fit(stored, config, form, model).result();
}

void take_weights(const FittedWeights& fitted, torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  const auto copy = [&](const auto& item) {
    if (const auto found = fitted.tensors.find(item.key()); found != fitted.tensors.end())
      item.value().copy_(found->second);
  };
  for (const auto& item : model.named_parameters()) copy(item);
  for (const auto& item : model.named_buffers()) copy(item);
}

}  // namespace ringtrain
