#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Typed configuration: a struct lists its fields once, in `describe(Visitor&)`, with default, doc string and
/// rule. The same list reads YAML (yaml_reader.h), writes the resolved YAML and prints the reference
/// (config_writer.h).
namespace ringtrain::config {

/// The numbers that a field takes.
struct NumberRule {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;
  bool accepts(double value) const;  ///< false for NaN
  std::string text() const;          ///< "a positive number", "a number in [0, 1)"; empty when all are taken
};
NumberRule positive();
NumberRule non_negative();
NumberRule at_least(double low);
NumberRule fraction();            ///< [0, 1]
NumberRule fraction_below_one();  ///< [0, 1)

/// The words that a string field takes; any, when empty.
using Choice = std::vector<std::string>;

/// Names that the configuration does not know, such as those of columns, each with one text or several.
using Mapping = std::vector<std::pair<std::string, std::vector<std::string>>>;

class Visitor;

/// One of several kinds of a thing, chosen by a section's `type` field, with the fields that only it has.
struct Variant {
  std::string name;
  std::string doc;
  std::function<void(Visitor&)> describe;
};

/// Walks over the fields of a configuration.
class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void field(std::string_view name, bool& value, std::string_view doc) = 0;
  virtual void field(std::string_view name, std::int64_t& value, std::string_view doc,
                     const NumberRule& = {}) = 0;
  virtual void field(std::string_view name, double& value, std::string_view doc, const NumberRule& = {}) = 0;
  virtual void field(std::string_view name, std::string& value, std::string_view doc, const Choice& = {}) = 0;
  /// Lists; a single value is read as a list of one.
  virtual void field(std::string_view name, std::vector<std::int64_t>& value, std::string_view doc,
                     const NumberRule& = {}) = 0;
  virtual void field(std::string_view name, std::vector<double>& value, std::string_view doc,
                     const NumberRule& = {}) = 0;
  virtual void field(std::string_view name, std::vector<std::string>& value, std::string_view doc) = 0;
  /// A list that mostly holds one text, which is then written as it is, without brackets.
  virtual void one_or_more(std::string_view name, std::vector<std::string>& value, std::string_view doc) {
    field(name, value, doc);
  }
  /// Whatever names the document has there, in its order.
  virtual void mapping(std::string_view name, Mapping& value, std::string_view doc) = 0;
  /// Whether the document has this key. Only a reader knows.
  virtual bool has(std::string_view) const { return false; }
  /// A nested mapping.
  virtual void section(std::string_view name, std::string_view doc,
                       const std::function<void(Visitor&)>& body) = 0;
  /// A list of nested mappings: `count` there are, `resize` makes others of them, `body` lists the fields of
  /// number i.
  virtual void sections(std::string_view name, std::string_view doc, std::size_t count,
                        const std::function<void(std::size_t)>& resize,
                        const std::function<void(std::size_t, Visitor&)>& body) = 0;
  /// A field whose value decides which further fields this section has.
  virtual void variants(std::string_view name, std::string& chosen, std::string_view doc,
                        const std::vector<Variant>& kinds) = 0;
  /// Reports "<path of name>: <problem>" unless `ok`; for rules over several fields. Only a reader acts on
  /// it.
  virtual void require(std::string_view name, bool ok, std::string_view problem) = 0;

  /// A nested struct with a `describe(Visitor&)` of its own.
  template <class Struct>
  void section(std::string_view name, std::string_view doc, Struct& nested) {
    section(name, doc, [&nested](Visitor& inner) { nested.describe(inner); });
  }
  /// A list of such structs.
  template <class Struct>
  void sections(std::string_view name, std::string_view doc, std::vector<Struct>& list) {
    sections(name, doc, list, [] { return Struct(); });
  }
  /// The same of structs that need something to begin with: `make` gives one with its defaults.
  template <class Struct, class Make>
  void sections(std::string_view name, std::string_view doc, std::vector<Struct>& list, const Make& make) {
    sections(
        name, doc, list.size(), [&](std::size_t count) { list.assign(count, make()); },
        [&list](std::size_t i, Visitor& inner) { list[i].describe(inner); });
  }
};

}  // namespace ringtrain::config
