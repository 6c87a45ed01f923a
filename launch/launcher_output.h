#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ringtrain {

/// Tells apart what ranks write to the standard error, which goes on as it comes (also parts of lines: the
/// progress bar), and what mpirun itself says, in blocks between lines of dashes, which is kept: it is the
/// source of one better message.
class LauncherOutput {
 public:
  /// `pass_on`: gets what is not mpirun's.
  explicit LauncherOutput(std::function<void(std::string_view)> pass_on) : pass_on_(std::move(pass_on)) {}
  void add(std::string_view bytes);
  /// Nothing more comes.
  void end();

  /// The last line of a rank that begins with "ringtrain: ", without that; "" when there was none.
  const std::string& rank_message() const { return rank_message_; }
  /// mpirun's own words.
  const std::string& launcher_words() const { return launcher_words_; }

  struct KilledRank {
    int rank = 0;
    std::string host;
    int signal = 0;
  };
  /// The rank of which mpirun said that a signal ended it.
  std::optional<KilledRank> killed_rank() const;

 private:
  void add_to_line(std::string_view piece);
  void end_line();
  bool only_dashes() const { return line_.find_first_not_of('-') == std::string::npos; }

  std::function<void(std::string_view)> pass_on_;
  std::string line_;        // since the last end of a line
  std::size_t passed_ = 0;  // how much of it was passed on
  bool in_block_ = false;
  std::string launcher_words_, rank_message_;
};

}  // namespace ringtrain
