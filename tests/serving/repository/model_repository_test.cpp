#include "serving/repository/model_repository.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <fstream>

#include "common/errors.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::int64_t>;

TEST(VersionNumber, IsDigitsFromOne) {
  EXPECT_EQ(version_number("1"), 1);
  EXPECT_EQ(version_number("9223372036854775807"), 9223372036854775807);
  for (const char* text : {"", "0", "01", "00001", "-1", "+1", "1e3", "1.0", " 1", "1 ", "v1", "0x1",
                           "9223372036854775808", "99999999999999999999"})
    EXPECT_EQ(version_number(text), std::nullopt) << text;
}

class ModelRepository : public testing::Test {
 protected:
  void make(const std::string& folder) { fs::create_directories(base_ / folder); }
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const auto& [name, folder] : model_folders(base_).models) list.push_back(name);
    return list;
  }
  TemporaryFolder folder_;
  const fs::path& base_ = folder_.path();
};

TEST_F(ModelRepository, HiddenFoldersAndThoseWithoutVersionsAreNoModels) {
  make("fraud/1");
  make("fraud/12");
  make("price/3");
  make(".hidden/1");
  make(".snapshot/fraud/1");
  make("lost+found");
  make("old/00001");
  std::ofstream(base_ / "readme") << "x";
  EXPECT_EQ(names(), (std::vector<std::string>{"fraud", "price"}));
  EXPECT_EQ(versions(base_ / "fraud"), (Numbers{1, 12}));
  EXPECT_TRUE(model_folders(base_).unreadable.empty());
}

TEST_F(ModelRepository, LinksAreFollowedAndThoseThatLeadNowhereAreNothing) {
  make("store/a/1");
  make("store/b/2");
  fs::create_directory_symlink(base_ / "store" / "a", base_ / "fraud");
  fs::create_directory_symlink(base_ / "none", base_ / "broken");
  fs::create_directory_symlink(base_ / "loop", base_ / "loop");
  fs::create_directory_symlink(base_ / "store" / "b" / "2", base_ / "store" / "a" / "7");
  fs::create_directory_symlink(base_ / "none", base_ / "store" / "a" / "8");
  fs::create_directory_symlink("9", base_ / "store" / "a" / "9");
  EXPECT_EQ(names(), (std::vector<std::string>{"fraud"}));
  EXPECT_TRUE(model_folders(base_).unreadable.empty());
  EXPECT_EQ(versions(base_ / "fraud"), (Numbers{1, 7}));
}

TEST_F(ModelRepository, WhatCannotBeListedIsNoEmptyFolder) {
  EXPECT_TRUE(versions(base_ / "none").empty());
  std::error_code error;
  versions(base_ / "none", error);
  EXPECT_EQ(error, std::errc::no_such_file_or_directory);
  EXPECT_NE(thrown<ExportError>([&] {
              model_folders(base_ / "none");
            }).find("none cannot be listed: No such file or directory"),
            std::string::npos);
  if (::geteuid() != 0) GTEST_SKIP() << "the rest needs root";
  make("fraud/1");
  make("price/1");
  fs::permissions(base_ / "price", fs::perms::none);
  fs::permissions(base_, fs::perms::all);
  ::setfsuid(65534);
  const auto found = model_folders(base_);
  const auto problem = thrown<ExportError>([&] { versions(base_ / "price"); });
  ::setfsuid(0);
  EXPECT_EQ(found.models.size(), 1U);
  ASSERT_TRUE(found.unreadable.contains("price"));
  EXPECT_NE(found.unreadable.at("price").find("price cannot be listed: Permission denied"),
            std::string::npos);
  EXPECT_NE(problem.find("price cannot be listed: Permission denied"), std::string::npos);
}

TEST_F(ModelRepository, AModelIsCalledAsItsFolder) {
  EXPECT_EQ(model_name_of("/a/fraud"), "fraud");
  EXPECT_EQ(model_name_of("/a/fraud/"), "fraud");
  EXPECT_EQ(model_name_of("/a/./fraud/."), "fraud");
  EXPECT_EQ(model_name_of("."), fs::current_path().filename());
}

}  // namespace
}  // namespace ringtrain::test
