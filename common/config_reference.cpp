#include <fmt/format.h>

#include <algorithm>

#include "common/config_writer.h"
#include "common/errors.h"
#include "common/scalars.h"
#include "common/terminal.h"
#include "common/text.h"

namespace ringtrain::config {
namespace {

struct Row {
  std::string path, type, fallback, values, doc;
};

struct Table {
  std::string path;     ///< of the section; "" for the top
  std::string heading;  ///< Markdown
  std::string doc;
  std::vector<Row> rows;
  std::string kind{};  ///< of the innermost variant that it belongs to, as PATH.NAME
};

std::string in_cell(std::string_view text) {
  std::string cell;
  for (char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", text); }

std::string values_of(const NumberRule& rule) { return rule.text(); }

std::string values_of(const Choice& choice) {
  std::vector<std::string> words;
  for (const auto& word : choice) words.push_back(code(word));
  return join(words);
}

class ReferenceCollector final : public Visitor {
 public:
  explicit ReferenceCollector(std::string_view title) { tables.push_back({"", std::string(title), "", {}}); }

  void field(std::string_view name, bool& value, std::string_view doc) override {
    add(name, "true or false", value ? "true" : "false", "", doc);
  }
  void field(std::string_view name, std::int64_t& value, std::string_view doc,
             const NumberRule& rule) override {
    add(name, "whole number", std::to_string(value), values_of(rule), doc);
  }
  void field(std::string_view name, double& value, std::string_view doc, const NumberRule& rule) override {
    add(name, "number", number_text(value), values_of(rule), doc);
  }
  void field(std::string_view name, std::string& value, std::string_view doc, const Choice& choice) override {
    add(name, "text", value, values_of(choice), doc);
  }
  void field(std::string_view name, std::vector<std::int64_t>& value, std::string_view doc,
             const NumberRule& rule) override {
    add(name, "list of whole numbers", list(value), values_of(rule), doc);
  }
  void field(std::string_view name, std::vector<double>& value, std::string_view doc,
             const NumberRule& rule) override {
    add(name, "list of numbers", list(value), values_of(rule), doc);
  }
  void field(std::string_view name, std::vector<std::string>& value, std::string_view doc) override {
    add(name, "list of texts", list(value), "", doc);
  }
  void one_or_more(std::string_view name, std::vector<std::string>& value, std::string_view doc) override {
    add(name, "text or list of texts", value.empty() ? "" : list(value), "", doc);
  }
  void mapping(std::string_view name, Mapping&, std::string_view doc) override {
    add(name, "names, each with a text or a list of texts", "", "", doc);
  }
  void section(std::string_view name, std::string_view doc,
               const std::function<void(Visitor&)>& body) override {
    const std::string path = path_of(name);
    describe_in({path, code(path), std::string(doc), {}}, body);
  }
  void sections(std::string_view name, std::string_view doc, std::size_t,
                const std::function<void(std::size_t)>& resize,
                const std::function<void(std::size_t, Visitor&)>& body) override {
    const std::string path = path_of(name) + "[]";
    resize(1);
    describe_in({path, code(path), std::string(doc), {}}, [&body](Visitor& inner) { body(0, inner); });
    resize(0);
  }
  void variants(std::string_view name, std::string& chosen, std::string_view doc,
                const std::vector<Variant>& kinds) override {
    Choice names;
    for (const Variant& kind : kinds) names.push_back(kind.name);
    add(name, "text", chosen, values_of(names), doc);
    const std::string path = tables[current_].path;
    for (const Variant& kind : kinds) {
      const std::string heading = fmt::format("{}with {}", path.empty() ? "" : code(path) + " ",
                                              code(fmt::format("{}: {}", name, kind.name)));
      describe_in(
          {path, heading, kind.doc, {}, path.empty() ? kind.name : fmt::format("{}.{}", path, kind.name)},
          kind.describe);
    }
  }
  void require(std::string_view, bool, std::string_view) override {}

  std::vector<Table> tables;

 private:
  std::string path_of(std::string_view name) const {
    const std::string& path = tables[current_].path;
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }
  void add(std::string_view name, std::string type, std::string fallback, std::string values,
           std::string_view doc) {
    tables[current_].rows.push_back(
        {path_of(name), std::move(type), std::move(fallback), std::move(values), std::string(doc)});
  }
  void describe_in(Table table, const std::function<void(Visitor&)>& body) {
    const std::size_t outer = current_;
    if (table.kind.empty()) table.kind = tables[outer].kind;
    current_ = tables.size();
    tables.push_back(std::move(table));
    body(*this);
    current_ = outer;
  }
  template <class Value>
  static std::string list(const std::vector<Value>& values) {
    std::vector<std::string> words;
    for (const auto& value : values) {
      if constexpr (std::is_same_v<Value, std::string>)
        words.push_back(value);
      else if constexpr (std::is_same_v<Value, double>)
        words.push_back(number_text(value));
      else
        words.push_back(std::to_string(value));
    }
    return fmt::format("[{}]", join(words));
  }

  std::size_t current_ = 0;
};

bool is_under(const std::string& path, std::string_view under) {
  return under.empty() || path == under || path.starts_with(std::string(under) + ".") ||
         path.starts_with(std::string(under) + "[]");
}

std::string markdown_of(const Table& table, std::size_t level) {
  std::string text = fmt::format("{} {}\n\n", std::string(level, '#'), table.heading);
  if (!table.doc.empty()) text += wrapped(table.doc, 100) + "\n\n";
  if (table.rows.empty()) return text;
  text += "| field | type | default | values | meaning |\n|---|---|---|---|---|\n";
  for (const Row& row : table.rows)
    text += fmt::format("| {} | {} | {} | {} | {} |\n", code(row.path), row.type, in_cell(code(row.fallback)),
                        in_cell(row.values), in_cell(row.doc));
  return text + "\n";
}

/// The tables of one kind, such as model.mlp, with what is nested in them. Empty where `kind` is none.
std::string markdown_of_kind(const std::vector<Table>& tables, std::string_view kind) {
  std::string text;
  for (const Table& table : tables)
    if (!kind.empty() && table.kind == kind) text += markdown_of(table, 2);
  return text;
}

}  // namespace

std::string to_markdown(const std::function<void(Visitor&)>& describe, std::string_view title,
                        std::string_view under) {
  ReferenceCollector collector(title);
  describe(collector);
  std::string text;
  std::vector<std::string> paths;
  for (Table table : collector.tables) {
    if (!table.path.empty()) paths.push_back(table.path);
    if (!table.kind.empty()) paths.push_back(table.kind);
    for (const Row& row : table.rows) paths.push_back(row.path);
    const bool is_top = table.path.empty() && under.empty() && text.empty();
    const bool is_whole = is_under(table.path, under) && (!table.path.empty() || under.empty());
    if (!is_whole) {
      std::erase_if(table.rows, [&](const Row& row) { return !is_under(row.path, under); });
      if (table.rows.empty()) continue;
    }
    text += markdown_of(table, is_top ? 1 : 2);
  }
  // A field or a section goes before a kind of the same name: data.csv is both.
  if (text.empty()) text = markdown_of_kind(collector.tables, under);
  if (text.empty())
    throw ConfigError(fmt::format("the configuration has no '{}'.{}", under, did_you_mean(under, paths)));
  text.pop_back();
  return text;
}

}  // namespace ringtrain::config
