#include "serving/repository/version_state.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/files.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Numbers = std::vector<std::int64_t>;
using Policy = VersionState::Policy;

TEST(VersionState, ServedFollowsThePolicyTheLiveOneAndTheLabels) {
  struct Case {
    VersionState state;
    Numbers present, served;
    std::optional<std::int64_t> live;
  };
  constexpr auto latest = Policy::latest, all = Policy::all, specific = Policy::specific;
  const std::vector<Case> cases{
      {{}, {}, {}, {}},
      {{latest, 1, {}, {}, {}, {}}, {1, 2, 5}, {5}, 5},
      {{latest, 2, {}, {}, {}, {}}, {1, 2, 5}, {2, 5}, 5},
      {{latest, 3, {}, {}, {}, {}}, {1, 2, 5}, {1, 2, 5}, 5},
      {{latest, 9, {}, {}, {}, {}}, {1, 2, 5}, {1, 2, 5}, 5},
      {{latest, 1, {}, 2, {}, {}}, {1, 2, 5}, {2}, 2},
      {{latest, 2, {}, 2, {}, {}}, {1, 2, 5}, {1, 2}, 2},
      {{latest, 1, {}, 3, {}, {}}, {1, 2, 5}, {5}, {}},  // the one that was promoted is gone
      {{all, 1, {}, {}, {}, {}}, {1, 2, 5}, {1, 2, 5}, 5},
      {{specific, 1, {1, 4}, {}, {}, {}}, {1, 2, 5}, {1, 5}, 5},
      {{specific, 1, {1}, 2, {}, {}}, {1, 2, 5}, {1, 2}, 2},
      {{latest, 1, {}, 2, {}, {{"canary", 5}, {"gone", 3}}}, {1, 2, 5}, {2, 5}, 2},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(cases[i].state.served(cases[i].present), cases[i].served) << "case " << i;
    EXPECT_EQ(cases[i].state.live_of(cases[i].present), cases[i].live) << "case " << i;
  }
}

TEST(VersionState, WhoAnswersWhereTheLiveOneCannot) {
  constexpr auto latest = Policy::latest;
  EXPECT_EQ((VersionState{latest, 1, {}, {}, {}, {}}.answering({1, 2, 5})), (Numbers{5, 2, 1}));
  EXPECT_EQ((VersionState{latest, 1, {}, 2, {}, {}}.answering({1, 2, 5})), (Numbers{2, 1}))
      << "5 was never promoted";
  EXPECT_EQ((VersionState{latest, 1, {}, 4, {3, 1}, {}}.answering({1, 2, 3, 4, 5})), (Numbers{4, 1, 3, 2}));
  // The live one is gone: what was live before it, then older ones, at last those that never were.
  EXPECT_EQ((VersionState{latest, 1, {}, 4, {2, 6}, {}}.answering({2, 3, 5, 8})), (Numbers{2, 3, 5, 8}));
  EXPECT_TRUE((VersionState{latest, 1, {}, 4, {2}, {}}.answering({}).empty()));
}

class VersionStateFile : public testing::Test {
 protected:
  const fs::path& model() const { return folder_.path(); }
  VersionState reread(const std::string& text) {
    std::ofstream(model() / "versions.json") << text;
    return VersionState::read(model());
  }
  std::string problem(const std::string& text) {
    return thrown<ExportError>([&] { reread(text); });
  }
  TemporaryFolder folder_;
};

TEST_F(VersionStateFile, WithoutItTheNewestIsServed) {
  const auto state = VersionState::read(model());
  EXPECT_EQ(state.policy, Policy::latest);
  EXPECT_EQ(state.latest, 1);
  EXPECT_EQ(state.live, std::nullopt);
  EXPECT_TRUE(state.before.empty() && state.labels.empty());
}

TEST_F(VersionStateFile, ReadsEveryFormOfThePolicy) {
  EXPECT_EQ(reread(R"({"policy": "latest"})").latest, 1);
  EXPECT_EQ(reread(R"({"policy": {"latest": 3}})").latest, 3);
  EXPECT_EQ(reread(R"({"policy": "all"})").policy, Policy::all);
  const auto specific = reread(R"({"policy": {"specific": [3, 1]}})");
  EXPECT_EQ(specific.policy, Policy::specific);
  EXPECT_EQ(specific.specific, (Numbers{1, 3}));
  EXPECT_EQ(reread("{}").latest, 1);
}

TEST_F(VersionStateFile, WhatIsWrittenIsReadAgain) {
  const VersionState all{Policy::all, 1, {}, 2, {3, 1}, {{"canary", 4}}};
  const VersionState specific{Policy::specific, 1, {1, 3}, {}, {}, {}};
  const VersionState latest{Policy::latest, 4, {}, {}, {}, {}};
  for (const auto& state : {all, specific, latest, VersionState{}}) {
    state.write(model());
    const auto again = VersionState::read(model());
    EXPECT_EQ(again.policy, state.policy);
    EXPECT_EQ(again.latest, state.latest);
    EXPECT_EQ(again.specific, state.specific);
    EXPECT_EQ(again.live, state.live);
    EXPECT_EQ(again.before, state.before);
    EXPECT_EQ(again.labels, state.labels);
  }
  all.write(model());
  EXPECT_EQ(json::parse(read_file(model() / "versions.json")),
            json::parse(R"({"policy": "all", "live": 2, "before": [3, 1], "labels": {"canary": 4}})"));
  EXPECT_EQ(entries(model()), (std::vector<std::string>{"versions.json"})) << "nothing is left beside it";
}

