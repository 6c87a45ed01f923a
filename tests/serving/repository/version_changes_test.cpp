#include "serving/repository/version_changes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::int64_t>;

/// A model with versions 1, 2 and 3 whose files are small texts.
class VersionChanges : public testing::Test {
 protected:
  VersionChanges() {
    for (const std::int64_t version : {1, 2, 3}) {
      const auto folder = model_ / std::to_string(version);
      fs::create_directories(folder);
      std::ofstream(folder / "model.pt") << "weights " << version;
      auto manifest = make_manifest("fraud", "regression", numeric_columns(1, {}));
      manifest.files = {{"model.pt", hash_text("weights " + std::to_string(version))}};
      std::ofstream(folder / "manifest.json") << manifest.to_json();
    }
  }
  VersionState state() const { return VersionState::read(model_); }
  template <class Kind, class Change>
  std::string refused(const Change& change) {
    return without_path(thrown<Kind>(change));
  }
  std::string without_path(std::string text) const {
    const auto path = model_.string();
    for (auto at = text.find(path); at != std::string::npos; at = text.find(path))
      text.replace(at, path.size(), "M");
    return text;
  }

  TemporaryFolder base_;
  fs::path model_ = base_.path() / "fraud";
};

TEST_F(VersionChanges, PromotingAndRollingBack) {
  promote(model_, 1);
  EXPECT_EQ(state().live, 1);
  EXPECT_EQ(state().before, (Numbers{3})) << "the newest was live";
  promote(model_, 2);
  promote(model_, 2);
  EXPECT_EQ(state().before, (Numbers{3, 1})) << "promoted twice is once";
  EXPECT_EQ(roll_back(model_), 1);
  EXPECT_EQ(roll_back(model_), 3);
  EXPECT_EQ(state().live, 3);
  EXPECT_EQ(refused<ConfigError>([&] { roll_back(model_); }),
            "M: no version was live before; `ringtrain versions promote M N` makes another one live");
  EXPECT_EQ(state().live, 3) << "what is refused changes nothing";
  EXPECT_EQ(refused<ExportError>([&] { promote(model_, 4); }),
            "M: there is no version 4; there are: 1, 2, 3");
}

TEST_F(VersionChanges, RollingBackPassesOverVersionsThatAreGone) {
  promote(model_, 1);
  promote(model_, 2);
  promote(model_, 3);
  EXPECT_EQ(state().before, (Numbers{3, 1, 2}));
  fs::remove_all(model_ / "2");
  EXPECT_EQ(roll_back(model_), 1);
  EXPECT_EQ(state().before, (Numbers{3}));
}

TEST_F(VersionChanges, DamagedVersionsAreNotPromoted) {
  std::ofstream(model_ / "2" / "model.pt", std::ios::app) << "x";
  EXPECT_EQ(refused<ExportError>([&] { promote(model_, 2); }),
            "M/2/model.pt is damaged: its hash is not the one in manifest.json; export again");
  fs::remove(model_ / "3" / "model.pt");
  EXPECT_EQ(refused<ExportError>([&] { promote(model_, 3); }), "M/3/model.pt is missing; export again");
  EXPECT_EQ(state().live, std::nullopt);
  EXPECT_NO_THROW(require_whole(model_ / "1"));
  VersionState{VersionState::Policy::latest, 1, {}, 1, {2}, {}}.write(model_);
  EXPECT_NE(refused<ExportError>([&] { roll_back(model_); }).find("is damaged"), std::string::npos);
  EXPECT_EQ(state().live, 1);
  EXPECT_EQ(state().before, (Numbers{2}));
}

TEST_F(VersionChanges, PinningAndLabelsKeepWhatIsLive) {
  EXPECT_EQ(pin_live(model_), 3);
  EXPECT_EQ(state().live, 3);
  VersionState{}.write(model_);
  set_label(model_, "canary", 1);
  EXPECT_EQ(state().live, 3);
  set_label(model_, "canary", 2);
  set_label(model_, "stable", 1);
  EXPECT_EQ(state().labels, (std::map<std::string, std::int64_t>{{"canary", 2}, {"stable", 1}}));
  EXPECT_EQ(refused<ConfigError>([&] { remove_label(model_, "canery"); }),
            "M: there is no label 'canery'; there are: canary, stable. Did you mean 'canary'?");
  remove_label(model_, "canary");
  EXPECT_EQ(state().labels, (std::map<std::string, std::int64_t>{{"stable", 1}}));
  EXPECT_THROW(set_label(model_, "7", 1), ConfigError);
  EXPECT_THROW(set_label(model_, "old", 9), ExportError);
}

