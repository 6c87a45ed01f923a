#include "serving/repository/version_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "serving/repository/model_repository.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr auto kFile = "versions.json";

std::optional<std::int64_t> number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool holds(const std::vector<std::int64_t>& list, std::int64_t one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

/// nlohmann_json would cut 1.5 to 1, and wrap what does not fit.
std::int64_t whole_number(const json& value, std::string_view field) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > kMost))
    throw ExportError(fmt::format("{}: expected a whole number, got {}", field, value.dump()));
  return value.get<std::int64_t>();
}

std::vector<std::int64_t> whole_numbers(const json& values, std::string_view field) {
  if (!values.is_array())
    throw ExportError(fmt::format("{}: expected a list of whole numbers, got {}", field, values.dump()));
  std::vector<std::int64_t> numbers;
  for (const auto& value : values) numbers.push_back(whole_number(value, field));
  return numbers;
}

void read_policy(const json& policy, VersionState& state) {
  if (policy == "latest") return;
  if (policy == "all") {
    state.policy = VersionState::Policy::all;
  } else if (policy.is_object() && policy.size() == 1 && policy.contains("latest")) {
    state.latest = whole_number(policy["latest"], "policy.latest");
    if (state.latest < 1) throw ExportError("policy.latest: expected a number from 1");
  } else if (policy.is_object() && policy.size() == 1 && policy.contains("specific")) {
    state.policy = VersionState::Policy::specific;
    state.specific = whole_numbers(policy["specific"], "policy.specific");
    std::sort(state.specific.begin(), state.specific.end());
  } else {
    throw ExportError(R"(policy: expected "latest", {"latest": N}, "all" or {"specific": [1, 3]})");
  }
}

void read_labels(const json& labels, VersionState& state) {
  if (!labels.is_object())
    throw ExportError(
        fmt::format("labels: expected an object of labels and versions, got {}", labels.dump()));
  for (const auto& [label, version] : labels.items()) {
    require_label(label);
    state.labels[label] = whole_number(version, "labels." + label);
  }
}

VersionState parse(const std::string& text) {
  const json file = json::parse(text);
  if (!file.is_object()) throw ExportError("expected an object");
  VersionState state;
  for (const auto& [key, value] : file.items()) {
    if (key == "policy")
      read_policy(value, state);
    else if (key == "live")
      state.live = whole_number(value, "live");
    else if (key == "before")
      state.before = whole_numbers(value, "before");
    else if (key == "labels")
      read_labels(value, state);
    else
      throw ExportError(fmt::format("unknown field '{}'; expected policy, live, before or labels", key));
  }
  return state;
}

}  // namespace

VersionState VersionState::read(const fs::path& model) {
  const auto file = model / kFile;
  std::error_code unknown;
  if (!fs::exists(file, unknown) && !unknown) return {};
  try {
    auto state = parse(read_file(file));
    state.has_file = true;
    return state;
  } catch (const json::exception& error) {
    throw ExportError(fmt::format("{}: {}", file.string(), error.what()));
  } catch (const Error& error) {
    throw ExportError(fmt::format("{}: {}", file.string(), error.what()));
  }
}

void VersionState::write(const fs::path& model) const {
  json file = json::object();
  if (policy == Policy::all)
    file["policy"] = "all";
  else if (policy == Policy::specific)
    file["policy"] = {{"specific", specific}};
  else
    file["policy"] = {{"latest", latest}};
  if (live) file["live"] = *live;
  if (!before.empty()) file["before"] = before;
  if (!labels.empty()) file["labels"] = labels;
  write_file_atomically(model / kFile, file.dump(2) + "\n");
}

std::optional<std::int64_t> VersionState::live_of(const std::vector<std::int64_t>& present) const {
  if (live) return holds(present, *live) ? live : std::nullopt;
  if (present.empty()) return std::nullopt;
  return present.back();
}

