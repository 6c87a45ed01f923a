#include "common/config_writer.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>

#include "common/scalars.h"

namespace ringtrain::config {
namespace {

// Whether YAML reads the word as just this text in any tool: nothing that could be a number, a truth value or
// null.
bool is_plain_word(const std::string& text) {
  static const std::vector<std::string> taken = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || !(std::isalpha(static_cast<unsigned char>(text.front())) || text.front() == '/'))
    return false;
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(taken.begin(), taken.end(), lower) == taken.end() &&
         lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-./") == std::string::npos;
}

class YamlWriter final : public Visitor {
 public:
  YamlWriter() { out_ << YAML::BeginMap; }

  std::string text() {
    out_ << YAML::EndMap;
    return std::string(out_.c_str()) + "\n";
  }

  void field(std::string_view name, bool& value, std::string_view) override {
    key(name) << YAML::TrueFalseBool << value;
  }
  void field(std::string_view name, std::int64_t& value, std::string_view, const NumberRule&) override {
    key(name) << value;
  }
  void field(std::string_view name, double& value, std::string_view, const NumberRule&) override {
    key(name) << number_text(value);
  }
  void field(std::string_view name, std::string& value, std::string_view, const Choice&) override {
    key(name);
    write(value);
  }
  void field(std::string_view name, std::vector<std::int64_t>& value, std::string_view,
             const NumberRule&) override {
    list(name, value);
  }
  void field(std::string_view name, std::vector<double>& value, std::string_view,
             const NumberRule&) override {
    list(name, value);
  }
  void field(std::string_view name, std::vector<std::string>& value, std::string_view) override {
    list(name, value);
  }
  void one_or_more(std::string_view name, std::vector<std::string>& value, std::string_view) override {
    if (value.size() != 1) return list(name, value);
    key(name);
    write(value.front());
  }
  void mapping(std::string_view name, Mapping& value, std::string_view) override {
    key(name);
    if (value.empty()) out_ << YAML::Flow;
    out_ << YAML::BeginMap;
    for (const auto& [column, texts] : value) {
      out_ << YAML::Key;
      write(column);
      out_ << YAML::Value << YAML::Flow << YAML::BeginSeq;
      for (const auto& text : texts) write(text);
      out_ << YAML::EndSeq;
    }
    out_ << YAML::EndMap;
  }
  void section(std::string_view name, std::string_view, const std::function<void(Visitor&)>& body) override {
    key(name) << YAML::BeginMap;
    body(*this);
    out_ << YAML::EndMap;
  }
  void sections(std::string_view name, std::string_view, std::size_t count,
                const std::function<void(std::size_t)>&,
                const std::function<void(std::size_t, Visitor&)>& body) override {
    key(name);
    if (count == 0) out_ << YAML::Flow;
    out_ << YAML::BeginSeq;
    for (std::size_t i = 0; i < count; ++i) {
      out_ << YAML::BeginMap;
      body(i, *this);
      out_ << YAML::EndMap;
    }
    out_ << YAML::EndSeq;
  }
  void variants(std::string_view name, std::string& chosen, std::string_view,
                const std::vector<Variant>& kinds) override {
    key(name);
    write(chosen);
    for (const Variant& kind : kinds)
      if (kind.name == chosen) kind.describe(*this);
  }
  void require(std::string_view, bool, std::string_view) override {}

 private:
  YAML::Emitter& key(std::string_view name) { return out_ << YAML::Key << std::string(name) << YAML::Value; }
  void write(std::int64_t value) { out_ << value; }
  void write(double value) { out_ << number_text(value); }
  void write(const std::string& value) {
    if (!is_plain_word(value)) out_ << YAML::DoubleQuoted;
    out_ << value;
  }
  template <class Value>
  void list(std::string_view name, const std::vector<Value>& values) {
    key(name) << YAML::Flow << YAML::BeginSeq;
    for (const Value& value : values) write(value);
    out_ << YAML::EndSeq;
  }

  YAML::Emitter out_;
};

}  // namespace

std::string to_scalar(const std::string& text) {
  if (is_plain_word(text)) return text;
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

std::string to_yaml(const std::function<void(Visitor&)>& describe) {
  YamlWriter writer;
  describe(writer);
  return writer.text();
}

}  // namespace ringtrain::config
