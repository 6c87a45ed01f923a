#include <fmt/format.h>

#include "comm/local/local_communicator.h"
#include "common/exit_code.h"
#include "common/text.h"
#include "data/blocks/block_index.h"
#include "data/table/table_files.h"
#include "launch/commands/commands.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::size_t kMostShown = 20;

struct Arguments {
  std::string data, output;
  std::int64_t block_mib = StreamingConfig().block_mib;
};

std::string counted_as(std::int64_t count, const char* what) {
  return fmt::format("{} {}{}", with_commas(count), what, count == 1 ? "" : "s");
}

void show(const BlockIndex& index) {
  std::vector<std::int64_t> blocks(index.files.size(), 0);
  for (const auto& block : index.blocks) ++blocks[static_cast<std::size_t>(block.file)];
  for (std::size_t f = 0; f < index.files.size() && f < kMostShown; ++f) {
    const auto& file = index.files[f];
    const auto end = f + 1 < index.files.size() ? index.files[f + 1].first_row : index.rows();
    fmt::print("{:>16}  {:>13}  {:>9.1f} MiB  {}\n", counted_as(end - file.first_row, "row"),
               counted_as(blocks[f], "block"), static_cast<double>(file.bytes) / static_cast<double>(kMiB),
               name_in(index.place, file.file.path));
  }
  if (index.files.size() > kMostShown)
    fmt::print("{:>15}  and {} more files\n", "", index.files.size() - kMostShown);
  fmt::print("{}: {} in {} of {}, content {}\n", index.place.string(), counted_as(index.rows(), "row"),
             counted_as(static_cast<std::int64_t>(index.blocks.size()), "block"),
             counted_as(static_cast<std::int64_t>(index.files.size()), "file"), index.hash());
}

}  // namespace

void add_index_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "index", "List the blocks of a large table, so that a run with data.streaming starts at once.");
  command->add_option("DATA", arguments->data, "A CSV or Parquet file, a folder of them, or a pattern")
      ->required();
  command->add_option("--block-mib", arguments->block_mib, "About the size of the blocks of a CSV file")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command
      ->add_option("--output", arguments->output,
                   "The file to write, in place of index.json in the folder _ringtrain beside the data")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  ringtrain index payments/\n"
      "  ringtrain index 'payments/2024-*.csv' --block-mib 16\n"
      "A run makes the index itself where it is not there. It is made anew when a file has changed.");
  command->callback([arguments, &program] {
    LocalCommunicator alone;
    const auto file = arguments->output.empty() ? index_file(arguments->data) : Location(arguments->output);
    const auto index = open_index({file}, arguments->data, {}, arguments->block_mib * kMiB, alone);
    show(index);
    program.exit_code = ExitCode::success;
  });
}

}  // namespace ringtrain
