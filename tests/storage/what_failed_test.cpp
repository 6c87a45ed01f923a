#include <arrow/status.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "storage/arrow_files.h"

namespace ringtrain {
namespace {

std::string told(const char* place, const std::string& message) {
  return what_failed(place, arrow::Status::IOError(message));
}

TEST(WhatFailed, NamesThePlaceAndWhatToDo) {
  const auto none = told("s3://bucket/a.csv", "Path does not exist 'bucket/a.csv'");
  EXPECT_TRUE(none.starts_with("s3://bucket/a.csv: there is no such object")) << none;
  EXPECT_NE(told("s3://bucket/a.csv", "AWS Error ACCESS_DENIED").find("AWS_ACCESS_KEY_ID"),
            std::string::npos);
  EXPECT_NE(told("gs://bucket/a.csv", "google::cloud::Status(PERMISSION_DENIED: no)")
                .find("GOOGLE_APPLICATION_CREDENTIALS"),
            std::string::npos);
  EXPECT_NE(told("gs://bucket/a.csv", "UNAVAILABLE: Could not connect").find("does not answer"),
            std::string::npos);
}

TEST(WhatFailed, HasNoSecretThatAServerRepeats) {
  ::setenv("AWS_SECRET_ACCESS_KEY", "very/secret+text", 1);
  const auto text =
      told("s3://bucket/a.csv", "AWS Error SIGNATURE_DOES_NOT_MATCH: key very/secret+text is wrong");
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  EXPECT_EQ(text.find("very/secret"), std::string::npos) << text;
  EXPECT_NE(text.find("refuses the credentials"), std::string::npos) << text;
}

}  // namespace
}  // namespace ringtrain
