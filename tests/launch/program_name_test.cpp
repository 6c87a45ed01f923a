#include "launch/program_name.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

std::string name_of(const char* called) { return program_name(1, &called); }

TEST(ProgramName, IsTheFileThatWasCalled) {
  EXPECT_EQ(name_of("/opt/ringtrain/bin/ringtrain"), "ringtrain");
  EXPECT_EQ(name_of("./build/rides"), "rides");
  EXPECT_EQ(name_of("rides"), "rides");
  EXPECT_EQ(name_of(""), "ringtrain");
  EXPECT_EQ(program_name(0, nullptr), "ringtrain");
}

TEST(ProgramName, StandsInExamples) {
  CLI::App app("", "rides");
  auto* command = app.add_subcommand("train");
  app.footer("Examples:\n  ringtrain train a.yaml");
  command->footer("  mpirun -np 2 ringtrain train a.yaml\nkeeps share/ringtrain and `ringtrain config`");
  name_in_examples(app, "rides");
  EXPECT_EQ(app.get_footer(), "Examples:\n  rides train a.yaml");
  EXPECT_EQ(command->get_footer(),
            "  mpirun -np 2 rides train a.yaml\nkeeps share/ringtrain and `rides config`");
  name_in_examples(app, "ringtrain");
  EXPECT_EQ(app.get_footer(), "Examples:\n  rides train a.yaml");
}

}  // namespace
}  // namespace ringtrain
