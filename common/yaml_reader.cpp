#include "common/yaml_reader.h"

#include <fmt/format.h>
#include <utility>

#include <algorithm>
#include <map>
#include <set>

#include "common/errors.h"
#include "common/files.h"
#include "common/scalars.h"
#include "common/text.h"
#include "common/yaml_tree.h"

namespace ringtrain::config {
namespace {

using Kind = YamlTree::Kind;

// Lists the names of the fields that a description has at its top level.
class NameCollector final : public Visitor {
 public:
  void field(std::string_view name, bool&, std::string_view) override { add(name); }
  void field(std::string_view name, std::int64_t&, std::string_view, const NumberRule&) override {
    add(name);
  }
  void field(std::string_view name, double&, std::string_view, const NumberRule&) override { add(name); }
  void field(std::string_view name, std::string&, std::string_view, const Choice&) override { add(name); }
  void field(std::string_view name, std::vector<std::int64_t>&, std::string_view,
             const NumberRule&) override {
    add(name);
  }
  void field(std::string_view name, std::vector<double>&, std::string_view, const NumberRule&) override {
    add(name);
  }
  void field(std::string_view name, std::vector<std::string>&, std::string_view) override { add(name); }
  void mapping(std::string_view name, Mapping&, std::string_view) override { add(name); }
  void section(std::string_view name, std::string_view, const std::function<void(Visitor&)>&) override {
    add(name);
  }
  void sections(std::string_view name, std::string_view, std::size_t, const std::function<void(std::size_t)>&,
                const std::function<void(std::size_t, Visitor&)>&) override {
    add(name);
  }
  void variants(std::string_view name, std::string&, std::string_view, const std::vector<Variant>&) override {
    add(name);
  }
  void require(std::string_view, bool, std::string_view) override {}
  std::set<std::string> names;

 private:
  void add(std::string_view name) { names.emplace(name); }
};

class Reader final : public Visitor {
 public:
  Reader(const YamlTree& root, std::vector<std::string>& problems) : problems_(problems) {
    scope_.where = root.where;
    enter(root);
  }

  void field(std::string_view name, bool& value, std::string_view) override {
    if (const YamlTree* node = find(name)) read_scalar(*node, path(name), value, {});
  }
  void field(std::string_view name, std::int64_t& value, std::string_view, const NumberRule& rule) override {
    if (const YamlTree* node = find(name)) read_scalar(*node, path(name), value, rule);
  }
  void field(std::string_view name, double& value, std::string_view, const NumberRule& rule) override {
    if (const YamlTree* node = find(name)) read_scalar(*node, path(name), value, rule);
  }
  void field(std::string_view name, std::string& value, std::string_view, const Choice& choice) override {
    const YamlTree* node = find(name);
    if (!node) return;
    std::string text;
    if (!read_scalar(*node, path(name), text, {})) return;
    if (!choice.empty() && std::find(choice.begin(), choice.end(), text) == choice.end())
      return report(path(name), one_of(choice, *node), node->where);
    value = std::move(text);
  }
  void field(std::string_view name, std::vector<std::int64_t>& value, std::string_view,
             const NumberRule& rule) override {
    read_list(name, value, rule);
  }
  void field(std::string_view name, std::vector<double>& value, std::string_view,
             const NumberRule& rule) override {
    read_list(name, value, rule);
  }
  void field(std::string_view name, std::vector<std::string>& value, std::string_view) override {
    read_list(name, value, {});
  }
  void mapping(std::string_view name, Mapping& value, std::string_view) override {
    const YamlTree* node = find(name);
    if (!node) return;
    if (node->kind != Kind::mapping) {
      wrong(*node, path(name), "a mapping");
      return;
    }
    Mapping read;
    bool good = true;
    for (const auto& [key, item] : node->entries) {
      auto& texts = read.emplace_back(key, std::vector<std::string>()).second;
      good &= read_items(item, fmt::format("{}.{}", path(name), key), texts, {});
    }
    if (good) value = std::move(read);
  }
  bool has(std::string_view name) const override {
    return scope_.node && scope_.node->find(std::string(name)) != nullptr;
  }

  void section(std::string_view name, std::string_view, const std::function<void(Visitor&)>& body) override {
    const YamlTree* node = find(name);
    within(path(name), node, [&] { body(*this); });
  }

