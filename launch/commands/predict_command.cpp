#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>

#include "comm/agreement.h"
#include "comm/world.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/log.h"
#include "common/output_file.h"
#include "common/progress.h"
#include "common/text.h"
#include "data/schema/vocabulary.h"
#include "launch/commands/commands.h"
#include "launch/commands/remote_model.h"
#include "launch/mpirun/cores.h"
#include "serving/batch/batch_prediction.h"
#include "serving/predict/model_outputs.h"
#include "storage/storage.h"
#ifdef RINGTRAIN_HAS_SERVER
#include "serving/client/remote_model.h"
#endif

namespace ringtrain {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

struct Arguments {
  std::string model;
  std::vector<std::string> any, json_instances, csv, parquet;
  std::string output = "jsonl", output_file, server, token_file;
  RowOptions rows;
  std::int64_t batch_size = 1024;
  bool from_stdin() const { return json_instances.size() == 1 && json_instances[0] == "-"; }
};

/// The model, here or at a server.
class Answerer {
 public:
  explicit Answerer(const Arguments& arguments) {
    if (arguments.server.empty()) {
      local_ = std::make_unique<Predictor>(local_model(arguments.model));
      return;
    }
#ifdef RINGTRAIN_HAS_SERVER
    HttpClient::Options options;
    if (!arguments.token_file.empty()) {
      std::ifstream in(arguments.token_file);
      std::getline(in, options.token);
      options.token.resize(options.token.find_last_not_of(" \t\r") + 1);
      if (options.token.empty())
        throw ConfigError(
            fmt::format("{} (--token-file) has no token in its first line", arguments.token_file));
    }
    remote_ = std::make_unique<RemoteModel>(arguments.server, arguments.model, options);
#else
    throw ConfigError("--server: this ringtrain was built without it (RINGTRAIN_SERVER=OFF)");
#endif
  }

  const Manifest& manifest() const {
#ifdef RINGTRAIN_HAS_SERVER
    if (remote_) return remote_->manifest();
#endif
    return local_->manifest();
  }

  Predictor::Answers predict(const Predictor::Rows& rows) {
#ifdef RINGTRAIN_HAS_SERVER
    if (remote_) return remote_->predict(rows);
#endif
    return local_->predict(rows);
  }

