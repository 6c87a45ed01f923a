#include "common/yaml_values.h"

#include <fmt/format.h>

#include "common/config_writer.h"
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

/// One line of YAML that reads back as the same.
std::string flow_of(const YamlTree& tree) {
  std::vector<std::string> parts;
  for (const auto& item : tree.items) parts.push_back(flow_of(item));
  for (const auto& [key, value] : tree.entries) parts.push_back(to_scalar(key) + ": " + flow_of(value));
  if (tree.kind == YamlTree::Kind::list) return "[" + join(parts) + "]";
  if (tree.kind == YamlTree::Kind::mapping) return "{" + join(parts) + "}";
  if (tree.kind == YamlTree::Kind::null) return "null";
  return tree.quoted ? to_scalar(tree.text) : tree.text;
}

void collect_lists(const YamlTree& tree, const std::string& path, std::vector<YamlList>& lists,
                   std::vector<std::string>& problems) {
  if (tree.kind == YamlTree::Kind::mapping && (path.empty() || !tree.entries.empty())) {
    for (const auto& [key, value] : tree.entries)
      collect_lists(value, path.empty() ? key : path + "." + key, lists, problems);
    return;
  }
  if (tree.kind != YamlTree::Kind::list) {
    problems.push_back(fmt::format("{}: expected a list, got {} ({})", path, tree.shown(), tree.where));
    return;
  }
  auto& list = lists.emplace_back(YamlList{path, {}, tree.where});
  for (const auto& item : tree.items) list.items.push_back(flow_of(item));
}

}  // namespace

std::vector<YamlList> yaml_lists(const std::string& text, const std::string& name) {
  std::vector<std::string> problems;
  const YamlTree tree = parse_yaml(text, name, problems);
  std::vector<YamlList> lists;
  if (tree.kind == YamlTree::Kind::mapping)
    collect_lists(tree, "", lists, problems);
  else
    problems.push_back(fmt::format("{}: expected a mapping, got {}", name, tree.shown()));
  if (!problems.empty()) throw ConfigError(join(problems, "\n"));
  return lists;
}

Values yaml_values(const std::string& text, const std::string& name) {
  std::vector<std::string> problems;
  const YamlTree tree = parse_yaml(text, name, problems);
  if (!problems.empty()) throw ConfigError(problems.front());
  Values values;
  if (tree.kind == YamlTree::Kind::mapping) collect(tree, "", values);
  return values;
}

}  // namespace ringtrain::config
