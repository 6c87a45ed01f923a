#include "launch/new/new_kind.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/files.h"
#include "launch/new/kind_name.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {
namespace fs = std::filesystem;

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
#define EXPECT_HAS_NOT(text, part) EXPECT_EQ((text).find(part), std::string::npos) << (text)

class NewFolder : public testing::Test {
 protected:
  WrittenKind write(const std::string& what, const std::string& name, bool program = false,
                    const std::string& folder = "made") {
    return write_new_kind(
        {.what = what, .name = name, .folder = (here_.path() / folder).string(), .program = program},
        Catalogue::built_in(), "ringtrain");
  }
  std::string refused(const std::string& what, const std::string& name, const std::string& folder = "made") {
    try {
      write(what, name, false, folder);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }
  std::string text(const std::string& file) const { return read_file(here_.path() / "made" / file); }

  const test::TemporaryFolder here_;
};

TEST(KindName, IsWrittenInSmallLettersWithUnderscores) {
  EXPECT_EQ(kind_name("two_towers"), "two_towers");
  EXPECT_EQ(kind_name("TwoTowers"), "two_towers");
  EXPECT_EQ(kind_name("two-towers"), "two_towers");
  EXPECT_EQ(kind_name("Two-Towers"), "two_towers");
  EXPECT_EQ(kind_name("HTTPRows2"), "http_rows2");
  EXPECT_EQ(class_name("two_towers"), "TwoTowers");
  EXPECT_EQ(class_name("rows_2"), "Rows2");
}

TEST(KindName, WhatIsNoneIsTold) {
  for (const auto& good : {"a", "two_towers", "rows2"}) EXPECT_EQ(problem_of_name(kind_name(good)), "");
  for (const auto& bad : {"", "2rows", "_a", "a_", "a__b", "a b", "a/b", "../a", "gr\u00f6\u00dfe", "a.b"})
    EXPECT_HAS(problem_of_name(kind_name(bad)), "is no name");
  for (const auto& bad : {"test", "all", "Ringtrain", "null", "yes"})
    EXPECT_HAS(problem_of_name(kind_name(bad)), "another name");
  EXPECT_HAS(problem_of_name(std::string(61, 'a')), "longer");
}

TEST_F(NewFolder, HasAllOfAKindUnderItsName) {
  for (const std::string what : {"model", "dataset", "task", "callback"})
    for (const bool program : {false, true}) {
      SCOPED_TRACE(what + (program ? ", a program" : ", a plugin"));
      const auto written = write(what, "MyThing", program);
      EXPECT_EQ(written.name, "my_thing");
      const std::string data = what == "dataset" ? "rows.libsvm" : "flats.csv";
      std::vector<std::string> files = {
          "CMakeLists.txt", "README.md",     data,     program ? "main.cpp" : "plugin.cpp",
          "my_thing.h",     "my_thing.yaml", "test.sh"};
      std::sort(files.begin(), files.end());
      EXPECT_EQ(written.files, files);
      for (const auto& file : files)
        for (const auto& word :
             {"your_name", "YourName", "@plugin@", "@program@", "@run@", "@version@", "@prefix@", "@config@"})
          EXPECT_HAS_NOT(text(file), word);
      EXPECT_HAS(text("my_thing.h"), "class MyThingKind");
      EXPECT_HAS(text("my_thing.yaml"), "my_thing");
      EXPECT_EQ(text("my_thing.yaml").find("plugins:") != std::string::npos, !program);
      EXPECT_EQ(text("CMakeLists.txt").find("ringtrain_add_plugin(my_thing_plugin") != std::string::npos,
                !program);
      const std::string run = program ? "build/my_thing" : "ringtrain";
      EXPECT_HAS(text("README.md"), "    " + run + " train my_thing.yaml\n");
      EXPECT_TRUE(written.next.ends_with("  " + run + " train my_thing.yaml --ranks 2\n")) << written.next;
      EXPECT_TRUE(text("test.sh").starts_with("#!/usr/bin/env bash\n"));
      fs::remove_all(here_.path() / "made");
    }
  EXPECT_TRUE(fs::is_empty(here_.path())) << "nothing is left of its making";
}

TEST_F(NewFolder, NeverWritesOverOne) {
  write("model", "rings");
  const auto before = text("rings.h");
  EXPECT_HAS(refused("task", "rings"), "made is there already");
  EXPECT_HAS(refused("task", "rings", "made/"), "made/ is there already");
  EXPECT_EQ(text("rings.h"), before);
  fs::create_directory_symlink(here_.path() / "nowhere", here_.path() / "link");
  EXPECT_HAS(refused("task", "rings", "link"), "link is there already");
  EXPECT_EQ(write("model", "rings", false, "deep/er/").files.size(), 7);
  EXPECT_TRUE(fs::exists(here_.path() / "deep/er/rings.h"));
}

TEST_F(NewFolder, SaysAllThatIsWrongAtOnce) {
  fs::create_directory(here_.path() / "made");
  const auto text = refused("modl", "2_rings");
  EXPECT_HAS(text,
             "KIND: expected one of: model, dataset, task, callback; got 'modl'. Did you mean 'model'?");
  EXPECT_HAS(text, "NAME: '2_rings' is no name");
  EXPECT_HAS(text, "made is there already");
}

TEST_F(NewFolder, ANameIsTakenOnceForEachKindOfThing) {
  EXPECT_HAS(refused("model", "MLP"), "there is a model 'mlp' already");
  EXPECT_HAS(refused("task", "regression"), "there is a task 'regression' already");
  EXPECT_HAS(refused("dataset", "tokens"), "there is a dataset 'tokens' already");
  EXPECT_FALSE(fs::exists(here_.path() / "made"));
  EXPECT_EQ(write("task", "mlp").name, "mlp");
}

}  // namespace
}  // namespace ringtrain
