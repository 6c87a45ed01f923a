#include "data/table/byte_stream.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

std::string rest_of(ByteStream& bytes, std::size_t at_once) {
  std::string all, piece(at_once, '\0');
  while (const auto got = bytes.read(piece.data(), piece.size())) all.append(piece, 0, got);
  return all;
}

TEST(ByteStream, LookingAheadLosesNothing) {
  const testing::TemporaryFolder folder;
  std::istringstream in("abcdefghij");
  ByteStream streams[] = {ByteStream(folder.write("a.txt", "abcdefghij")), ByteStream(in, "input"),
                          ByteStream("abcdefghij", "text")};
  for (auto& bytes : streams) {
    EXPECT_EQ(bytes.peek(3), "abc");
    char two[2];
    ASSERT_EQ(bytes.read(two, 2), 2u);
    EXPECT_EQ(std::string_view(two, 2), "ab");
    EXPECT_EQ(bytes.peek(4), "cdef") << bytes.name();
    EXPECT_EQ(bytes.peek(2), "cd");
    EXPECT_EQ(bytes.peek(100), "cdefghij");
    EXPECT_EQ(rest_of(bytes, 3), "cdefghij");
    EXPECT_EQ(bytes.peek(1), "");
  }
}

}  // namespace
}  // namespace ringtrain
