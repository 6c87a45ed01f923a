#include "launch/slurm/submission.h"

#include <gtest/gtest.h>

namespace ringtrain::slurm {
namespace {

Submission submission(const std::string& program = "/opt/ringtrain/bin/ringtrain") {
  Submission job;
  job.program = program;
  job.name = "fraud";
  job.folder = job.job_dir = "/jobs/fraud";
  job.arguments = {"train", "configs/fraud.yaml"};
  job.nodes = 4;
  job.ranks_per_node = 8;
  job.gpus_per_node = 8;
  return job;
}

std::string script(const std::vector<std::string>& more = {}) {
  auto job = submission();
  job.more = more;
  return render(job, default_template());
}

/// What the script starts a rank with.
std::string command_of(Submission job, const std::string& container) {
  job.container = container;
  const auto text = render(job, default_template());
  const auto begin = text.find("program=(") + 9;
  return text.substr(begin, text.find(')', begin) - begin);
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n#SBATCH " + line + "\n") != std::string::npos;
}

TEST(SlurmSubmission, WhatNobodyAskedFor) {
  const auto text = script();
  // Two minutes are for the last checkpoint; the script alone is told, and tells the ranks.
  EXPECT_TRUE(has(text, "--signal=B:USR1@120")) << text;
  EXPECT_TRUE(has(text, "--requeue")) << text;
  EXPECT_TRUE(has(text, "--open-mode=append")) << text;
  EXPECT_TRUE(has(text, "--nodes=4")) << text;
  EXPECT_TRUE(has(text, "--ntasks-per-node=8")) << text;
  EXPECT_TRUE(has(text, "--gpus-per-node=8")) << text;
  EXPECT_TRUE(has(text, "--output=/jobs/fraud/slurm-%j.log")) << text;
  EXPECT_EQ(text.find("#SBATCH --time"), std::string::npos) << text;
  EXPECT_EQ(text.find('@' + std::string("DIRECTIVES")), std::string::npos) << text;
}

TEST(SlurmSubmission, OptionsOfTheUserReplaceOurs) {
  const auto text = script({"signal=B:USR1@600", "qos=high"});
  EXPECT_TRUE(has(text, "--signal=B:USR1@600")) << text;
  EXPECT_FALSE(has(text, "--signal=B:USR1@120")) << text;
  EXPECT_TRUE(has(text, "--qos=high")) << text;
}

TEST(SlurmSubmission, StartsTheProgramThatSubmits) {
  EXPECT_EQ(command_of(submission(), ""), "/opt/ringtrain/bin/ringtrain");
  EXPECT_EQ(command_of(submission("/home/ada/my rides"), ""), "'/home/ada/my rides'");
}

/// ringtrain's own image has it on its PATH; nobody knows where another's has a program of another name.
TEST(SlurmSubmission, StartsTheProgramOfAnImage) {
  EXPECT_EQ(command_of(submission(), "registry/ringtrain:1"), "ringtrain");
  EXPECT_EQ(command_of(submission("/app/rides"), "registry/rides:1"), "/app/rides");
  EXPECT_TRUE(command_of(submission(), "ours.sif").ends_with(" ours.sif ringtrain"));
  EXPECT_TRUE(command_of(submission("/app/rides"), "rides.sif").ends_with(" rides.sif /app/rides"));
}

}  // namespace
}  // namespace ringtrain::slurm