  void sections(std::string_view name, std::string_view, std::size_t,
                const std::function<void(std::size_t)>& resize,
                const std::function<void(std::size_t, Visitor&)>& body) override {
    const YamlTree* node = find(name);
    if (!node) return;
    if (node->kind == Kind::scalar) {
      wrong(*node, path(name), "a list of mappings");
      return;
    }
    const std::vector<YamlTree> items = node->kind == Kind::list ? node->items : std::vector<YamlTree>{*node};
    resize(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
      within(fmt::format("{}[{}]", path(name), i), &items[i], [&] { body(i, *this); });
  }

  void variants(std::string_view name, std::string& chosen, std::string_view,
                const std::vector<Variant>& kinds) override {
    const YamlTree* node = find(name);
    Choice names;
    for (const Variant& kind : kinds) names.push_back(kind.name);
    std::string text = chosen;
    const bool readable = !node || read_scalar(*node, path(name), text, {});
    const auto kind =
        std::find_if(kinds.begin(), kinds.end(), [&](const Variant& k) { return k.name == text; });
    for (const Variant& other : kinds) {
      NameCollector collector;
      other.describe(collector);
      for (const auto& field : collector.names) scope_.fields_of_kinds[field].push_back(other.name);
    }
    if (kind == kinds.end()) {
      scope_.kind_unknown = true;
      if (!node)
        report(path(name), fmt::format("missing; expected one of: {}", join(names)), scope_.where);
      else if (readable)
        report(path(name), one_of(names, *node), node->where);
      return;
    }
    chosen = text;
    scope_.chooser = name;
    scope_.kind = text;
    kind->describe(*this);
  }

  void require(std::string_view name, bool ok, std::string_view problem) override {
    if (ok || failed_.contains(path(name))) return;
    const YamlTree* node = scope_.node ? scope_.node->find(std::string(name)) : nullptr;
    report(path(name), problem, node ? node->where : scope_.where);
  }

  // Reports the keys of the current section that no field asked for.
  void finish() {
    if (!scope_.node) return;
    for (const auto& [key, value] : scope_.node->entries) {
      if (scope_.known.contains(key)) continue;
      const auto kinds = scope_.fields_of_kinds.find(key);
      if (kinds != scope_.fields_of_kinds.end()) {
        if (!scope_.kind_unknown)
          report(path(key),
                 fmt::format("goes with {0}: {1}; here {0} is '{2}'. Set {3}, or leave it out",
                             scope_.chooser, join(kinds->second, " or "), scope_.kind, path(scope_.chooser)),
                 value.where);
        continue;
      }
      std::set<std::string> names = scope_.known;
      for (const auto& [field, unused] : scope_.fields_of_kinds) names.insert(field);
      const std::vector<std::string> known(names.begin(), names.end());
      const std::string meant = did_you_mean(key, known);
      const std::string hint = !meant.empty()  ? "." + meant
                               : known.empty() ? ""
                                               : fmt::format("; known here: {}", join(known));
      report(path(key), "unknown key" + hint, value.where);
    }
  }

 private:
  struct Scope {
    const YamlTree* node = nullptr;  ///< the mapping, when the document has it
    std::string path;
    std::string where;
    std::set<std::string> known = {};
    std::map<std::string, std::vector<std::string>> fields_of_kinds = {};
    std::string chooser = {}, kind = {};  // the field that chooses, and what it says
    bool kind_unknown = false;
  };

  /// `body` reads the fields of `node`, of which null leaves the defaults.
  void within(const std::string& path, const YamlTree* node, const std::function<void()>& body) {
    Scope outer = std::exchange(scope_, Scope{.path = path, .where = node ? node->where : scope_.where});
    if (node) enter(*node);
    body();
    finish();
    scope_ = std::move(outer);
  }

  void enter(const YamlTree& node) {
    if (node.kind == Kind::mapping) scope_.node = &node;
    if (node.kind == Kind::scalar || node.kind == Kind::list)
      report(scope_.path, "expected a mapping, got " + node.shown(), node.where);
  }

  std::string path(std::string_view name) const {
    return scope_.path.empty() ? std::string(name) : fmt::format("{}.{}", scope_.path, name);
  }

  // The node of a field that is given; null where the default holds.
  const YamlTree* find(std::string_view name) {
    scope_.known.emplace(name);
    const YamlTree* node = scope_.node ? scope_.node->find(std::string(name)) : nullptr;
    return node && node->kind != Kind::null ? node : nullptr;
  }

  void report(const std::string& path, std::string_view problem, std::string_view where) {
    failed_.insert(path);
    problems_.push_back(fmt::format("{}{}{} ({})", path, path.empty() ? "" : ": ", problem, where));
  }

  static std::string one_of(const Choice& choice, const YamlTree& node) {
    const std::string meant = did_you_mean(node.text, choice);
    return fmt::format("expected one of: {}; got {}{}", join(choice), node.shown(),
                       meant.empty() ? "" : "." + meant);
  }

  bool wrong(const YamlTree& node, const std::string& path, std::string_view expected) {
    report(path, fmt::format("expected {}, got {}", expected, node.shown()), node.where);
    return false;
  }

  bool read_scalar(const YamlTree& node, const std::string& path, bool& value, const NumberRule&) {
    if (node.kind != Kind::scalar || node.quoted || (node.text != "true" && node.text != "false"))
      return wrong(node, path, "true or false");
    value = node.text == "true";
    return true;
  }

  bool read_scalar(const YamlTree& node, const std::string& path, std::int64_t& value,
                   const NumberRule& rule) {
    std::int64_t number = 0;
    if (node.kind != Kind::scalar || node.quoted || !parse_whole_number(node.text, number))
      return wrong(node, path, "a whole number");
    if (!rule.accepts(static_cast<double>(number))) return wrong(node, path, rule.text());
    value = number;
    return true;
  }

  bool read_scalar(const YamlTree& node, const std::string& path, double& value, const NumberRule& rule) {
    double number = 0;
    if (node.kind != Kind::scalar || node.quoted || !parse_number(node.text, number))
      return wrong(node, path, "a number");
    if (!rule.accepts(number)) return wrong(node, path, rule.text().empty() ? "a number" : rule.text());
    value = number;
    return true;
  }

  bool read_scalar(const YamlTree& node, const std::string& path, std::string& value, const NumberRule&) {
    if (node.kind != Kind::scalar) return wrong(node, path, "a text");
    value = node.text;
    return true;
  }

  /// One value, or a list of them.
  template <class Value>
  bool read_items(const YamlTree& node, const std::string& path, std::vector<Value>& list,
                  const NumberRule& rule) {
    Value item{};
    bool good = true;
    if (node.kind != Kind::list) {
      good = read_scalar(node, path, item, rule);
      list.push_back(item);
    } else {
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        good &= read_scalar(node.items[i], fmt::format("{}[{}]", path, i), item, rule);
        list.push_back(item);
      }
    }
    return good;
  }

