#include "serving/server/served_models.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <thread>

#include "common/errors.h"
#include "common/files.h"
#include "serving/repository/version_changes.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Numbers = std::vector<std::int64_t>;

/// Another user than root while it lives, for this thread: what the mode of a file refuses is refused.
class Nobody {
 public:
  Nobody() { ::setfsuid(65534); }
  ~Nobody() { ::setfsuid(0); }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;
};

/// Copies of a regression with two columns, exported once; its versions differ in their weights.
class ServedModelsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    exported_ = std::make_unique<TemporaryFolder>();
    const auto manifest = make_manifest("price", "regression", numeric_columns(2, {}));
    for (int version = 1; version <= 3; ++version) {
      at::manual_seed(version);
      export_model(request_of(exported_->path(), manifest, make_mlp(2, 1)), verify_command());
    }
  }
  static void TearDownTestSuite() { exported_.reset(); }

  /// Puts an exported version where the server looks, whole at once.
  void put(std::int64_t from, std::int64_t as = 0) {
    const auto folder = model_ / std::to_string(as == 0 ? from : as);
    const auto staged = model_ / ".staged";
    fs::create_directories(model_);
    fs::copy(source(from), staged, fs::copy_options::recursive);
    fs::remove_all(folder);
    fs::rename(staged, folder);
  }
  static fs::path source(std::int64_t version) {
    return exported_->path() / "price" / std::to_string(version);
  }
  void damage(std::int64_t version) {
    std::ofstream(model_ / std::to_string(version) / "model.pt", std::ios::app) << "x";
  }

  ServedModels& models() {
    if (!models_) models_ = std::make_unique<ServedModels>(base_.path(), options_, pool_, metrics_);
    return *models_;
  }
  /// The version that answers; 0: none.
  std::int64_t live() { return number(models().find("price")); }
  static std::int64_t number(const ServedModels::Loaded& version) { return version ? version->number : 0; }
  Numbers loaded() {
    Numbers list;
    for (const auto& version : models().versions_of("price"))
      if (version.state == "AVAILABLE") list.push_back(version.number);
    return list;
  }
  std::string problem_of(std::int64_t number) {
    for (const auto& version : models().versions_of("price"))
      if (version.number == number) return version.problem;
    return "there is no such version";
  }
  /// How often a version could not be loaded.
  std::string failures() {
    const auto text = metrics_.text({});
    const std::string name = "ringtrain_model_load_failures_total{model=\"price\"} ";
    const auto at = text.find(name);
    return at == std::string::npos ? "0"
                                   : text.substr(at + name.size(), text.find('\n', at) - at - name.size());
  }
  static Predictor::Rows row() { return {at::tensor({1.F, 2.F}).view({1, 2}), {}, {}}; }
  /// What a loaded version answers for that row, through its batcher.
  static float answer(const ServedModels::Loaded& version) {
    if (!version) {
      ADD_FAILURE() << "no version is loaded";
      return 0;
    }
    std::promise<float> promise;
    version->batcher->submit(
        row(), [&promise](const Predictor::Answers& answers, const std::exception_ptr& error) {
          error ? promise.set_exception(error) : promise.set_value(answers.predictions[0].item<float>());
        });
    return promise.get_future().get();
  }
  static float expected(std::int64_t version) {
    return Predictor(source(version).string()).predict(row()).predictions[0].item<float>();
  }

  inline static std::unique_ptr<TemporaryFolder> exported_;
  TemporaryFolder base_;
  fs::path model_ = base_.path() / "price";
  ServedModels::Options options_{.loading = {.batching = {}, .warm_up = true}, .retry = 60s};
  Metrics metrics_;
  boost::asio::thread_pool pool_{2};
  std::unique_ptr<ServedModels> models_;
};

TEST_F(ServedModelsTest, TheNewestVersionAnswers) {
  put(1);
  put(2);
  models().scan();
  EXPECT_EQ(models().names(), std::vector<std::string>{"price"});
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(loaded(), Numbers{2});
  EXPECT_EQ(models().find("price", std::int64_t{1}), nullptr);
  EXPECT_EQ(models().find("prize"), nullptr);
  EXPECT_TRUE(models().versions_of("prize").empty());
  EXPECT_EQ(answer(models().find("price")), expected(2));
  EXPECT_NE(expected(1), expected(2));
  EXPECT_EQ(models().waiting_rows(), 0);
}

