#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain::config {

/// A YAML document with the overrides of the command line laid over it.
/// Throws ConfigError (file, line) when the file cannot be read or is not YAML, or an override is not
/// `key=value`.
class YamlDocument {
 public:
  /// `overrides`: "trainer.epochs=3"; the value is YAML, so lists work: "model.hidden=[8, 4]".
  static YamlDocument from_file(const std::filesystem::path& file,
                                const std::vector<std::string>& overrides = {});
  static YamlDocument from_text(const std::string& text, const std::string& name,
                                const std::vector<std::string>& overrides = {});
  ~YamlDocument();
  YamlDocument(YamlDocument&&) noexcept;

  /// Whether the field of this path ("tls.key") is there, with nothing, null or an empty text as its value.
  bool is_empty(const std::string& path) const;
  /// The texts of a list at this path, or of a text alone; none where there is neither.
  std::vector<std::string> texts(const std::string& path) const;

  /// Fills the fields that `describe` lists. Throws one ConfigError with all problems (unknown keys with the
  /// nearest known name, wrong types, wrong values), each a line: `trainer.optimizer.lr: expected ..., got -1
  /// (fraud.yaml:12)`.
  void read(const std::function<void(Visitor&)>& describe) const;

  struct Impl;

 private:
  explicit YamlDocument(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain::config
