#include "serving/log/feedback.h"

#include <gtest/gtest.h>

#include "common/errors.h"
#include "serving/log/feedback_join.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using namespace std::chrono_literals;
using Fate = FeedbackJoin::Fate;

UtcTime at(const char* text) { return utc_of(text).value(); }
const UtcTime kNow = at("2026-01-05T12:00:00Z");

std::string refused(const std::string& json) {
  return thrown<DataError>([&] { read_feedback(json, kNow); });
}

TEST(Feedback, OneOrSeveral) {
  const auto one = read_feedback(R"({"model": "fraud", "request_id": "a", "label": 1})", kNow);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].model, "fraud");
  EXPECT_EQ(one[0].request_id, "a");
  EXPECT_EQ(one[0].key, "");
  EXPECT_EQ(one[0].row, 1);
  EXPECT_EQ(one[0].label, "1");
  EXPECT_EQ(one[0].time, kNow);
  const auto all = read_feedback(
      R"([{"model": "m", "key": 17, "label": "yes", "time": "2026-01-04"},
          {"model": "m", "request_id": "b", "labels": [true, null, {"low": 1.5, "high": "x"}], "time": 1767528000}])",
      kNow);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].key, "17");
  EXPECT_EQ(all[0].time, at("2026-01-04"));
  EXPECT_EQ(all[1].label, "true");
  EXPECT_EQ(all[2].row, 3);
  EXPECT_EQ(all[2].label, R"({"low":1.5,"high":"x"})");
  EXPECT_EQ(all[2].time, at("2026-01-04T12:00:00Z"));
}

TEST(Feedback, AllThatIsWrongIsSaid) {
  EXPECT_EQ(
      refused(R"({"label": 1, "lable": 2})"),
      "unknown field 'lable'; there are: model, request_id, key, row, label, labels, time. Did you mean "
      "'label'?; \"model\" is missing; one of \"request_id\" and \"key\" is needed");
  EXPECT_EQ(
      refused(R"([{"model": "m", "key": "a", "label": 1},
                        {"model": "m", "key": "a", "request_id": "b", "row": 0, "time": "soon", "label": 1}])"),
      "feedback 2: one of \"request_id\" and \"key\" is needed; feedback 2: \"time\": expected a time such "
      "as 2026-01-05T12:00:03Z or seconds since 1970, got \"soon\"; feedback 2: \"row\": expected a number "
      "from 1 on, got 0");
  EXPECT_EQ(refused(R"({"model": "m", "key": "a", "label": 1, "time": "2026-01-05T12:06Z"})"),
            "\"time\": 2026-01-05T12:06:00.000Z is in the future");
  EXPECT_EQ(refused(R"({"model": "m", "key": "a", "labels": [1]})"),
            "\"labels\" are those of all rows of a \"request_id\", without \"row\"");
  EXPECT_EQ(refused("[]"), "expected 1 to 10,000 objects, got 0");
  EXPECT_EQ(refused("7"), "expected an object, got 7");
}

TEST(Feedback, ALabelThatTheModelCannotHaveAnswered) {
  const auto classes = make_manifest("kind", "classification", numeric_columns(2, {"good", "bad"}));
  const auto possible = [](const Manifest& manifest, const std::string& label) {
    Feedback one;
    one.label = label;
    return thrown<DataError>([&] { require_possible(one, manifest); });
  };
  Feedback good;
  good.label = "bad";
  EXPECT_NO_THROW(require_possible(good, classes));
  EXPECT_EQ(possible(classes, "badd"),
            "\"label\": model kind has no class 'badd'; there are: good, bad. Did you mean 'bad'?");
  const auto number = make_manifest("price", "regression", numeric_columns(2, {}));
  good.label = "1.5e3";
  EXPECT_NO_THROW(require_possible(good, number));
  for (const char* wrong : {"", "dear", "1.5x", "nan"})
    EXPECT_EQ(possible(number, wrong),
              std::string("\"label\": model price answers with a number, and '") + wrong + "' is none");
}

