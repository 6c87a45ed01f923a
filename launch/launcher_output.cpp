#include "launch/launcher_output.h"

#include <regex>

namespace ringtrain {

constexpr std::size_t kDashes = 50;  // Open MPI writes 74
constexpr std::string_view kOurs = "ringtrain: ";

void LauncherOutput::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    add_to_line(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void LauncherOutput::add_to_line(std::string_view piece) {
  line_ += piece;
  if (in_block_ || only_dashes()) return;  // it may be the end, or the beginning, of a block
  pass_on_(std::string_view(line_).substr(passed_));
  passed_ = line_.size();
}

void LauncherOutput::end_line() {
  const bool border = line_.size() >= kDashes && only_dashes();
  if (border) {
    in_block_ = !in_block_;
  } else if (in_block_) {
    launcher_words_ += line_ + "\n";
  } else {
    pass_on_(std::string_view(line_).substr(passed_));
    pass_on_("\n");
    // A progress bar may stand before it in the line.
    if (const auto ours = line_.rfind(kOurs);
        ours == 0 || (ours != std::string::npos && line_[ours - 1] == '\r'))
      rank_message_ = line_.substr(ours + kOurs.size());
  }
  line_.clear();
  passed_ = 0;
}

void LauncherOutput::end() {
  if (in_block_)
    launcher_words_ += line_;
  else
    pass_on_(std::string_view(line_).substr(passed_));
  line_.clear();
  passed_ = 0;
}

std::optional<LauncherOutput::KilledRank> LauncherOutput::killed_rank() const {
  static const std::regex words(
      R"(process rank (\d+)\s+with PID \d+\s+on node\s+(\S+)\s+exited\s+on\s+signal\s+(\d+))");
  std::smatch found;
  if (!std::regex_search(launcher_words_, found, words)) return {};
  return KilledRank{std::stoi(found[1]), found[2], std::stoi(found[3])};
}

}  // namespace ringtrain
