#pragma once

#include "trainer/run_config.h"

namespace ringtrain {

/// The whole `ringtrain` command, with the kinds of `catalogue`: what `main` of a program with kinds of its
/// own returns. Such a program has every subcommand, its configurations may name its kinds, and it starts
/// itself as ranks, under Slurm and to check an export.
///
///     int main(int argc, char** argv) {
///       auto catalogue = ringtrain::Catalogue::built_in();
///       catalogue.add(std::make_shared<MyModelKind>());
///       return ringtrain::run_main(argc, argv, catalogue);
///     }
///
/// Errors are told on the standard error; the exit codes are those of docs/errors.md. Call it once, before
/// other threads are started: it sets up signals and the memory allocator.
int run_main(int argc, char** argv, const Catalogue& catalogue = Catalogue::built_in());

}  // namespace ringtrain
