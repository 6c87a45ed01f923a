#pragma once

#include <string>

namespace ringtrain {

/// What a job of learning did, from its journal and its quarantine: a table of the candidates, which rows
/// made each version, and what was refused and why. Every line of the journal is verified. Throws
/// ConfigError, CheckpointError.
std::string audit_text(const std::string& job_folder);

}  // namespace ringtrain
