#include "common/hash.h"

#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/files.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

// Values of `python3 -c "import xxhash; print(xxhash.xxh3_64_hexdigest(...))"`.
TEST(Hash, KnownValuesOfXxh3) {
  EXPECT_EQ(hash_text(""), "2d06800538d394c2");
  EXPECT_EQ(hash_text("abc"), "78af5f94892f3950");
  EXPECT_EQ(hash_bytes("abc"), 0x78af5f94892f3950ULL);
}

TEST(Hash, AFileHasTheHashOfItsContent) {
  test::TemporaryFolder folder;
  std::string content(3'000'001, 'x');  // several pieces
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31);
  write_file_synced(folder.path() / "f", content);
  EXPECT_EQ(hash_file(folder.path() / "f"), hash_text(content));
  write_file_synced(folder.path() / "empty", "");
  EXPECT_EQ(hash_file(folder.path() / "empty"), hash_text(""));
  EXPECT_THROW(hash_file(folder.path() / "missing"), DataError);
}

// The first numbers of SplitMix64 from seed 0 (the reference implementation by Vigna).
TEST(Hash, Mix64IsSplitMix64) {
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(mix64(0x9e3779b97f4a7c15ULL), 0x6e789e6aa1b965f4ULL);
}

TEST(Hash, SeedDependsOnEachPartAndItsPlace) {
  EXPECT_EQ(seed_of({1, 2, 3}), seed_of({1, 2, 3}));
  EXPECT_NE(seed_of({1, 2, 3}), seed_of({1, 3, 2}));
  EXPECT_NE(seed_of({1, 2}), seed_of({1, 2, 0}));
}

}  // namespace
}  // namespace ringtrain
