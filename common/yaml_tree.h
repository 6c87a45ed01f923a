#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// A YAML document as a plain tree in which each node knows where it was written. Private to common/.
namespace ringtrain::config {

struct YamlEntry;

struct YamlTree {
  enum class Kind { null, scalar, list, mapping };
  Kind kind = Kind::null;
  std::string text;     ///< a scalar's content
  bool quoted = false;  ///< a scalar in quotes: text, even if it looks like a number
  std::vector<YamlTree> items;
  std::vector<YamlEntry> entries;  ///< of a mapping, in the order of the file
  std::string where;  ///< "fraud.yaml:12" (of the key, for a mapping's value) or "--set trainer.epochs"

  const YamlTree* find(const std::string& key) const;
  YamlTree* find(const std::string& key);
  /// "'ten'", "-1", "a list", "a mapping", "nothing": for messages.
  std::string shown() const;
};

/// A key of a mapping and what it holds.
struct YamlEntry {
  std::string first;
  YamlTree second;
};

/// Parses `text`, the content of the file that messages call `name`. Throws ConfigError (file:line:column)
/// when it is not YAML. A key that a mapping has twice is a problem, with both lines; the first one counts.
YamlTree parse_yaml(const std::string& text, const std::string& name, std::vector<std::string>& problems);

/// Lays "trainer.epochs=3" over the tree; the value is YAML. Throws ConfigError when it is not of that form.
void apply_override(YamlTree& root, const std::string& key_and_value);

}  // namespace ringtrain::config
