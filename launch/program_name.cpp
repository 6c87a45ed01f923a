#include "launch/program_name.h"

#include <filesystem>
#include <string_view>

namespace ringtrain {
namespace {

constexpr std::string_view kOurs = "ringtrain ";

/// Every "ringtrain " that begins a word: share/ringtrain stays.
std::string with_name(std::string text, const std::string& program) {
  std::size_t at = 0;
  while ((at = text.find(kOurs, at)) != std::string::npos) {
    if (at > 0 && std::string_view(" \n`").find(text[at - 1]) == std::string_view::npos) {
      at += kOurs.size();
      continue;
    }
    text.replace(at, kOurs.size() - 1, program);
    at += program.size();
  }
  return text;
}

}  // namespace

std::string program_name(int argc, const char* const* argv) {
  const auto name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  return name.empty() ? "ringtrain" : name;
}

void name_in_examples(CLI::App& app, const std::string& program) {
  app.footer(with_name(app.get_footer(), program));
  for (auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    name_in_examples(*command, program);
}

}  // namespace ringtrain
