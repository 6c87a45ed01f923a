#pragma once

#include <string>

#include "common/yaml_reader.h"
#include "trainer/optimizer/optimizer_config.h"

namespace ringtrain::test {

/// The `trainer.optimizer:` block of this YAML text. Throws ConfigError for its problems.
inline OptimizerConfig optimizer_config(const std::string& yaml) {
  OptimizerConfig config;
  config::YamlDocument::from_text(yaml, "optimizer.yaml").read([&](config::Visitor& v) {
    config.describe(v);
  });
  return config;
}

/// The `trainer.schedule:` block.
inline ScheduleConfig schedule_config(const std::string& yaml) {
  ScheduleConfig config;
  config::YamlDocument::from_text(yaml, "schedule.yaml").read([&](config::Visitor& v) {
    config.describe(v);
  });
  return config;
}

}  // namespace ringtrain::test
