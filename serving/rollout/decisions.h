#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "serving/rollout/rollout.h"

namespace ringtrain {

/// What was decided about a rollout, a line of JSON each at the end of BASE/NAME/decisions.jsonl:
///   {"time": "2026-01-05T12:00:03.412Z", "event": "rolled back", "id": "…", "reason": "…", and summary_of}
/// Events: "begun", "stage", "promoted", "rolled back", "stopped", "refused". Appended with one write and
/// synced. Throws Error with the system's reason.
void append_decision(const std::filesystem::path& model, const Rollout& rollout, const std::string& event,
                     const std::string& reason);

/// The last line; empty: there is none, or it cannot be understood.
std::optional<nlohmann::ordered_json> last_decision(const std::filesystem::path& model);

/// The keys of all canaries that there were: clients may send them on.
std::set<std::string> keys_of_canaries(const std::filesystem::path& model);

}  // namespace ringtrain