TEST_F(ServedModelsTest, ANewerVersionTakesOverAndTheOldOneGoesWhenItsRequestsAreDone) {
  put(1);
  models().scan();
  auto held = models().find("price");
  const std::weak_ptr<const LoadedVersion> watched = held;
  put(2);
  models().scan();
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(loaded(), Numbers{2});
  EXPECT_EQ(answer(held), expected(1)) << "a request that began with it is answered by it";
  pool_.join();
  held.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ServedModelsTest, TheSameNumberWithOtherFilesIsLoadedAnew) {
  put(1);
  models().scan();
  const auto before = models().find("price");
  models().scan();
  EXPECT_EQ(models().find("price"), before) << "nothing changed";
  put(2, 1);
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(answer(models().find("price")), expected(2));
}

TEST_F(ServedModelsTest, ADamagedVersionKeepsTheOldOne) {
  put(1);
  models().scan();
  put(2);
  damage(2);
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(answer(models().find("price")), expected(1));
  EXPECT_NE(problem_of(2).find("model.pt is damaged"), std::string::npos);
  EXPECT_EQ(failures(), "1");
  models().scan();
  EXPECT_EQ(failures(), "1") << "the same files are not tried again";
  put(2);
  models().scan();
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(problem_of(2), "");
}

TEST_F(ServedModelsTest, FilesThatAreDamagedWhileTheyAreServed) {
  put(1);
  models().scan();
  damage(1);
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(answer(models().find("price")), expected(1));
  EXPECT_NE(problem_of(1).find("model.pt is damaged"), std::string::npos);
}

TEST_F(ServedModelsTest, AnOlderVersionIsBetterThanNone) {
  for (const std::int64_t version : {1, 2, 3}) put(version);
  damage(3);
  models().scan();
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(loaded(), Numbers{2}) << "no more than one is needed";
}

TEST_F(ServedModelsTest, VersionsThatFailAreNotTriedAtEveryScan) {
  for (const std::int64_t version : {1, 2}) {
    put(version);
    damage(version);
  }
  models().scan();
  EXPECT_EQ(live(), 0);
  EXPECT_EQ(failures(), "2");
  models().scan();
  models().scan();
  EXPECT_EQ(failures(), "2");
  EXPECT_NE(problem_of(1).find("model.pt is damaged"), std::string::npos) << "it is still said";
  put(1);
  models().scan();
  EXPECT_EQ(live(), 1);
}

TEST_F(ServedModelsTest, PromotionLabelsAndPolicies) {
  for (const std::int64_t version : {1, 2, 3}) put(version);
  promote(model_, 2);
  set_label(model_, "canary", 3);
  models().scan();
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(loaded(), (Numbers{2, 3}));
  EXPECT_EQ(number(models().find("price", "canary")), 3);
  EXPECT_EQ(number(models().find("price", "live")), 2);
  EXPECT_EQ(models().find("price", "stable"), nullptr);
  EXPECT_EQ(models().labels_of("price"), (std::map<std::string, std::int64_t>{{"canary", 3}}));
  set_policy(model_, "all");
  promote(model_, 1);
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(loaded(), (Numbers{1, 2, 3}));
  std::ofstream(model_ / "versions.json") << "{";
  models().scan();
  EXPECT_EQ(live(), 1) << "what was known before goes on";
  EXPECT_EQ(loaded(), (Numbers{1, 2, 3}));
}

TEST_F(ServedModelsTest, AVersionThatCannotAnswerItsWarmUpIsNotServed) {
  put(1);
  put(2);
  std::ofstream(model_ / "2" / "warmup.json") << R"({"instances": [[1, 2, 3]]})";
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_NE(problem_of(2).find("warmup.json: row 1: expected 2 values (V0, V1), got 3"), std::string::npos)
      << problem_of(2);
  std::ofstream(model_ / "2" / "warmup.json") << R"({"instances": [[1, 2]]})";
  models().scan();
  EXPECT_EQ(live(), 2) << "mended rows are tried";
}

TEST_F(ServedModelsTest, AModelThatIsGoneIsLetGo) {
  put(1);
  models().scan();
  fs::remove_all(model_);
  models().scan();
  EXPECT_TRUE(models().names().empty());
  EXPECT_EQ(live(), 0);
}

