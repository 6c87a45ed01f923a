#include <gtest/gtest.h>

#include "common/errors.h"
#include "launch/commands/model_evaluation.h"
#include "tests/trainer/own/poisson_task.h"

namespace ringtrain {
namespace {

Manifest counted() {
  Manifest manifest;
  manifest.name = "rides";
  manifest.task = "poisson";
  manifest.provenance = {{"task", "type: poisson\nnan: true\n"}};
  return manifest;
}

TEST(TaskOfAModel, IsOfTheCatalogue) {
  auto catalogue = Catalogue::built_in();
  catalogue.add(std::make_shared<test::PoissonKind>());
  const auto task = task_of(counted(), catalogue);
  EXPECT_EQ(task.kind().name(), "poisson");
  EXPECT_EQ(task.kind().target(), TargetKind::number);
  EXPECT_TRUE(std::isnan(task.kind().judge({.scores = {1}, .targets = {1}}, {}).get("mean_error")));
}

TEST(TaskOfAModel, AnotherProgramsIsNamed) {
  try {
    task_of(counted(), Catalogue::built_in());
    FAIL() << "nothing was thrown";
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(
        text.starts_with("the model rides was trained for the task poisson, which this program does "
                         "not know (it knows: binary_classification, "))
        << text;
    EXPECT_NE(text.find("The program that trained it does"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace ringtrain
