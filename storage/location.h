#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ringtrain {

/// Where a file or folder is: a path of this machine, or a place in an object store:
///
///     s3://bucket/cards.csv      gs://bucket/cards.csv s3://bucket/cards.csv?region=eu-west-1&scheme=http
///
/// What follows the last `?` are options of the store, where it reads NAME=VALUE; a `?` of a pattern is none.
/// A std::filesystem::path would take the two slashes for one and join names behind the options: so parts of
/// a place are taken and joined here alone, and `local` refuses what is remote.
class Location {
 public:
  Location() = default;
  /// Throws ConfigError for what looks like a place in a store and is none: s3:/bucket, s3://, a place with a
  /// password in it (which the text of the error has not).
  Location(std::string text);                                               // NOLINT
  Location(std::string_view text) : Location(std::string(text)) {}          // NOLINT
  Location(const char* text) : Location(std::string(text)) {}               // NOLINT
  Location(const std::filesystem::path& path) : Location(path.string()) {}  // NOLINT

  bool is_remote() const { return !scheme_.empty(); }
  bool empty() const { return path_.empty(); }
  /// As it was given; of what was joined, with the options at its end.
  std::string string() const;
  /// The path of this machine. Throws ConfigError that names the place, where it is remote.
  const std::filesystem::path& local() const;

  /// "s3" or "gs"; "" of this machine.
  const std::string& scheme() const { return scheme_; }
  /// Of a remote place, what the store is opened by: "gs://anonymous@bucket?scheme=http".
  std::string store() const;
  /// Of a remote place: "bucket/folder/name", without a slash at its end.
  std::string path_in_store() const;
  /// Of a remote place: its options, with their ?; "" for none.
  const std::string& options() const { return options_; }

  /// The last name, without options.
  std::filesystem::path filename() const { return path_.filename(); }
  std::filesystem::path extension() const { return path_.extension(); }
  std::filesystem::path stem() const { return path_.stem(); }
  Location parent_path() const;
  /// A file or folder in it.
  Location operator/(const std::filesystem::path& below) const;
  /// What is left of the path below `base`; "" where the two are in different stores.
  std::filesystem::path lexically_relative(const Location& base) const;

  friend bool operator==(const Location&, const Location&) = default;
  /// By names, folder by folder.
  friend bool operator<(const Location& a, const Location& b) {
    return a.path_ != b.path_ ? a.path_ < b.path_ : a.string() < b.string();
  }

 private:
  Location with_path(std::filesystem::path path) const;

  std::string scheme_, user_, options_;
  std::filesystem::path path_;  ///< of a remote place: /bucket/folder/name
};

/// Whether a text names a place in an object store. Throws as Location does.
bool is_remote(const std::string& text);

}  // namespace ringtrain