TEST_F(ServedModelsTest, ARepositoryThatIsAwayForAMomentChangesNothing) {
  put(1);
  models().scan();
  const auto before = models().find("price");
  EXPECT_EQ(models().problem(), "");
  const auto away = base_.path().string() + ".away";
  fs::rename(base_.path(), away);
  models().scan();
  EXPECT_EQ(models().find("price"), before);
  EXPECT_EQ(models().problem(), base_.path().string() + " cannot be listed: No such file or directory");
  EXPECT_EQ(problem_of(1), models().problem()) << "the status says it";
  std::ofstream(base_.path()) << "a file in its place";
  models().scan();
  EXPECT_EQ(models().find("price"), before);
  EXPECT_NE(problem_of(1).find("Not a directory"), std::string::npos);
  fs::remove(base_.path());
  fs::rename(away, base_.path());
  models().scan();
  EXPECT_EQ(models().problem() + problem_of(1), "");
  EXPECT_EQ(models().find("price"), before) << "not loaded anew";
  fs::remove_all(model_);
  models().scan();
  EXPECT_TRUE(models().names().empty()) << "a listing that worked lacked it";
}

TEST_F(ServedModelsTest, OneModelsFolderThatIsAwayChangesNothing) {
  put(1);
  models_ = std::make_unique<ServedModels>(model_, options_, pool_, metrics_);
  models().scan();
  fs::rename(model_, base_.path() / "away");
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_NE(problem_of(1).find("price cannot be listed: No such file or directory"), std::string::npos);
  fs::rename(base_.path() / "away", model_);
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(problem_of(1), "");
}

TEST_F(ServedModelsTest, WhatMayNotBeReadForAMomentChangesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  put(1);
  models().scan();
  const auto before = models().find("price");
  const auto everybody = fs::perms::all;  // the group too: it stays root's
  fs::permissions(base_.path(), everybody);
  const auto scan_as_nobody = [&](const fs::path& closed, const std::string& problem) {
    const auto mode = fs::status(closed).permissions();
    fs::permissions(closed, fs::perms::owner_all);
    {
      const Nobody nobody;
      models().scan();
    }
    EXPECT_EQ(models().find("price"), before) << closed;
    EXPECT_NE(problem_of(1).find(problem), std::string::npos) << problem_of(1);
    EXPECT_NE(problem_of(1).find("Permission denied"), std::string::npos) << problem_of(1);
    fs::permissions(closed, mode);
    models().scan();
    EXPECT_EQ(problem_of(1), "");
    EXPECT_EQ(models().find("price"), before) << "not loaded anew";
  };
  scan_as_nobody(base_.path(), "cannot be listed");
  scan_as_nobody(model_, "price cannot be listed");
  fs::permissions(model_, everybody);
  scan_as_nobody(model_ / "1", "manifest.json cannot be looked at");
  EXPECT_EQ(failures(), "0") << "none was tried";
}

TEST_F(ServedModelsTest, AVersionThatIsNotWholeSaysWhatIsMissing) {
  put(1);
  fs::create_directories(model_ / "2");
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_NE(problem_of(2).find("2/manifest.json is missing: the version is not whole"), std::string::npos)
      << problem_of(2);
  fs::copy(source(2) / "manifest.json", model_ / "2");
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_NE(problem_of(2).find("schema.json is missing"), std::string::npos) << problem_of(2);
  fs::copy(source(2) / "schema.json", model_ / "2");
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_NE(problem_of(2).find("2/model.pt is missing"), std::string::npos) << problem_of(2);
  fs::copy(source(2) / "model.pt", model_ / "2");
  models().scan();
  EXPECT_EQ(live(), 2);
}

TEST_F(ServedModelsTest, AModelOfWhichNothingIsWholeIsSaidToo) {
  fs::create_directories(model_ / "1");
  models().scan();
  EXPECT_EQ(live(), 0);
  const auto list = models().versions_of("price");
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].state, "END");
  EXPECT_NE(list[0].problem.find("manifest.json is missing"), std::string::npos);
}

TEST_F(ServedModelsTest, HiddenFoldersAreNoModels) {
  put(1);
  fs::copy(model_, base_.path() / ".hidden", fs::copy_options::recursive);
  models().scan();
  EXPECT_EQ(models().names(), std::vector<std::string>{"price"});
}

TEST_F(ServedModelsTest, WhatFailedIsTriedAgainAfterAWhileThoughItsFilesAreTheSame) {
  options_.retry = 500ms;
  put(1);
  damage(1);
  models().scan();
  EXPECT_EQ(failures(), "1");
  models().scan();
  EXPECT_EQ(failures(), "1");
  std::this_thread::sleep_for(550ms);
  models().scan();
  EXPECT_EQ(failures(), "2");
  std::this_thread::sleep_for(550ms);
  models().scan();
  EXPECT_EQ(failures(), "2") << "the second time it waits twice as long";
  std::this_thread::sleep_for(550ms);
  models().scan();
  EXPECT_EQ(failures(), "3");
}

