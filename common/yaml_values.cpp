#include "common/yaml_values.h"

#include "common/errors.h"
#include "common/text.h"
#include "common/yaml_tree.h"

namespace ringtrain::config {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

std::string one_line(const YamlTree& tree) {
  std::vector<std::string> parts;
  for (const auto& item : tree.items) parts.push_back(one_line(item));
  for (const auto& [key, value] : tree.entries) parts.push_back(key + ": " + one_line(value));
  if (tree.kind == YamlTree::Kind::list) return "[" + join(parts) + "]";
  return tree.kind == YamlTree::Kind::mapping ? "{" + join(parts) + "}" : tree.text;
}

void collect(const YamlTree& tree, const std::string& path, Values& values) {
  if (tree.kind != YamlTree::Kind::mapping) {
    values.emplace_back(path, one_line(tree));
    return;
  }
  for (const auto& [key, value] : tree.entries) collect(value, path.empty() ? key : path + "." + key, values);
}

}  // namespace

Values yaml_values(const std::string& text, const std::string& name) {
  std::vector<std::string> problems;
  const YamlTree tree = parse_yaml(text, name, problems);
  if (!problems.empty()) throw ConfigError(problems.front());
  Values values;
  if (tree.kind == YamlTree::Kind::mapping) collect(tree, "", values);
  return values;
}

}  // namespace ringtrain::config
