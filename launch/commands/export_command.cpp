#include <fmt/format.h>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/text.h"
#include "launch/commands/commands.h"
#include "trainer/checkpoint/found_checkpoint.h"
#include "trainer/run_config.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string run, format, output;
};

/// The form that the run's model has elsewhere. Throws ConfigError that names those that there are.
std::shared_ptr<const PublishedForm> form_of(const RunConfig& config, const std::string& format) {
  const auto form = config.model.kind().published();
  if (form && form->name() == format) return form;
  std::vector<std::string> known;
  for (const auto& kind : config.model.kinds)
    if (const auto other = kind->published())
      known.push_back(fmt::format("{} (model.type: {})", other->name(), kind->name()));
  throw ConfigError(
      fmt::format("--format {}: a {} is not written so; there are: {}. Every checkpoint's model.safetensors "
                  "holds the weights "
                  "under its modules' names, which PyTorch's load_state_dict takes",
                  format, config.model.type, join(known)));
}

int write_published(const Arguments& arguments, const Catalogue& catalogue) {
  const auto found = find_checkpoint(arguments.run);
  if (!found)
    throw ConfigError(fmt::format(
        "{} holds no checkpoint; expected a job's folder, JOB/checkpoints/step-N or an exported version",
        arguments.run));
  const auto folder = found->store.folder_of(found->step);
  const Checkpoint checkpoint = found->load();
  const auto config = RunConfig::from_text(checkpoint.config, (folder / "config.yaml").string(), catalogue);
  const auto form = form_of(config, arguments.format);
  const fs::path output = fs::absolute(arguments.output);
  if (fs::exists(output))
    throw ConfigError(fmt::format("--output {}: is there already; name another folder", output.string()));
  const auto written = form->write(checkpoint.weights);
  StagedFolder staged(output);
  write_file_synced(staged.path() / "config.json", written.config);
  write_file_synced(staged.path() / "model.safetensors",
                    write_safetensors(written.weights, {{"format", "pt"}}));
  staged.commit();
  fmt::print("{} of step {} is in {}\n", form->name(), with_commas(found->step), output.string());
  return ExitCode::success;
}

}  // namespace

void add_export_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "export", "Write a run's weights as others publish them: a language model for Hugging Face.");
  command
      ->add_option("RUN", arguments->run,
                   "A job's folder (its best checkpoint), JOB/checkpoints/step-N, or an exported version")
      ->required();
  command->add_option("--format", arguments->format, "huggingface: a folder that from_pretrained takes")
      ->required();
  command->add_option("--output", arguments->output, "The folder to be made")->required();
  command->footer(
      "Example:\n  ringtrain export jobs/gpt_chars --format huggingface --output gpt_chars_hf\n"
      "What serves a model, with its preprocessing, is written by training itself (the export block).");
  command->callback(
      [arguments, &program] { program.exit_code = write_published(*arguments, program.catalogue); });
}

}  // namespace ringtrain
