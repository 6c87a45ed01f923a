#include "common/files.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "common/errors.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

std::size_t entries_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Files of this process cannot grow beyond some bytes while this lives: a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit before_{};
  void (*old_handler_)(int);
};

class Files : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_;
  const fs::path& folder = folder_.path();
};

TEST_F(Files, WriteAndRead) {
  const std::string content = std::string("a\0b\nc", 5);
  write_file_atomically(folder / "f", content);
  EXPECT_EQ(read_file(folder / "f"), content);
  write_file_atomically(folder / "f", "new");
  EXPECT_EQ(read_file(folder / "f"), "new");
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST_F(Files, ReadingSaysWhy) {
  for (const auto& [name, reason] :
       {std::pair{"missing", "No such file"}, std::pair{".", "it is a folder"}}) {
    try {
      read_file(folder / name);
      FAIL() << name;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find((folder / name).string()), std::string::npos) << error.what();
    }
  }
}

TEST_F(Files, AFailedAtomicWriteKeepsTheOldContentAndLeavesNothing) {
  write_file_atomically(folder / "f", "old");
  {
    const FullDisk full(1000);
    EXPECT_THROW(write_file_atomically(folder / "f", std::string(5000, 'x')), Error);
  }
  EXPECT_EQ(read_file(folder / "f"), "old");
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST_F(Files, WritingIntoAMissingFolderSaysWhy) {
  try {
    write_file_atomically(folder / "no" / "f", "x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("No such file or directory"), std::string::npos) << error.what();
  }
}

TEST_F(Files, EnsureWritableFolderMakesParentsAndLeavesNoProbe) {
  ensure_writable_folder(folder / "a" / "b");
  EXPECT_TRUE(fs::is_directory(folder / "a" / "b"));
  EXPECT_EQ(entries_in(folder / "a" / "b"), 0u);
  ensure_writable_folder(folder / "a" / "b");
}

TEST_F(Files, EnsureWritableFolderRefusesAFile) {
  write_file_synced(folder / "f", "");
  try {
    ensure_writable_folder(folder / "f" / "sub");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::configuration);
    EXPECT_NE(std::string(error.what()).find((folder / "f").string()), std::string::npos) << error.what();
  }
  EXPECT_THROW(ensure_writable_folder(folder / "f"), Error);
}

TEST_F(Files, EnsureWritableFolderSeesAFolderThatTakesNoFiles) {
  EXPECT_THROW(ensure_writable_folder("/proc"), Error);
}

TEST_F(Files, AStagedFolderAppearsWholeAtCommit) {
  const fs::path final_path = folder / "step-5";
  {
    StagedFolder staged(final_path);
    EXPECT_EQ(staged.path().parent_path(), folder);
    EXPECT_EQ(staged.path().filename().string().front(), '.');
    write_file_synced(staged.path() / "weights", "123");
    fs::create_directory(staged.path() / "sub");
    std::ofstream(staged.path() / "sub" / "unsynced") << "456";
    EXPECT_FALSE(fs::exists(final_path));
    staged.commit();
    EXPECT_EQ(read_file(final_path / "weights"), "123");
    EXPECT_EQ(read_file(final_path / "sub" / "unsynced"), "456");
  }
  EXPECT_EQ(read_file(final_path / "weights"), "123") << "the destructor must not remove what was committed";
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST_F(Files, AStagedFolderWithoutCommitIsGone) {
  {
    StagedFolder staged(folder / "v");
    write_file_synced(staged.path() / "f", "x");
  }
  EXPECT_EQ(entries_in(folder), 0u);
}

TEST_F(Files, AStagedFolderDoesNotReplaceOneThatHasContent) {
  fs::create_directory(folder / "v");
  write_file_synced(folder / "v" / "f", "first");
  {
    StagedFolder staged(folder / "v");
    write_file_synced(staged.path() / "f", "second");
    EXPECT_THROW(staged.commit(), Error);
  }
  EXPECT_EQ(read_file(folder / "v" / "f"), "first");
  EXPECT_EQ(entries_in(folder), 1u);
}

}  // namespace
}  // namespace ringtrain
