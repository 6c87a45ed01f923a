#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ringtrain::config {

/// All values of a YAML document, each with the path of its field, in the document's order:
/// {"trainer.optimizer.lr", "0.01"}, {"model.hidden", "[32, 16]"}. A field without a value has "". `name`
/// stands for the document in messages. Throws ConfigError when it is not YAML.
std::vector<std::pair<std::string, std::string>> yaml_values(const std::string& text,
                                                             const std::string& name);

/// A value of a document that is a list: {"lr.log_uniform", {"1e-4", "0.1"}, "space.yaml:3"}.
struct YamlList {
  std::string path;
  std::vector<std::string> items;  ///< each as YAML of one line, which reads back as the same
  std::string where;
};

/// All values of a document, in its order. Throws ConfigError, with all of them, for values that are no
/// lists, for keys that stand twice, and for a document that is no mapping.
std::vector<YamlList> yaml_lists(const std::string& text, const std::string& name);

}  // namespace ringtrain::config
