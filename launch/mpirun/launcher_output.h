#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ringtrain {

/// Tells apart what ranks write to the standard error, which goes on as it comes (also parts of lines: the
/// progress bar), and what mpirun says of how they ended, which is kept: it is the source of one better
/// message. mpirun writes a block between two lines of dashes, at once, and without looking whether a line of
/// the ranks is unfinished. Other blocks, its warnings, go on whole.
class LauncherOutput {
 public:
  /// `pass_on`: gets what is not kept, byte for byte.
  explicit LauncherOutput(std::function<void(std::string_view)> pass_on) : pass_on_(std::move(pass_on)) {}
  void add(std::string_view bytes);
  /// Nothing came for a while, or nothing more comes: what looked like the beginning of a block is none.
  void pause();

  /// The last line of a rank that begins with "ringtrain: ", without that; "" when there was none.
  const std::string& rank_message() const { return rank_message_; }
  /// mpirun's own words about the end.
  const std::string& launcher_words() const { return launcher_words_; }
  /// Whether what was passed on ends within a line.
  bool within_line() const { return within_line_; }

  struct KilledRank {
    int rank = 0;
    std::string host;
    int signal = 0;
  };
  /// The rank of which mpirun said that a signal ended it.
  std::optional<KilledRank> killed_rank() const;
  /// The rank of which mpirun said that it ended with an exit code other than zero.
  std::optional<int> failed_rank() const;

 private:
  void pass_on(std::string_view text);
  void add_to_line(std::string_view piece);
  void end_line();
  void end_block();
  void note_message();
  std::size_t dashes() const;

  std::function<void(std::string_view)> pass_on_;
  std::string line_;                  // since the last end of a line, or return to its beginning
  std::size_t passed_ = 0;            // how much of it was passed on
  std::optional<std::string> block_;  // what it holds so far, with the dashes
  bool after_block_ = false;          // mpirun 5 ends its blocks with a byte 0
  bool within_line_ = false;
  std::string launcher_words_, rank_message_;
};

}  // namespace ringtrain
