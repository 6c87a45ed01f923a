#include "common/output_file.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/files.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

std::size_t entries_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

mode_t mode_of(const fs::path& file) {
  struct stat about {};
  EXPECT_EQ(::lstat(file.c_str(), &about), 0) << file;
  return about.st_mode;
}

std::string failure(const fs::path& file) {
  try {
    write_file_atomically(file, "new");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class Output : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_;
  const fs::path& folder = folder_.path();
};

TEST_F(Output, OfAFileIsSeenAtCommitWhole) {
  write_file_synced(folder / "f", "old");
  {
    OutputFile output(folder / "f");
    output.stream() << "one " << 2;
    output.write(std::string(100'000, 'x'));
    output.stream() << " end";
    EXPECT_EQ(read_file(folder / "f"), "old");
    output.commit();
    EXPECT_EQ(read_file(folder / "f"), "one 2" + std::string(100'000, 'x') + " end");
  }
  { OutputFile(folder / "f").stream() << "never committed"; }
  { OutputFile(folder / "g").stream() << "never committed"; }
  EXPECT_EQ(read_file(folder / "f").substr(0, 5), "one 2");
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST_F(Output, KeepsPermissionsAndOwner) {
  const fs::path file = folder / "f";
  write_file_synced(file, "old");
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::chown(file.c_str(), 1234, 1235), 0);
  }
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  write_file_atomically(file, "new");
  EXPECT_EQ(mode_of(file) & 07777, 0640u);
  struct stat about {};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  if (root) {
    EXPECT_EQ(std::pair(about.st_uid, about.st_gid), std::pair(1234u, 1235u));
  }
}

TEST_F(Output, FollowsLinksToTheirEnd) {
  fs::create_directory(folder / "far");
  write_file_synced(folder / "far" / "f", "old");
  fs::create_symlink("far/f", folder / "near");
  fs::create_symlink(folder / "near", folder / "first");
  write_file_atomically(folder / "first", "new");
  EXPECT_EQ(read_file(folder / "far" / "f"), "new");
  EXPECT_EQ(fs::read_symlink(folder / "near"), "far/f");
  EXPECT_EQ(fs::read_symlink(folder / "first"), folder / "near");
  EXPECT_EQ(entries_in(folder / "far"), 1u);
}

TEST_F(Output, OfALinkToNothingMakesWhatItNames) {
  fs::create_directory(folder / "far");
  fs::create_symlink("far/f", folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_EQ(read_file(folder / "far" / "f"), "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  fs::create_symlink("nowhere/f", folder / "lost");
  EXPECT_NE(failure(folder / "lost").find("nowhere/f): No such file or directory"), std::string::npos)
      << failure(folder / "lost");
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  EXPECT_NE(failure(folder / "a").find("Too many levels of symbolic links"), std::string::npos);
}

TEST_F(Output, OfAFolderIsRefused) {
  EXPECT_NE(failure(folder).find("Is a directory"), std::string::npos) << failure(folder);
  fs::create_directory(folder / "d");
  fs::create_symlink("d", folder / "link");
  EXPECT_NE(failure(folder / "link").find("Is a directory"), std::string::npos);
  EXPECT_NE(failure(folder / "none" / "").find("No such file"), std::string::npos);
}

TEST_F(Output, GoesThroughAFifo) {
  const fs::path fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Descriptor reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader);
  write_file_atomically(fifo, "through");
  std::array<char, 100> got{};
  EXPECT_EQ(::read(reader.get(), got.data(), got.size()), 7);
  EXPECT_STREQ(got.data(), "through");
  EXPECT_TRUE(S_ISFIFO(mode_of(fifo)));
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST_F(Output, GoesThroughADevice) {
  for (const auto& [name, minor] : {std::pair{"null", 3}, {"full", 7}}) {
    fs::path device = folder / name;
    if (::mknod(device.c_str(), S_IFCHR | 0666, ::makedev(1, static_cast<unsigned>(minor))) != 0 ||
        ::access(device.c_str(), W_OK) != 0)
      device = fs::path("/dev") / name;  // without root
    if (const int opened = ::open(device.c_str(), O_WRONLY); opened < 0)
      device = fs::path("/dev") / name;  // a file system without devices
    else
      ::close(opened);
    const auto said = failure(device);
    EXPECT_EQ(said.find("No space left") != std::string::npos, minor == 7) << said;
    EXPECT_TRUE(S_ISCHR(mode_of(device))) << device;
  }
}

// /dev/stdout of a program whose output goes to a file: it writes behind what is there already.
TEST_F(Output, GoesThroughADescriptorOfItsOwn) {
  const int file = ::open((folder / "f").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::write(file, "head ", 5), 5);
  const auto before = mode_of(folder / "f");
  for (const std::string name : {"/proc/self/fd/", "/dev/fd/"})
    write_file_atomically(name + std::to_string(file), "body ");
  fs::create_symlink("/proc/self/fd/" + std::to_string(file), folder / "link");
  write_file_atomically(folder / "link", "more ");
  ASSERT_EQ(::write(file, "tail", 4), 4);
  ::close(file);
  EXPECT_EQ(read_file(folder / "f"), "head body body more tail");
  EXPECT_EQ(mode_of(folder / "f"), before);
}

TEST_F(Output, TakesTheLongestName) {
  write_file_atomically(folder / std::string(255, 'n'), "new");
  EXPECT_EQ(read_file(folder / std::string(255, 'n')), "new");
}

}  // namespace
}  // namespace ringtrain
