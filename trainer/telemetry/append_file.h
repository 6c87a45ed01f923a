#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ringtrain {

/// A text file that lines are added to. A line that cannot be written (a full disk) is lost with one warning,
/// and the next ones are tried: a log must not end what it is about.
class AppendFile {
 public:
  /// Throws Error when the file cannot be opened.
  explicit AppendFile(std::filesystem::path file);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  /// `line` without its end.
  void add(std::string_view line);
  /// Bytes that are no line: whole, or not at all.
  void add_bytes(std::string_view bytes);

 private:
  void warn_of_loss(const char* why);
  std::filesystem::path file_;
  int descriptor_ = -1;
  bool torn_ = false;    // the file ends within a line
  bool warned_ = false;  // since a line was written last
};

}  // namespace ringtrain