 private:
  std::unique_ptr<Predictor> local_;
#ifdef RINGTRAIN_HAS_SERVER
  std::unique_ptr<RemoteModel> remote_;
#endif
};

/// Where the answers go: the standard output, or a file (of `writes`, of which there is one).
class Output {
 public:
  Output(const std::string& file, bool writes) {
    std::ios::sync_with_stdio(false);
    if (!file.empty() && writes) file_.emplace(Location(file).local());
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  std::ostream& stream() { return file_ ? file_->stream() : std::cout; }

  void finish() {
    if (file_) return file_->commit();
    stream().flush();
    if (!stream()) throw Error("writing the answers failed; is the disk full?");
  }

 private:
  std::optional<OutputFile> file_;
};

std::vector<RowFile> files_of(const Arguments& arguments) {
  static constexpr RowForm json = RowForm::json_lines, csv = RowForm::csv, parquet = RowForm::parquet;
  const auto found = [](const std::vector<std::string>& places, const RowForm* form) {
    return find_row_files({places.begin(), places.end()}, form);
  };
  if (!arguments.json_instances.empty()) return found(arguments.json_instances, &json);
  if (!arguments.csv.empty()) return found(arguments.csv, &csv);
  if (!arguments.parquet.empty()) return found(arguments.parquet, &parquet);
  return found(arguments.any, nullptr);
}

/// Rows of all files, which are the same for all ranks.
std::unique_ptr<RowSource> open_rows(const Arguments& arguments, const Manifest& manifest,
                                     Communicator& control, std::int64_t& bytes) {
  std::unique_ptr<RowSource> source;
  std::string listed;
  together(control, "opening the rows", [&] {
    if (arguments.from_stdin()) {
      if (control.world_size() > 1)
        throw ConfigError("the standard input reaches rank 0 alone; give several processes a file");
      source = open_json_lines(std::cin, manifest.preprocessing, arguments.rows);
      return;
    }
    auto files = files_of(arguments);
    const bool from_stdin =
        std::any_of(files.begin(), files.end(), [](const RowFile& file) { return file.path == "-"; });
    if (from_stdin && files.size() > 1)
      throw ConfigError("the standard input (-) is answered alone, not beside other files");
    if (from_stdin && control.world_size() > 1)
      throw ConfigError("the standard input reaches rank 0 alone; give several processes a file");
    for (const auto& file : files) {
      const auto size = stored_bytes(file.path);
      bytes += size;
      listed += fmt::format("{} ({} bytes)\n", file.path.string(), size);
    }
    source = open_row_files(std::move(files), manifest.preprocessing, arguments.rows);
  });
  agree_on(control, "the rows that are to be answered", listed);
  return source;
}

/// What no rank's model was trained for, by rank 0.
void tell_unseen(UnseenWords& unseen, Communicator& control) {
  auto& counts = unseen.counts();
  if (counts.empty()) return;
  const at::Tensor all = at::tensor(counts, at::kLong);
  control.all_reduce(all).wait();
  std::copy_n(all.const_data_ptr<std::int64_t>(), counts.size(), counts.begin());
  if (const auto text = unseen.text(); control.rank() == 0 && !text.empty())
    fmt::print(stderr, "ringtrain: {}\n", text);
}

BatchCounts predict(World& world, const Arguments& arguments) {
  auto& control = world.control();
  const bool first = world.rank() == 0;
  if (world.local_size() > 1)
    at::set_num_threads(std::max(1, static_cast<int>(usable_cores().size()) / world.local_size()));
  std::optional<Answerer> model;
  std::optional<AnswerText> text;
  std::optional<Output> output;
  together(control, "loading the model", [&] {
    model.emplace(arguments);
    text.emplace(model->manifest(), arguments.output, arguments.rows.key);
  });
  std::int64_t bytes = 0;
  const auto source = open_rows(arguments, model->manifest(), control, bytes);
  together(control, "opening the output", [&] { output.emplace(arguments.output_file, first); });
  std::unique_ptr<Progress> progress;
  if (first && bytes > 4 * kMiB) progress = std::make_unique<Progress>("MiB", bytes / kMiB);
  UnseenWords unseen(model->manifest().preprocessing.categorical);
  const auto counts = predict_rows(
      *source,
      [&](const auto& rows) {
        unseen.count(rows.categorical);
        return model->predict(rows);
      },
      *text, output->stream(), rows_at_once(model->manifest(), arguments.batch_size), control,
      [&](std::int64_t done, std::int64_t rows) {
        if (progress)
          progress->update(std::min(done, bytes) / kMiB, fmt::format("{} rows", with_commas(rows)));
      });
  if (progress) progress->finish();
  together(control, "writing the answers", [&] { output->finish(); });
  tell_unseen(unseen, control);
  return counts;
}

int run(const Arguments& arguments) {
  World world;
  log::set_identity(world.rank(), world.world_size(), world.host(), "cpu");
  BatchCounts counts;
  try {
    counts = predict(world, arguments);
  } catch (const Error& error) {
    if (error.agreed()) world.close();
    throw;
  }
  if (counts.errors > 0 && world.rank() == 0)
    fmt::print(stderr, "ringtrain: {} of {} rows could not be answered; see their lines\n",
               with_commas(counts.errors), with_commas(counts.rows));
  world.close();
  return counts.errors > 0 ? ExitCode::configuration : ExitCode::success;
}

void add_inputs(CLI::App& command, Arguments& arguments) {
  auto* inputs = command.add_option_group("input", "One of, each a file or a folder of files:");
  inputs->add_option("--input", arguments.any,
                     "Rows in the form that the name tells: .csv, .parquet, .jsonl, .ndjson, .json; .csv.gz, "
                     ".jsonl.gz");
  inputs->add_option("--json-instances", arguments.json_instances,
                     "A JSON object or array a line; - is the standard input");
  inputs->add_option("--csv", arguments.csv, "CSV with a header; - is the standard input");
  inputs->add_option("--parquet", arguments.parquet, "Parquet");
  inputs->require_option(1);
}

}  // namespace

void add_predict_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("predict", "Answer the rows of files with an exported model.");
  command
      ->add_option(
          "MODEL", arguments->model,
          "The exported model: BASE/NAME (its newest version), BASE/NAME/VERSION, BASE/NAME@live; with "
          "--server NAME, NAME/VERSION, NAME@LABEL")
      ->required();
  add_inputs(*command, *arguments);
  command->add_option("--key", arguments->rows.key, "A field that is carried from each row to its answer")
      ->type_name("FIELD");
  command->add_option("--drop", arguments->rows.dropped, "Fields of JSON rows that the model does not know")
      ->type_name("FIELD");
  command->add_option("--output", arguments->output, "Form of the answers")
      ->check(CLI::IsMember({"jsonl", "csv"}))
      ->capture_default_str();
  command->add_option("--output-file", arguments->output_file,
                      "Where the answers go, whole or not at all (the standard output)");
  command->add_option("--batch-size", arguments->batch_size, "Rows answered at a time")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--server", arguments->server, "Ask this server instead: http://host:8501")
      ->type_name("URL");
  command->add_option("--token-file", arguments->token_file, "Its first line is the server's bearer token");
  command->footer(
      "Examples:\n"
      "  ringtrain predict jobs/fraud/export/fraud --json-instances rows.json\n"
      "  ringtrain predict jobs/fraud/export/fraud/1 --csv new.csv --output csv > answers.csv\n"
      "  mpirun -np 8 ringtrain predict models/fraud@live --input july/ --key id --output-file "
      "answers.jsonl\n"
      "  ringtrain predict fraud@canary --input new.parquet --server http://localhost:8501\n"
      "Rows of any number take the same memory. Several processes share them; the answers keep the rows' "
      "order.\n"
      "A row that cannot be answered gives an error on its own line; the exit code is 2 then.");
  command->callback([arguments, &program] { program.exit_code = run(*arguments); });
}

}  // namespace ringtrain
