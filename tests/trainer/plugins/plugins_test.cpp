#include "trainer/plugins/plugins.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/errors.h"
#include "common/hash.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

std::string refused(const std::string& file, Catalogue catalogue = Catalogue::built_in()) {
  const auto models = catalogue.models.size();
  try {
    add_plugin(file, catalogue);
  } catch (const ConfigError& error) {
    EXPECT_EQ(catalogue.models.size(), models);  // nothing of it is left
    EXPECT_TRUE(catalogue.plugins.empty());
    return error.what();
  }
  return "it was taken";
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Plugins, AddTheirKindsOnce) {
  auto catalogue = Catalogue::built_in();
  const auto models = catalogue.models.size();
  add_plugin(GOOD_PLUGIN, catalogue);
  ASSERT_EQ(catalogue.models.size(), models + 1);
  EXPECT_EQ(catalogue.models.back()->name(), "sentence");
  ASSERT_EQ(catalogue.plugins.size(), 1U);
  EXPECT_EQ(catalogue.plugins[0].file, std::filesystem::canonical(GOOD_PLUGIN));
  EXPECT_EQ(catalogue.plugins[0].hash, hash_file(GOOD_PLUGIN));
  add_plugin(GOOD_PLUGIN, catalogue);
  EXPECT_EQ(catalogue.models.size(), models + 1);
  auto another = Catalogue::built_in();
  add_plugin(GOOD_PLUGIN, another);
  EXPECT_EQ(another.models.size(), models + 1);
}

TEST(Plugins, AConfigurationNamesThemAndTheirKinds) {
  const std::string text = "data: {train_file: a.csv, target: y}\nmodel: {type: sentence, width: 7}\n";
  const auto with = "plugins: [" + std::string(GOOD_PLUGIN) + "]\n" + text;
  const auto config = RunConfig::from_text(with, "with");
  EXPECT_EQ(config.plugins, std::vector<std::string>{std::filesystem::canonical(GOOD_PLUGIN)});
  EXPECT_EQ(config.loaded_plugins.size(), 1U);
  const auto again = RunConfig::from_text(config.to_yaml(), "again");
  EXPECT_EQ(again.to_yaml(), config.to_yaml());
  EXPECT_SAYS(config.to_yaml(), "width: 7");
  try {
    RunConfig::from_text(text, "without");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_SAYS(std::string(error.what()), "'sentence'");
  }
}

TEST(Plugins, WhatDoesNotFitIsRefusedWithWhatToDo) {
  EXPECT_SAYS(refused("/nowhere/libmine.so"), "the plugin /nowhere/libmine.so: ");
  EXPECT_SAYS(refused("/nowhere/libmine.so"), "A path starts at the folder that the command is run in");
  EXPECT_SAYS(refused("libm.so.6"), "it is a library, but no plugin of ringtrain");
  EXPECT_SAYS(refused(OLD_PLUGIN), "it was built with ringtrain 0.0.9, LibTorch 2.11.0");
  EXPECT_SAYS(refused(OLD_PLUGIN), "Build it again against this one");
  EXPECT_SAYS(refused(THROWING_PLUGIN), "the licence has run out");
  EXPECT_SAYS(refused(LACKING_PLUGIN), "not_there_at_all");
  EXPECT_SAYS(refused(LACKING_PLUGIN), "ringtrain_add_plugin");
  const test::TemporaryFolder folder;
  folder.write("text.so", "no library\n");
  EXPECT_SAYS(refused((folder.path() / "text.so").string()), "text.so");
}

TEST(Plugins, ANameThatIsTakenIsRefused) {
  const test::TemporaryFolder folder;
  const auto copy = folder.path() / "libcopy.so";
  std::filesystem::copy_file(GOOD_PLUGIN, copy);
  auto catalogue = Catalogue::built_in();
  add_plugin(GOOD_PLUGIN, catalogue);
  try {
    add_plugin(copy.string(), catalogue);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_SAYS(std::string(error.what()), "libcopy.so: a model of the name 'sentence' is there already");
  }
  EXPECT_EQ(catalogue.plugins.size(), 1U);
}

TEST(Plugins, TheEnvironmentListsThem) {
  ::setenv("RINGTRAIN_PLUGINS", "a.so::/b/c.so", 1);
  EXPECT_EQ(plugins_of_environment(), (std::vector<std::string>{"a.so", "/b/c.so"}));
  ::unsetenv("RINGTRAIN_PLUGINS");
  EXPECT_TRUE(plugins_of_environment().empty());
}

TEST(Plugins, AreToldWithTheirContent) {
  EXPECT_EQ(plugins_text({}), "none");
  EXPECT_EQ(plugins_text({{"a.so", "1"}, {"b.so", "2"}}), "a.so 1, b.so 2");
}

}  // namespace
}  // namespace ringtrain
