#include "launch/slurm/submission.h"

#include <gtest/gtest.h>

namespace ringtrain::slurm {
namespace {

std::string script(const std::vector<std::string>& more = {}) {
  Submission job;
  job.name = "fraud";
  job.folder = job.job_dir = "/jobs/fraud";
  job.arguments = {"train", "configs/fraud.yaml"};
  job.nodes = 4;
  job.ranks_per_node = 8;
  job.gpus_per_node = 8;
  job.more = more;
  return render(job, default_template());
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

}  // namespace
}  // namespace ringtrain::slurm
