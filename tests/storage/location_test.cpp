#include "storage/location.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

std::string refused(const std::string& text) {
  try {
    const Location place(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Location, OfThisMachineIsAPath) {
  const Location place("data/year=2024/a.csv.gz");
  EXPECT_FALSE(place.is_remote());
  EXPECT_EQ(place.local(), "data/year=2024/a.csv.gz");
  EXPECT_EQ(place.string(), "data/year=2024/a.csv.gz");
  EXPECT_EQ(place.parent_path().string(), "data/year=2024");
  EXPECT_EQ(place.extension(), ".gz");
  EXPECT_EQ((place.parent_path() / "b.csv").string(), "data/year=2024/b.csv");
}

TEST(Location, NamesAreJoinedBeforeTheOptions) {
  const Location folder("s3://bucket/jobs/cards/?scheme=http&region=eu-west-1");
  EXPECT_TRUE(folder.is_remote());
  EXPECT_EQ((folder / "log.jsonl").string(), "s3://bucket/jobs/cards/log.jsonl?scheme=http&region=eu-west-1");
  EXPECT_EQ((folder / "a" / "b.csv").path_in_store(), "bucket/jobs/cards/a/b.csv");
  EXPECT_EQ(folder.parent_path().string(), "s3://bucket/jobs?scheme=http&region=eu-west-1");
  EXPECT_EQ(folder.store(), "s3://bucket?scheme=http&region=eu-west-1");
  EXPECT_EQ((folder / "a.csv.gz").stem().extension(), ".csv");
}

TEST(Location, SurvivesAPathOfTheStandardLibrary) {
  const std::filesystem::path path("gs://anonymous@bucket/a.csv?scheme=http");
  EXPECT_EQ(Location(path).string(), "gs://anonymous@bucket/a.csv?scheme=http");
}

TEST(Location, AQuestionMarkOfAPatternBeginsNoOptions) {
  const Location place("gs://bucket/part-?.csv?scheme=http");
  EXPECT_EQ(place.filename(), "part-?.csv");
  EXPECT_EQ(place.options(), "?scheme=http");
  EXPECT_EQ(Location("gs://bucket/part-?.csv").options(), "");
}

TEST(Location, TheParentOfABucketIsTheBucket) {
  EXPECT_EQ(Location("s3://bucket").parent_path().string(), "s3://bucket");
  EXPECT_EQ(Location("s3://bucket/a").parent_path().string(), "s3://bucket");
}

TEST(Location, WhatIsBelowIsTold) {
  const Location folder("s3://bucket/a?scheme=http");
  EXPECT_EQ((folder / "b" / "c.csv").lexically_relative(folder), "b/c.csv");
  EXPECT_EQ(Location("s3://bucket/a/c").lexically_relative(Location("a")), "");
}

TEST(Location, LooksLikeAPlaceAndIsNone) {
  EXPECT_NE(refused("s3:/bucket/a.csv").find("it begins with s3://"), std::string::npos);
  EXPECT_NE(refused("gs://").find("names no bucket"), std::string::npos);
  EXPECT_NE(refused("s3:///a.csv").find("names no bucket"), std::string::npos);
}

TEST(Location, RefusesPasswordsWithoutRepeatingThem) {
  const auto text = refused("s3://AKIAKEY:topsecret@bucket/a.csv");
  EXPECT_NE(text.find("bucket/a.csv"), std::string::npos) << text;
  EXPECT_EQ(text.find("topsecret"), std::string::npos) << text;
  EXPECT_EQ(text.find("AKIAKEY"), std::string::npos) << text;
}

TEST(Location, IsNotReadAsAFileOfThisMachine) {
  EXPECT_THROW(Location("s3://bucket/a.csv").local(), ConfigError);
  EXPECT_THROW(Location("s3://bucket/a") / "/etc/passwd", ConfigError);
}

TEST(Location, IsOrderedByNamesNotByOptions) {
  const Location folder("s3://bucket?scheme=http");
  EXPECT_LT(folder / "a", folder / "a.csv");
  EXPECT_LT(folder / "a" / "b", folder / "a.csv");
}

}  // namespace
}  // namespace ringtrain
