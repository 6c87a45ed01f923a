#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/yaml_reader.h"
#include "trainer/tasks/task_config.h"

namespace ringtrain::test {

/// The `task:` block of this YAML text. Throws ConfigError for its problems.
inline TaskConfig task_config(const std::string& yaml) {
  TaskConfig config;
  config::YamlDocument::from_text(yaml, "task.yaml").read([&](config::Visitor& v) { config.describe(v); });
  return config;
}

inline std::unique_ptr<Task> task_of(const std::string& yaml, const TaskData& data) {
  return task_config(yaml).kind().make(data);
}

/// Three classes, told by nothing but their number.
inline std::unique_ptr<Task> three_classes() {
  return task_of("type: classification", {.labels = {"a", "b", "c"}, .class_counts = {1, 1, 1}});
}

}  // namespace ringtrain::test
