#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/config.h"
#include "common/errors.h"

namespace ringtrain {

/// A block of a configuration whose `type` chooses one of several kinds, each with options of its own. A Kind
/// has `clone()`, `name()`, `doc()` and `describe(Visitor&)`.
template <class Kind>
struct KindChoice {
  using Kinds = std::vector<std::shared_ptr<Kind>>;

  /// `of`: "model", for errors; `doc`: of the field `field`, which chooses.
  KindChoice(std::string of, std::string doc, std::string first, const Kinds& known,
             std::string field = "type")
      : type(std::move(first)), of_(std::move(of)), doc_(std::move(doc)), field_(std::move(field)) {
    take(known);
  }
  KindChoice(const KindChoice& other)
      : type(other.type), of_(other.of_), doc_(other.doc_), field_(other.field_) {
    take(other.kinds);
  }
  /// Each configuration has kinds of its own: their options are part of it.
  KindChoice& operator=(const KindChoice& other) {
    if (this == &other) return *this;
    type = other.type;
    of_ = other.of_;
    doc_ = other.doc_;
    field_ = other.field_;
    kinds.clear();
    take(other.kinds);
    return *this;
  }

  std::string type;
  Kinds kinds;

  void describe(config::Visitor& v) {
    std::vector<config::Variant> variants;
    for (const auto& kind : kinds)
      variants.push_back(
          {kind->name(), kind->doc(), [kind](config::Visitor& inner) { kind->describe(inner); }});
    v.variants(field_, type, doc_, variants);
  }

  /// The chosen kind; null while `type` is none of them (the reader tells that).
  const Kind* find() const {
    for (const auto& candidate : kinds)
      if (candidate->name() == type) return candidate.get();
    return nullptr;
  }
  /// The chosen kind. Throws ConfigError for an unknown type.
  const Kind& kind() const {
    if (const auto* found = find()) return *found;
    throw ConfigError(fmt::format("{}.{}: unknown '{}'", of_, field_, type));
  }

 private:
  void take(const Kinds& known) {
    for (const auto& kind : known) kinds.push_back(kind->clone());
  }
  std::string of_, doc_, field_;
};

}  // namespace ringtrain