TEST_F(ServedModelsTest, WhereTheLiveOneIsGoneNoneThatWasNeverPromotedAnswers) {
  for (const std::int64_t version : {1, 2, 3}) put(version);
  promote(model_, 1);
  promote(model_, 2);
  fs::remove_all(model_ / "2");
  models().scan();
  EXPECT_EQ(live(), 1) << "it was live before; 3 never was";
  EXPECT_NE(problem_of(1).find("its live version 2 is gone; there are: 1, 3"), std::string::npos)
      << problem_of(1);
  promote(model_, 3);
  models().scan();
  EXPECT_EQ(live(), 3);
  EXPECT_EQ(problem_of(3), "");
}

TEST_F(ServedModelsTest, WhereTheLiveOneIsDamagedTheOneBeforeItAnswers) {
  for (const std::int64_t version : {1, 2, 3}) put(version);
  promote(model_, 1);
  promote(model_, 3);
  damage(3);
  models().scan();
  EXPECT_EQ(live(), 1) << "2 never was live";
}

TEST_F(ServedModelsTest, ALinkThatPointsElsewhereIsFollowed) {
  const TemporaryFolder place;
  const auto link = place.path() / "current";
  fs::create_directories(place.path() / "a" / "price");
  fs::create_directories(place.path() / "b" / "price");
  fs::copy(source(1), place.path() / "a" / "price" / "1", fs::copy_options::recursive);
  fs::copy(source(2), place.path() / "b" / "price" / "1", fs::copy_options::recursive);
  fs::create_directory_symlink("a", link);
  models_ = std::make_unique<ServedModels>(link, options_, pool_, metrics_);
  models().scan();
  EXPECT_EQ(answer(models().find("price")), expected(1));
  fs::create_directory_symlink("b", place.path() / "new");
  fs::rename(place.path() / "new", link);
  models().scan();
  EXPECT_EQ(answer(models().find("price")), expected(2)) << "the same number, other files";
}

TEST_F(ServedModelsTest, AStateThatIsRemovedToBeWrittenAnewIsNoWishForTheNewest) {
  put(1);
  put(2);
  promote(model_, 1);
  models().scan();
  fs::rename(model_ / "versions.json", model_ / "kept");
  models().scan();
  EXPECT_EQ(live(), 1);
  fs::rename(model_ / "kept", model_ / "versions.json");
  models().scan();
  fs::remove(model_ / "versions.json");
  models().scan();
  EXPECT_EQ(live(), 1);
  models().scan();
  EXPECT_EQ(live(), 2) << "it stayed away";
}

TEST_F(ServedModelsTest, AModelThatIsRenamedIsServedByItsNewName) {
  put(1);
  models().scan();
  fs::rename(model_, base_.path() / "cost");
  models().scan();
  EXPECT_EQ(models().names(), std::vector<std::string>{"cost"});
  EXPECT_EQ(answer(models().find("cost")), expected(1));
}

TEST_F(ServedModelsTest, AScanEndsWhenItIsToldTo) {
  put(1);
  std::stop_source stop;
  stop.request_stop();
  models().scan(stop.get_token());
  EXPECT_EQ(live(), 0);
  models().scan();
  EXPECT_EQ(live(), 1);
}

TEST_F(ServedModelsTest, AClientTakesAModelOutOfServiceAndPutsItBack) {
  put(1);
  models().scan();
  EXPECT_TRUE(models().all_ready());
  models().unload("price");
  EXPECT_EQ(models().find("price"), nullptr);
  EXPECT_NE(problem_of(1).find("out of service"), std::string::npos);
  EXPECT_TRUE(models().all_ready()) << "it is not meant to answer";
  put(2);
  models().scan();
  EXPECT_EQ(models().find("price"), nullptr) << "a scan leaves it alone";
  models().load("price");
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(loaded(), Numbers{2});
  EXPECT_EQ(answer(models().find("price")), expected(2));
  damage(2);
  fs::remove_all(model_ / "1");
  models().unload("price");
  EXPECT_NE(thrown<DataError>([&] { models().load("price"); }).find("model.pt is damaged"),
            std::string::npos);
  EXPECT_EQ(thrown<DataError>([&] { models().unload("prise"); }),
            "there is no model 'prise'; there are: price. Did you mean 'price'?");
}

TEST_F(ServedModelsTest, OneModelsFolderIsARepositoryToo) {
  put(1);
  models_ = std::make_unique<ServedModels>(model_, options_, pool_, metrics_);
  models().scan();
  EXPECT_EQ(live(), 1);
  EXPECT_NE(thrown<ExportError>([&] {
              ServedModels(base_.path() / "none", options_, pool_, metrics_);
            }).find("none: there is no such folder"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
