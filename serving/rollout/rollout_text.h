#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "serving/rollout/rollout.h"

namespace ringtrain {

/// What a person is told of a rollout: how far it is, and both sides beside each other. Ends with a line's
/// end.
std::string rollout_text(const Rollout& rollout);

/// One line about a decision (decisions.h).
std::string decision_text(const nlohmann::ordered_json& decision);

/// A rollout of the model `name` in Prometheus's text, with HELP and TYPE before the first model's.
std::string rollout_metrics(const std::vector<std::pair<std::string, Rollout>>& rollouts);

}  // namespace ringtrain