TEST_F(VersionStateFile, MistakesNameTheFile) {
  const auto file = (model() / "versions.json").string() + ": ";
  EXPECT_EQ(problem("[1]"), file + "expected an object");
  EXPECT_EQ(problem(R"({"live": 1, "lives": 2})"),
            file + "unknown field 'lives'; expected policy, live, before or labels");
  for (const char* policy :
       {R"("newest")", "3", R"({"latest": 1, "specific": []})", R"({"last": 1})", "null"})
    EXPECT_EQ(problem(std::string(R"({"policy": )") + policy + "}"),
              file + R"(policy: expected "latest", {"latest": N}, "all" or {"specific": [1, 3]})");
  EXPECT_EQ(problem(R"({"policy": {"latest": 0}})"), file + "policy.latest: expected a number from 1");
  EXPECT_EQ(problem(R"({"labels": {"7": 1}})"),
            file + "'7' cannot be a label: it names a version already; use a word such as canary");
  EXPECT_EQ(problem(R"({"live": 1.5})"), file + "live: expected a whole number, got 1.5");
  EXPECT_EQ(problem(R"({"live": 18446744073709551615})"),
            file + "live: expected a whole number, got 18446744073709551615");
  EXPECT_EQ(problem(R"({"before": 1})"), file + "before: expected a list of whole numbers, got 1");
  EXPECT_EQ(problem(R"({"policy": {"specific": [1, "2"]}})"),
            file + R"(policy.specific: expected a whole number, got "2")");
  EXPECT_EQ(problem(R"({"labels": {"a": "b"}})"), file + R"(labels.a: expected a whole number, got "b")");
  EXPECT_EQ(problem(R"({"labels": [1]})"),
            file + "labels: expected an object of labels and versions, got [1]");
  for (const char* text : {"", "{"}) EXPECT_EQ(problem(text).substr(0, file.size()), file) << text;
}

TEST(VersionLabels, AreWords) {
  for (const char* label : {"canary", "v1.2", "a_b-c", "2nd", "newest2", "Live"})
    EXPECT_NO_THROW(require_label(label));
  for (const char* label : {"", ".hidden", "a/b", "a b", "ä", "live", "newest", "7", "-7", "007"})
    EXPECT_THROW(require_label(label), ConfigError) << label;
}

TEST(FindVersion, ByNumberByLabelAndByWhatIsLive) {
  TemporaryFolder base;
  const auto model = base.path() / "fraud";
  for (const char* version : {"1", "2", "10"}) {
    fs::create_directories(model / version);
    std::ofstream(model / version / "manifest.json") << "{}";
  }
  const auto found = [&](const std::string& which) { return find_version(model.string() + which); };
  EXPECT_EQ(found(""), model / "10");
  EXPECT_EQ(found("/2"), model / "2");
  EXPECT_EQ(found("@2"), model / "2");
  EXPECT_EQ(found("@live"), model / "10");
  VersionState{Policy::latest, 1, {}, 2, {}, {{"canary", 1}, {"gone", 5}}}.write(model);
  EXPECT_EQ(found(""), model / "2");
  EXPECT_EQ(found("@live"), model / "2");
  EXPECT_EQ(found("@newest"), model / "10");
  EXPECT_EQ(found("@canary"), model / "1");
  const auto problem = [&](const std::string& which) { return thrown<ExportError>([&] { found(which); }); };
  EXPECT_EQ(problem("@canery"),
            model.string() +
                ": there is no version 'canery'; there are: 1, 2, 10, and live, newest, canary, gone. "
                "Did you mean 'canary'?");
  EXPECT_NE(problem("@3").find("there is no version '3'"), std::string::npos);
  EXPECT_NE(problem("@gone").find("there is no version 'gone'"), std::string::npos);
  EXPECT_NE(problem("@").find("there is no version ''"), std::string::npos);
  // What looks like a number and names no folder.
  for (const char* which :
       {"3", "00001", "01", "1e1", "1.0", "-1", "+1", " 1", "0x1", "v1", "99999999999999999999"})
    for (const char* sign : {"/", "@"})
      EXPECT_EQ(problem(std::string(sign) + which).substr(model.string().size()),
                std::string(": there is no version '") + which +
                    "'; there are: 1, 2, 10, and live, newest, canary, gone.")
          << sign << which;
  VersionState{Policy::latest, 1, {}, 3, {}, {}}.write(model);
  EXPECT_NE(problem("@live").find("its live version 3 is gone; there are: 1, 2, 10"), std::string::npos);
  EXPECT_NE(thrown<ExportError>([&] {
              find_version((base.path() / "frau@live").string());
            }).find("is not a folder"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
