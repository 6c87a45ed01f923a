#include "storage/location.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// Where the options of a place begin: at a ? behind which NAME=VALUE stands; npos for none.
std::size_t options_of(const std::string& text) {
  const auto mark = text.rfind('?');
  if (mark == std::string::npos) return mark;
  auto at = mark + 1;
  while (at < text.size() && (std::islower(static_cast<unsigned char>(text[at])) || text[at] == '_')) ++at;
  return at > mark + 1 && at < text.size() && text[at] == '=' ? mark : std::string::npos;
}

/// "s3" or "gs" where the text begins as a place in a store does.
std::optional<std::string> scheme_of(const std::string& text) {
  for (const std::string scheme : {"s3", "gs"})
    if (text.starts_with(scheme + ":/")) return scheme;
  return std::nullopt;
}

}  // namespace

Location::Location(std::string text) {
  const auto scheme = scheme_of(text);
  if (!scheme) {
    path_ = std::move(text);
    return;
  }
  const auto begin = scheme->size() + 3;
  if (text.compare(scheme->size(), 3, "://") != 0)
    throw ConfigError(fmt::format("{} is no place of an object store: it begins with {}://", text, *scheme));
  scheme_ = *scheme;
  if (const auto mark = options_of(text); mark != std::string::npos) {
    options_ = text.substr(mark);
    text.resize(mark);
  }
  auto rest = text.substr(begin);
  if (const auto at = rest.find('@'); at < rest.find('/')) {
    user_ = rest.substr(0, at + 1);
    rest.erase(0, at + 1);
    if (scheme_ != "gs" || user_ != "anonymous@")
      throw ConfigError(
          fmt::format("{}://...@{}: a place has no names or passwords in it, since it stands in logs and "
                      "checkpoints. Give "
                      "them by the environment (docs/storage.md); gs://anonymous@bucket asks without any",
                      scheme_, rest));
  }
  while (rest.ends_with('/')) rest.pop_back();
  if (rest.empty() || rest[0] == '/')
    throw ConfigError(fmt::format("{} names no bucket, as {}://bucket/folder/file.csv does", text, scheme_));
  path_ = "/" + rest;
}

std::string Location::string() const {
  return is_remote() ? scheme_ + "://" + user_ + path_in_store() + options_ : path_.string();
}

const std::filesystem::path& Location::local() const {
  if (is_remote())
    throw ConfigError(fmt::format(
        "{} is in an object store, which is not read here: copy it to this machine first", string()));
  return path_;
}

std::string Location::store() const {
  const auto path = path_in_store();
  return scheme_ + "://" + user_ + path.substr(0, path.find('/')) + options_;
}

std::string Location::path_in_store() const { return path_.string().substr(1); }

Location Location::with_path(std::filesystem::path path) const {
  Location place = *this;
  place.path_ = std::move(path);
  return place;
}

Location Location::parent_path() const {
  auto parent = path_.parent_path();
  return is_remote() && parent == "/" ? *this : with_path(std::move(parent));
}

Location Location::operator/(const std::filesystem::path& below) const {
  if (is_remote() && below.is_absolute())
    throw ConfigError(fmt::format("{} is a path of this machine, not below {}", below.string(), string()));
  return with_path(path_ / below);
}

std::filesystem::path Location::lexically_relative(const Location& base) const {
  if (scheme_ != base.scheme_) return {};
  return path_.lexically_relative(base.path_);
}

bool is_remote(const std::string& text) { return Location(text).is_remote(); }

}  // namespace ringtrain
