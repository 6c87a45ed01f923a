#include "launch/learn/stream_journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/errors.h"
#include "common/files.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

using Entry = StreamJournal::Entry;

const Entry kAbout{{"kind", "job"}, {"stream", "rows.csv"}};

Entry step(std::int64_t number) { return {{"kind", "step"}, {"step", number}}; }

class StreamJournalTest : public testing::Test {
 protected:
  void write(std::int64_t steps) {
    StreamJournal journal(file_, kAbout);
    for (std::int64_t i = 1; i <= steps; ++i) journal.add(step(i));
  }
  template <class Failure>
  std::string refusal(std::int64_t done, const Entry& about = kAbout) {
    try {
      StreamJournal journal(file_, about, done);
    } catch (const Failure& error) {
      return error.what();
    }
    return "";
  }
  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "journal.jsonl";
};

TEST_F(StreamJournalTest, DoesAgainWhatCameAfterTheCheckpointWithoutWritingIt) {
  write(3);
  const auto before = read_file(file_);
  StreamJournal journal(file_, kAbout, 2);
  ASSERT_EQ(journal.ahead().size(), 2u);
  ASSERT_TRUE(journal.expected("step"));
  EXPECT_EQ(journal.expected("step")->at("step"), 2);
  EXPECT_FALSE(journal.expected("decision"));
  journal.add(step(2));
  journal.add(step(3));
  EXPECT_EQ(read_file(file_), before);
  EXPECT_EQ(journal.done(), 4);
  journal.add(step(4));
  EXPECT_EQ(StreamJournal::read(file_).size(), 5u);
}

TEST_F(StreamJournalTest, RefusesToDoSomethingElse) {
  write(2);
  StreamJournal journal(file_, kAbout, 1);
  EXPECT_THROW(journal.add(step(7)), CheckpointError);
}

TEST_F(StreamJournalTest, DropsATornLineAndGoesOnThere) {
  write(2);
  const auto whole = read_file(file_);
  std::ofstream(file_, std::ios::app) << R"({"kind":"step","st)";
  StreamJournal journal(file_, kAbout, 3);
  EXPECT_EQ(read_file(file_), whole);
  journal.add(step(3));
  EXPECT_EQ(StreamJournal::read(file_).back(), step(3));
}

TEST_F(StreamJournalTest, SeesADamagedLineALostOneAndAnotherJob) {
  write(2);
  EXPECT_NE(refusal<CheckpointError>(4).find("it has 3 entries, and had 4"), std::string::npos);
  EXPECT_NE(refusal<ConfigError>(1, {{"kind", "job"}, {"stream", "other.csv"}}).find("other.csv"),
            std::string::npos);
  Entry with_settings = kAbout, another = kAbout;
  with_settings["settings"] = {{"seed", 1}, {"learn.margin", 0.1}};
  another["settings"] = {{"seed", 1}, {"learn.margin", 0.2}};
  StreamJournal(file_, with_settings);
  const auto why = refusal<ConfigError>(1, another);
  EXPECT_NE(why.find("settings.learn.margin: 0.1 before, 0.2 now"), std::string::npos) << why;
  EXPECT_EQ(why.find("seed"), std::string::npos) << why;
  write(2);
  auto text = read_file(file_);
  text[text.find("\"step\":1") + 7] = '9';
  write_file_atomically(file_, text);
  EXPECT_NE(refusal<CheckpointError>(1).find("line 2 is not what was written"), std::string::npos);
}

}  // namespace
}  // namespace ringtrain
