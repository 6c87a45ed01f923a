#include "launch/jobs/journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/errors.h"
#include "common/files.h"
#include "launch/jobs/text_table.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

TEST(Journal, IsReadAgainWhereItIsAboutTheSame) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "new" / "journal.jsonl";
  const ordered_json about{{"folds", 5}, {"settings", {{"seed", "1"}, {"name", "a"}}}};
  {
    Journal journal(file, about);
    EXPECT_TRUE(journal.entries().empty());
    journal.add({{"fold", "fold-1"}});
    journal.add({{"fold", "fold-2"}});
  }
  Journal again(file, about);
  ASSERT_EQ(again.entries().size(), 2u);
  EXPECT_EQ(again.entries()[1].at("fold"), "fold-2");
}

TEST(Journal, OfSomethingElseIsRefusedWithWhatDiffers) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "journal.jsonl";
  { const Journal first(file, {{"folds", 5}, {"settings", {{"seed", "1"}, {"name", "a"}}}}); }
  const auto problem = [&](const ordered_json& about) -> std::string {
    try {
      const Journal other(file, about);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  const auto text = problem({{"folds", 4}, {"settings", {{"seed", "2"}, {"name", "a"}}}});
  EXPECT_NE(text.find("folds: 5 there, 4 now"), std::string::npos) << text;
  EXPECT_NE(text.find("settings: seed: 1 there, 2 now"), std::string::npos) << text;
  EXPECT_EQ(text.find("name"), text.find("name another")) << text;
  std::ofstream(file) << "not a journal\n";
  EXPECT_NE(problem(ordered_json::object()).find("is no journal"), std::string::npos);
}

TEST(TextTable, ColumnsAreAsWideAsTheyNeedToBe) {
  EXPECT_EQ(text_table({{"", "rows"}, {}, {"fold 1", "7"}, {"mean", "1,234"}}),
            "         rows\n-------------\nfold 1      7\nmean    1,234\n");
}

}  // namespace
}  // namespace ringtrain
