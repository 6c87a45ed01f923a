#include <fmt/format.h>

#include <filesystem>

#include "common/text.h"
#include "data/synthetic_fraud.h"
#include "launch/commands.h"

namespace ringtrain {

void add_generate_command(CLI::App& app, int& exit_code) {
  struct Arguments {
    std::string output = "datasets/fraud_synthetic.csv";
    std::int64_t rows = 284807;
    std::uint64_t seed = 1;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("generate", "Make synthetic data to try things on.");
  command->require_subcommand(1);
  auto* fraud = command->add_subcommand(
      "fraud", "Synthetic card transactions in the layout of the public creditcard.csv.");
  fraud->add_option("--output", arguments->output, "The CSV file")->capture_default_str();
  fraud->add_option("--rows", arguments->rows, "How many transactions; 0.17 % are fraud")
      ->check(CLI::Range(1000, 1000000000))
      ->capture_default_str();
  fraud->add_option("--seed", arguments->seed, "The same seed gives the same file")->capture_default_str();
  fraud->callback([arguments, &exit_code] {
    if (const auto folder = std::filesystem::path(arguments->output).parent_path(); !folder.empty())
      std::filesystem::create_directories(folder);
    write_synthetic_fraud(arguments->output, arguments->rows, arguments->seed);
    fmt::print("wrote {} synthetic transactions to {}\n", with_commas(arguments->rows), arguments->output);
    exit_code = 0;
  });
}

}  // namespace ringtrain