TEST_F(VersionChanges, Policies) {
  set_policy(model_, "all");
  EXPECT_EQ(state().served({1, 2, 3}), (Numbers{1, 2, 3}));
  set_policy(model_, "latest:2");
  EXPECT_EQ(state().served({1, 2, 3}), (Numbers{2, 3}));
  set_policy(model_, "specific:2,1");
  EXPECT_EQ(state().served({1, 2, 3}), (Numbers{1, 2, 3})) << "3 is live";
  set_policy(model_, "latest");
  EXPECT_EQ(state().served({1, 2, 3}), (Numbers{3}));
  for (const char* wrong : {"", "newest", "latest:", "latest:0", "latest:-1", "latest:1x",
                            "specific:", "specific:1,,2", "specific:1;2", "specific:99999999999999999999"})
    EXPECT_THROW(set_policy(model_, wrong), ConfigError) << wrong;
  EXPECT_THROW(set_policy(model_, "specific:1,4"), ExportError);
  EXPECT_EQ(state().served({1, 2, 3}), (Numbers{3}));
}

TEST_F(VersionChanges, DeletingIsRefusedForWhatIsUsed) {
  promote(model_, 2);
  set_label(model_, "canary", 1);
  EXPECT_EQ(refused<ConfigError>([&] { delete_version(model_, 2, false); }),
            "M: version 2 is live; make another one live first, or give --force");
  EXPECT_EQ(refused<ConfigError>([&] { delete_version(model_, 1, false); }),
            "M: version 1 has the label canary; remove it first, or give --force");
  EXPECT_EQ(entries(model_),
            (std::vector<std::string>{".last_version", ".lock", "1", "2", "3", "versions.json"}));
  delete_version(model_, 3, false);
  EXPECT_EQ(entries(model_), (std::vector<std::string>{".last_version", ".lock", "1", "2", "versions.json"}));
  EXPECT_TRUE(state().before.empty()) << "3 was live before";
  delete_version(model_, 1, true);
  EXPECT_TRUE(state().labels.empty());
  delete_version(model_, 2, true);
  EXPECT_EQ(state().live, std::nullopt);
  EXPECT_THROW(delete_version(model_, 2, true), ExportError);
}

TEST_F(VersionChanges, TritonIsToldTheVersionsUpToTheLiveOne) {
  const auto config = model_ / "config.pbtxt";
  std::ofstream(config) << "name: \"fraud\"\n";
  set_policy(model_, "all");
  EXPECT_EQ(read_file(config), "name: \"fraud\"\n");
  promote(model_, 2);
  EXPECT_EQ(read_file(config), "name: \"fraud\"\nversion_policy: { specific { versions: [ 1, 2 ] } }\n");
  delete_version(model_, 1, false);
  EXPECT_EQ(read_file(config), "name: \"fraud\"\nversion_policy: { specific { versions: [ 2 ] } }\n");
}

TEST_F(VersionChanges, ThoseAtTheSameTimeDoNotLoseEachOthers) {
  constexpr int writers = 4, labels = 10;
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer)
      threads.emplace_back([this, writer] {
        for (int i = 0; i < labels; ++i)
          set_label(model_, "w" + std::to_string(writer) + "-" + std::to_string(i), 1 + i % 3);
      });
  }
  EXPECT_EQ(state().labels.size(), std::size_t{writers * labels});
}

TEST_F(VersionChanges, AnEmptyModelIsSaid) {
  EXPECT_THROW(promote(base_.path() / "other", 1), ExportError);
  EXPECT_FALSE(fs::exists(base_.path() / "other")) << "not made by the lock";
}

}  // namespace
}  // namespace ringtrain::test
