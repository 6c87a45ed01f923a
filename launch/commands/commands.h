#pragma once

#include <CLI/CLI.hpp>

#include "launch/program.h"

/// The subcommands: each adds itself to the application; its callback sets the program's `exit_code` or
/// throws Error. `program` outlives the application.
namespace ringtrain {

void add_init_command(CLI::App& app, Program& program);
void add_new_command(CLI::App& app, Program& program);
void add_train_command(CLI::App& app, Program& program);
void add_submit_command(CLI::App& app, Program& program);
void add_doctor_command(CLI::App& app, Program& program);
/// `check`, and `lr-range`, a part of it.
void add_check_command(CLI::App& app, Program& program);
/// Hidden: the fresh process that an export is checked in.
void add_verify_export_command(CLI::App& app, Program& program);
void add_predict_command(CLI::App& app, Program& program);
void add_serve_command(CLI::App& app, Program& program);
void add_models_command(CLI::App& app, Program& program);
void add_versions_command(CLI::App& app, Program& program);
void add_export_command(CLI::App& app, Program& program);
void add_report_command(CLI::App& app, Program& program);
void add_evaluate_command(CLI::App& app, Program& program);
void add_retrain_command(CLI::App& app, Program& program);
void add_learn_command(CLI::App& app, Program& program);
void add_cross_validate_command(CLI::App& app, Program& program);
void add_tune_command(CLI::App& app, Program& program);
void add_config_command(CLI::App& app, Program& program);
void add_generate_command(CLI::App& app, Program& program);
void add_index_command(CLI::App& app, Program& program);

}  // namespace ringtrain