  template <class Value>
  void read_list(std::string_view name, std::vector<Value>& value, const NumberRule& rule) {
    const YamlTree* node = find(name);
    std::vector<Value> list;
    if (node && read_items(*node, path(name), list, rule)) value = std::move(list);
  }

  Scope scope_;
  std::vector<std::string>& problems_;
  std::set<std::string> failed_;
};

}  // namespace

struct YamlDocument::Impl {
  YamlTree root;
  std::string name;
  std::vector<std::string> problems;
};

YamlDocument::YamlDocument(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
YamlDocument::~YamlDocument() = default;
YamlDocument::YamlDocument(YamlDocument&&) noexcept = default;

YamlDocument YamlDocument::from_text(const std::string& text, const std::string& name,
                                     const std::vector<std::string>& overrides) {
  auto impl = std::make_unique<Impl>();
  impl->name = name;
  impl->root = parse_yaml(text, name, impl->problems);
  for (const auto& entry : overrides) apply_override(impl->root, entry);
  return YamlDocument(std::move(impl));
}

YamlDocument YamlDocument::from_file(const std::filesystem::path& file,
                                     const std::vector<std::string>& overrides) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const DataError& problem) {
    throw ConfigError(fmt::format("the configuration file: {}", problem.what()));
  }
  return from_text(text, file.string(), overrides);
}

/// What is at a path ("tls.key"); null where nothing is.
static const YamlTree* find_path(const YamlTree& root, const std::string& path) {
  const YamlTree* at = &root;
  for (std::size_t begin = 0; at && begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    at = at->find(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

std::vector<std::string> YamlDocument::texts(const std::string& path) const {
  std::vector<std::string> found;
  const auto* at = find_path(impl_->root, path);
  if (at == nullptr) return found;
  if (at->kind == Kind::scalar) found.push_back(at->text);
  for (const auto& item : at->items)
    if (item.kind == Kind::scalar) found.push_back(item.text);
  return found;
}

bool YamlDocument::is_empty(const std::string& path) const {
  const auto* at = find_path(impl_->root, path);
  return at && (at->kind == Kind::null || (at->kind == Kind::scalar && at->text.empty()));
}

void YamlDocument::read(const std::function<void(Visitor&)>& describe) const {
  std::vector<std::string> problems = impl_->problems;
  Reader reader(impl_->root, problems);
  describe(reader);
  reader.finish();
  if (problems.empty()) return;
  if (problems.size() == 1) throw ConfigError(problems.front());
  throw ConfigError(
      fmt::format("{}: {} problems\n  {}", impl_->name, problems.size(), join(problems, "\n  ")));
}

}  // namespace ringtrain::config
