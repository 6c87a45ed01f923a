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

}  // namespace ringtrain::config