std::vector<std::int64_t> VersionState::served(const std::vector<std::int64_t>& present) const {
  const auto answers = live_of(present);
  // The latest ones are counted from the one that was promoted: a newer one has not been yet.
  std::vector<std::int64_t> candidates = present;
  if (live && answers) std::erase_if(candidates, [&](auto version) { return version > *answers; });
  if (static_cast<std::int64_t>(candidates.size()) > latest)
    candidates.erase(candidates.begin(), candidates.end() - latest);
  std::vector<std::int64_t> wanted;
  for (const auto version : present) {
    const bool picked = policy == Policy::all || (policy == Policy::latest && holds(candidates, version)) ||
                        (policy == Policy::specific && holds(specific, version));
    const bool labelled =
        std::any_of(labels.begin(), labels.end(), [&](const auto& one) { return one.second == version; });
    if (picked || labelled || answers == version) wanted.push_back(version);
  }
  return wanted;
}

std::vector<std::int64_t> VersionState::answering(const std::vector<std::int64_t>& present) const {
  const auto meant = live_of(present);
  std::vector<std::int64_t> order;
  const auto add = [&](std::int64_t version) {
    if (holds(present, version) && !holds(order, version)) order.push_back(version);
  };
  if (meant) add(*meant);
  for (auto version = before.rbegin(); version != before.rend(); ++version) add(*version);
  const auto bound = meant ? meant : live;
  for (auto version = present.rbegin(); version != present.rend(); ++version)
    if (!bound || *version < *bound) add(*version);
  if (!meant)  // the nearest one that was never promoted is better than none
    for (const auto version : present) add(version);
  return order;
}

void require_label(const std::string& label) {
  try {
    require_model_name(label);
  } catch (const ConfigError&) {
    throw ConfigError(fmt::format("'{}' cannot be a label; use letters, digits, '-', '_' and '.'", label));
  }
  if (label == "live" || label == "newest" || number_of(label))
    throw ConfigError(
        fmt::format("'{}' cannot be a label: it names a version already; use a word such as canary", label));
}

namespace {

/// The model of BASE/NAME/VERSION, also where there is no such version; empty: it has none, or is none.
fs::path model_of(const fs::path& version) {
  const auto model = version.parent_path();
  return version.has_filename() && !model.empty() && !versions(model).empty() ? model : fs::path();
}

}  // namespace

fs::path find_version(const std::string& reference) {
  const auto at = reference.rfind('@');
  const auto slash = reference.find_last_of('/');
  if (at == std::string::npos || (slash != std::string::npos && slash > at)) {
    std::error_code unknown;
    if (fs::exists(fs::path(reference) / "manifest.json", unknown)) return reference;
    if (!versions(reference).empty()) return find_version(reference + "@live");
    if (const auto model = model_of(reference); !model.empty() && !fs::exists(reference, unknown))
      return find_version(model.string() + "@" + fs::path(reference).filename().string());
    return resolve_version(reference);  // says what is missing
  }
  const fs::path model = reference.substr(0, at);
  const std::string which = reference.substr(at + 1);
  const auto present = versions(model);
  if (present.empty()) return resolve_version(model);
  const auto state = VersionState::read(model);
  std::optional<std::int64_t> version = version_number(which);
  if (which == "live") {
    version = state.live_of(present);
    if (!version)
      throw ExportError(
          fmt::format("{}: its live version {} is gone; there are: {}; `ringtrain versions "
                      "promote` makes another one live",
                      model.string(), state.live.value_or(0), fmt::join(present, ", ")));
  } else if (which == "newest") {
    version = present.back();
  } else if (const auto label = state.labels.find(which); label != state.labels.end()) {
    version = label->second;
  }
  if (!version || !holds(present, *version)) {
    std::vector<std::string> names{"live", "newest"};
    for (const auto& [label, number] : state.labels) names.push_back(label);
    throw ExportError(fmt::format("{}: there is no version '{}'; there are: {}, and {}.{}", model.string(),
                                  which, fmt::join(present, ", "), join(names), did_you_mean(which, names)));
  }
  return model / std::to_string(*version);
}

}  // namespace ringtrain
