#include "common/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <sstream>

#include "common/errors.h"
#include "common/scalars.h"

namespace ringtrain::config {
namespace {

// Anchors let a small file stand for a huge or endless tree.
constexpr int max_depth = 64;
constexpr std::size_t max_nodes = 20'000;

// Where a node was written, given its line (from 0; -1 where yaml-cpp does not know it).
using Where = std::function<std::string(int line)>;

class Converter {
 public:
  Converter(Where where, std::vector<std::string>& problems)
      : where_(std::move(where)), problems_(problems) {}

  YamlTree convert(const YAML::Node& node, const std::string& path, int line, int depth = 0) {
    YamlTree tree;
    tree.where = where_(line);
    if (depth > max_depth || ++nodes_ > max_nodes)
      throw ConfigError(fmt::format("the YAML is nested too deeply or too large ({})", tree.where));
    if (node.IsScalar()) {
      tree.kind = YamlTree::Kind::scalar;
      tree.text = node.Scalar();
      tree.quoted = node.Tag() == "!" || node.Tag() == "!!str" || node.Tag() == "tag:yaml.org,2002:str";
    } else if (node.IsSequence()) {
      tree.kind = YamlTree::Kind::list;
      for (const auto& item : node)
        tree.items.push_back(
            convert(item, fmt::format("{}[{}]", path, tree.items.size()), item.Mark().line, depth + 1));
    } else if (node.IsMap()) {
      tree.kind = YamlTree::Kind::mapping;
      convert_entries(node, path, depth, tree);
    }
    return tree;
  }

 private:
  void convert_entries(const YAML::Node& node, const std::string& path, int depth, YamlTree& tree) {
    for (const auto& entry : node) {
      const int line = entry.first.Mark().line;
      if (!entry.first.IsScalar()) {
        problems_.push_back(fmt::format("{}: a key must be a word ({})", path, where_(line)));
        continue;
      }
      const std::string& key = entry.first.Scalar();
      const std::string key_path = path.empty() ? key : path + "." + key;
      if (const YamlTree* first = tree.find(key)) {
        problems_.push_back(fmt::format("{}: given twice ({} and {})", key_path, first->where, where_(line)));
        continue;
      }
      tree.entries.push_back({key, convert(entry.second, key_path, line, depth + 1)});
    }
  }

  Where where_;
  std::vector<std::string>& problems_;
  std::size_t nodes_ = 0;
};

/// Sees where documents begin, no more.
struct DocumentStart : YAML::EventHandler {
  YAML::Mark mark;
  void OnDocumentStart(const YAML::Mark& at) override { mark = at; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

/// Where the second one begins. YAML::LoadAll is not used: behind an unclosed bracket it finds documents
/// without end; and YAML::Load silently leaves out what comes after the first.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return {};
  return start.mark;
}

bool is_key_path(const std::string& key) {
  if (key.empty() || key.front() == '.' || key.back() == '.' || key.find("..") != std::string::npos)
    return false;
  return key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
         std::string::npos;
}

}  // namespace

YamlTree* YamlTree::find(const std::string& key) {
  for (auto& [name, value] : entries)
    if (name == key) return &value;
  return nullptr;
}

const YamlTree* YamlTree::find(const std::string& key) const {
  return const_cast<YamlTree*>(this)->find(key);
}

std::string YamlTree::shown() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::list:
      return "a list";
    case Kind::mapping:
      return "a mapping";
    case Kind::scalar:
      break;
  }
  double number = 0;
  if (quoted) return fmt::format("the text \"{}\"", text);
  return parse_number(text, number) ? text : fmt::format("'{}'", text);
}

YamlTree parse_yaml(const std::string& text, const std::string& name, std::vector<std::string>& problems) {
  YAML::Node document;
  try {
    if (const auto second = second_document(text))
      throw ConfigError(fmt::format(
          "{}:{}: more than one YAML document in a file, or a bracket that is not closed before it", name,
          second->line + 1));
    document = YAML::Load(text);
  } catch (const YAML::Exception& problem) {
    const std::string at =
        problem.mark.is_null() ? "" : fmt::format(":{}:{}", problem.mark.line + 1, problem.mark.column + 1);
    throw ConfigError(fmt::format("{}{}: this is not valid YAML: {}", name, at, problem.msg));
  }
  YamlTree tree;
  if (document.IsDefined() && !document.IsNull()) {
    const Where where = [&name](int line) { return line < 0 ? name : fmt::format("{}:{}", name, line + 1); };
    tree = Converter(where, problems).convert(document, "", document.Mark().line);
  }
  if (tree.kind != YamlTree::Kind::scalar && tree.kind != YamlTree::Kind::list) tree.where = name;
  return tree;
}

void apply_override(YamlTree& root, const std::string& key_and_value) {
  const std::size_t equals = key_and_value.find('=');
  const std::string key = key_and_value.substr(0, equals);
  if (equals == std::string::npos || !is_key_path(key))
    throw ConfigError(
        fmt::format("--set '{}': expected KEY=VALUE, for example --set trainer.epochs=3", key_and_value));
  std::string where = "--set " + key;
  YamlTree value;
  std::vector<std::string> problems;
  try {
    value = Converter([&where](int) { return where; }, problems)
                .convert(YAML::Load(key_and_value.substr(equals + 1)), key, 0);
  } catch (const YAML::Exception& problem) {
    throw ConfigError(
        fmt::format("{}: the value is not valid YAML: {}; put a text in quotes: --set {}='\"...\"'", where,
                    problem.msg, key));
  }
  if (!problems.empty()) throw ConfigError(problems.front());

  YamlTree* at = &root;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = key.find('.', begin);
    if (at->kind == YamlTree::Kind::null) at->kind = YamlTree::Kind::mapping;
    if (at->kind != YamlTree::Kind::mapping)
      throw ConfigError(fmt::format("{}: {} is no section but {} ({})", where,
                                    begin == 0 ? "the document" : key.substr(0, begin - 1), at->shown(),
                                    at->where));
    const std::string part = key.substr(begin, end == std::string::npos ? end : end - begin);
    YamlTree* next = at->find(part);
    if (!next) {
      next = &at->entries.emplace_back(YamlEntry{part, {}}).second;
      next->where = where;
    }
    at = next;
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  *at = std::move(value);
}

}  // namespace ringtrain::config
