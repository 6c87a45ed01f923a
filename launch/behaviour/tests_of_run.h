#pragma once

#include <filesystem>

#include "launch/behaviour/behaviour_run.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// Runs the tests of a run on the version that it exports, on its test part, or the validation part where
/// that has no rows. Data that are read in blocks are not gathered for it: then only tests with rows of their
/// own are run. Where they cannot be run, a warning says why.
BehaviourResults run_tests_of(const RunConfig& config, const std::filesystem::path& version);

/// What a manifest keeps of them.
nlohmann::json kept_tests(const std::vector<BehaviourTest>& tests, const BehaviourResults& results);
/// The tests that a manifest has kept; none where it has none. Throws ExportError where they cannot be read.
std::vector<BehaviourTest> tests_of(const Manifest& manifest);

}  // namespace ringtrain
