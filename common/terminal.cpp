#include "common/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace ringtrain {
namespace {

std::size_t columns_of_launcher() {
  const char* columns = std::getenv("RINGTRAIN_TERMINAL_COLUMNS");
  return columns ? std::strtoul(columns, nullptr, 10) : 0;
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

bool stderr_is_terminal() {
  const char* kind = std::getenv("TERM");
  if (kind && std::string_view(kind) == "dumb") return false;
  return columns_of_launcher() > 0 || ::isatty(STDERR_FILENO) == 1;
}

std::size_t terminal_columns() {
  if (const std::size_t columns = columns_of_launcher(); columns > 0) return columns;
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::size_t characters_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string_view cut(std::string_view text, std::size_t columns) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!continues_character(text[i]) && ++characters > columns) return text.substr(0, i);
  return text;
}

std::string wrapped(std::string_view text, std::size_t columns, std::size_t indent) {
  std::string lines;
  std::size_t used = 0;  // characters of the line so far
  bool begins = true;    // no word stands in the line
  while (!text.empty()) {
    if (text.front() == '\n') {
      lines += '\n';
      used = 0;
      begins = true;
      text.remove_prefix(1);
      continue;
    }
    const auto word = std::min(text.find_first_not_of(' '), text.size());
    const auto end = std::min(text.find_first_of(" \n", word), text.size());
    const auto width = characters_of(text.substr(word, end - word));
    if (!begins && width > 0 && used + word + width > columns) {
      lines += '\n';
      lines.append(indent, ' ');
      lines += text.substr(word, end - word);
      used = indent + width;
    } else {
      lines += text.substr(0, end);
      used += word + width;
    }
    begins = begins && width == 0;
    text.remove_prefix(end);
  }
  return lines;
}

}  // namespace ringtrain
