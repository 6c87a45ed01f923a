#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

/// The log, to the standard error: INFO from rank 0, WARN and ERROR from every rank. Files, pipes and the log
/// files of the job folder get one line of one write:
///   2026-01-05T12:00:03.412Z INFO  [rank 05/08 node-02 cuda:1] text
/// A person at a terminal gets the text, broken to its width; behind "warning:" or "error:", with the rank
/// where that is not 0.
/// The implementation is in one file: Debian's spdlog and LibTorch bring different versions of fmt.
namespace ringtrain::log {

/// Who speaks. Before it is called, lines carry no rank. `device`: "cpu", "cuda:1".
void set_identity(int rank, int world_size, std::string_view host, std::string_view device);

/// All lines, of every level, also go to this file (one per rank), at its end. Throws Error when it cannot be
/// opened.
void also_to_file(const std::filesystem::path& file);

/// An ERROR line to that file alone: the terminal has been told.
void error_to_file(std::string_view text);

void info(std::string_view text);
/// `on_terminal`: what a person is told in the place of `text`; lines that are not broken.
void info(std::string_view text, std::string_view on_terminal);
void warn(std::string_view text);
void error(std::string_view text);

/// Called before each line that goes to the terminal, and after it: the progress bar clears and redraws
/// itself. Empty functions end that. They must not log.
void around_terminal_lines(std::function<void()> before, std::function<void()> after);

}  // namespace ringtrain::log
