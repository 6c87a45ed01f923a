#include <fmt/format.h>

#include <filesystem>

#include "common/exit_code.h"
#include "common/text.h"
#include "data/table/synthetic_fraud.h"
#include "data/tokens/characters.h"
#include "launch/commands/commands.h"

namespace ringtrain {

namespace {

void make_folder_of(const std::string& file) {
  if (const auto folder = std::filesystem::path(file).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder);
}

void add_chars(CLI::App& command, Program& program) {
  struct Arguments {
    std::vector<std::filesystem::path> files;
    std::string output = "datasets/chars.bin";
  };
  auto arguments = std::make_shared<Arguments>();
  auto* chars = command.add_subcommand(
      "chars", "Tokens for a language model: each character of some text files is one.");
  chars->add_option("FILE", arguments->files, "Text files (UTF-8), joined in this order")->required();
  chars->add_option("--output", arguments->output, "The token file; NAME.vocabulary.json is made beside it")
      ->capture_default_str();
  chars->footer(
      "Example: ringtrain generate chars /usr/share/common-licenses/* --output datasets/licenses.bin");
  chars->callback([arguments, &program] {
    const auto tokens = tokenize_characters(arguments->files);
    make_folder_of(arguments->output);
    write_character_tokens(arguments->output, tokens);
    fmt::print("wrote {} tokens of {} different characters to {}\n",
               with_commas(static_cast<std::int64_t>(tokens.tokens.size())), tokens.vocabulary.size(),
               arguments->output);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace

void add_generate_command(CLI::App& app, Program& program) {
  struct Arguments {
    std::string output = "datasets/fraud_synthetic.csv";
    std::int64_t rows = 284807;
    std::uint64_t seed = 1;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("generate", "Make data to try things on.");
  command->require_subcommand(1);
  auto* fraud = command->add_subcommand(
      "fraud", "Synthetic card transactions in the layout of the public creditcard.csv.");
  fraud->add_option("--output", arguments->output, "The CSV file")->capture_default_str();
  fraud->add_option("--rows", arguments->rows, "How many transactions; 0.17 % are fraud")
      ->check(CLI::Range(1000, 1000000000))
      ->capture_default_str();
  fraud->add_option("--seed", arguments->seed, "The same seed gives the same file")->capture_default_str();
  fraud->callback([arguments, &program] {
    make_folder_of(arguments->output);
    write_synthetic_fraud(arguments->output, arguments->rows, arguments->seed);
    fmt::print("wrote {} synthetic transactions to {}\n", with_commas(arguments->rows), arguments->output);
    program.exit_code = ExitCode::success;
  });
  add_chars(*command, program);
}

}  // namespace ringtrain
