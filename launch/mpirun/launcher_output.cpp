#include "launch/mpirun/launcher_output.h"

#include <algorithm>
#include <array>
#include <regex>
#include <utility>

namespace ringtrain {
namespace {

constexpr std::size_t kDashes = 50;  // Open MPI writes 74
constexpr std::string_view kOurs = "ringtrain: ";
constexpr std::string_view kClearLine = "\x1b[K";

/// What Open MPI 4 and 5 say when ranks end otherwise than they should; the other blocks are warnings.
bool about_the_end(const std::string& block) {
  constexpr std::array<std::string_view, 9> words{
      "Primary job  terminated",         "noticed that process rank",
      "processes exited with",           "MPI_ABORT was invoked",
      "without calling \"finalize\"",    "lost communication with",
      "been lost in communication with", "job was aborted",
      "has exited due to process rank"};
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view text) { return block.find(text) != std::string::npos; });
}

}  // namespace

void LauncherOutput::add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (after_block_) bytes.remove_prefix(std::min(bytes.size(), bytes.find_first_not_of('\0')));
    if (bytes.empty()) return;
    after_block_ = false;
    const auto end = bytes.find('\n');
    add_to_line(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void LauncherOutput::add_to_line(std::string_view piece) {
  line_ += piece;
  if (block_) return;
  // Dashes may be the beginning of a block, also behind a progress bar.
  if (const auto known = line_.size() - dashes(); known > passed_) {
    pass_on(std::string_view(line_).substr(passed_, known - passed_));
    passed_ = known;
  }
  if (const auto back = std::string_view(line_).substr(0, passed_).rfind('\r');
      back != std::string_view::npos) {
    line_.erase(0, back + 1);
    passed_ -= back + 1;
  }
}

void LauncherOutput::end_line() {
  if (block_) {
    const bool border = dashes() == line_.size() && line_.size() >= kDashes;
    *block_ += line_ + "\n";
    if (border) end_block();
  } else if (dashes() >= kDashes) {
    block_ = line_.substr(passed_) + "\n";
  } else {
    pass_on(line_.substr(passed_) + "\n");
    note_message();
  }
  line_.clear();
  passed_ = 0;
}

void LauncherOutput::end_block() {
  const std::string block = std::exchange(block_, std::nullopt).value();
  if (!about_the_end(block)) return pass_on(block);
  const auto begin = block.find('\n') + 1;
  const auto last_line = block.rfind('\n', block.size() - 2) + 1;
  launcher_words_ += block.substr(begin, last_line - begin);
  after_block_ = true;
}

void LauncherOutput::pause() {
  if (block_) {
    pass_on(*block_);
    const std::string rest = std::exchange(line_, "");
    std::string_view lines = *block_;
    for (auto end = lines.find('\n'); end != std::string_view::npos; end = lines.find('\n')) {
      line_ = lines.substr(0, end);
      note_message();
      lines.remove_prefix(end + 1);
    }
    block_.reset();
    line_ = rest;
  }
  pass_on(std::string_view(line_).substr(passed_));
  passed_ = line_.size();
}

void LauncherOutput::pass_on(std::string_view text) {
  if (text.empty()) return;
  pass_on_(text);
  const auto end = text.rfind('\n');
  const auto rest = end == std::string_view::npos ? text : text.substr(end + 1);
  if (rest.ends_with(kClearLine))
    within_line_ = false;
  else
    within_line_ = !rest.empty() || (end == std::string_view::npos && within_line_);
}

void LauncherOutput::note_message() {
  const auto ours = line_.rfind(kOurs);
  // A progress bar may stand before it in the line.
  if (ours == 0 || (ours != std::string::npos && line_.starts_with(kClearLine)))
    rank_message_ = line_.substr(ours + kOurs.size());
}

std::size_t LauncherOutput::dashes() const {
  return line_.size() - (line_.find_last_not_of('-') + 1);  // none found: npos + 1 is 0
}

std::optional<LauncherOutput::KilledRank> LauncherOutput::killed_rank() const {
  static const std::regex words(
      R"(process rank (\d+)\s+with PID \d+\s+on node\s+(\S+)\s+exited\s+on\s+signal\s+(\d+))");
  std::smatch found;
  if (!std::regex_search(launcher_words_, found, words)) return {};
  return KilledRank{std::stoi(found[1]), found[2], std::stoi(found[3])};
}

std::optional<int> LauncherOutput::failed_rank() const {
  static const std::regex words(R"(Process name:\s+\[\[\d+,\d+\],(\d+)\]\s+Exit code:\s+\d+)");
  std::smatch found;
  if (!std::regex_search(launcher_words_, found, words)) return {};
  return std::stoi(found[1]);
}

}  // namespace ringtrain