/// Two rows of one request, and three requests about one key.
FeedbackJoin rows() {
  FeedbackJoin join;
  join.add_row("a", 1, "", at("2026-01-01T10:00Z"));
  join.add_row("a", 2, "", at("2026-01-01T10:00Z"));
  join.add_row("b", 1, "k", at("2026-01-01T11:00Z"));
  join.add_row("c", 1, "k", at("2026-01-01T12:00Z"));
  join.add_row("d", 1, "k", at("2026-01-01T13:00Z"));
  return join;
}

Feedback by_request(const char* id, std::int64_t row, const char* label, const char* time, int received = 0) {
  return {.model = "m",
          .request_id = id,
          .key = "",
          .row = row,
          .label = label,
          .time = at(time),
          .received = kNow + std::chrono::seconds(received)};
}
Feedback by_key(const char* key, const char* label, const char* time) {
  auto one = by_request("", 1, label, time);
  one.key = key;
  return one;
}

TEST(FeedbackJoin, EachPieceFindsItsRow) {
  const std::vector<Feedback> feedback{
      by_request("a", 2, "x", "2026-01-01T10:00Z"), by_key("k", "y", "2026-01-01T12:30Z"),
      by_request("a", 3, "z", "2026-01-02"), by_key("none", "z", "2026-01-02")};
  std::vector<Fate> fates;
  std::int64_t replaced = 0;
  const auto found = rows().join(feedback, 24h, fates, replaced);
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0], nullptr);
  EXPECT_EQ(found[1]->label, "x");
  EXPECT_EQ(found[2], nullptr);
  EXPECT_EQ(found[3]->label, "y") << "the last one before its time";
  EXPECT_EQ(found[4], nullptr);
  EXPECT_EQ(fates, (std::vector{Fate::joined, Fate::joined, Fate::unknown, Fate::unknown}));
  EXPECT_EQ(replaced, 0);
}

TEST(FeedbackJoin, EarlyLateAndTwice) {
  const std::vector<Feedback> feedback{by_request("a", 1, "early", "2026-01-01T09:59Z"),
                                       by_key("k", "early", "2026-01-01T10:59Z"),
                                       by_request("a", 1, "late", "2026-01-02T10:01Z"),
                                       by_request("b", 1, "second", "2026-01-01T11:00Z", 2),
                                       by_request("b", 1, "first", "2026-01-01T11:30Z", 1),
                                       by_request("a", 1, "just", "2026-01-02T10:00Z")};
  std::vector<Fate> fates;
  std::int64_t replaced = 0;
  const auto found = rows().join(feedback, 24h, fates, replaced);
  EXPECT_EQ(found[0]->label, "just");
  EXPECT_EQ(found[2]->label, "second") << "what was received last counts";
  EXPECT_EQ(fates,
            (std::vector{Fate::early, Fate::early, Fate::late, Fate::joined, Fate::joined, Fate::joined}));
  EXPECT_EQ(replaced, 1);
}

TEST(FeedbackFile, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  const std::vector<Feedback> feedback{by_request("a", 2, "x", "2026-01-01T10:00Z"),
                                       by_key("secret", "", "2026-01-01T12:30:00.250Z")};
  for (const bool hashes : {false, true}) {
    LogColumns columns;
    columns.key = "id";
    if (hashes) columns.hash = {"id"};
    log_files::put(folder.path(), "m", 0, kNow, parquet_of_feedback(feedback, columns));
    const auto files = log_files::list(folder.path());
    const auto read = read_feedback_file(files.back().path, "m");
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].request_id, "a");
    EXPECT_EQ(read[0].row, 2);
    EXPECT_EQ(read[1].time, feedback[1].time);
    if (hashes)
      EXPECT_EQ(read[1].key, columns.kept_key("secret"));
    else
      EXPECT_EQ(read[1].key, "secret");
    std::filesystem::remove(files.back().path);
  }
}

}  // namespace
}  // namespace ringtrain::test
