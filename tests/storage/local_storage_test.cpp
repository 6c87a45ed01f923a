#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/hash.h"
#include "storage/storage.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

TEST(LocalStorage, PutsFindsListsAndRemoves) {
  const test::TemporaryFolder folder;
  const Location base(folder.path());
  const auto storage = storage_of(base);
  storage->put(base / "b" / "c.txt", "there");
  storage->put(base / "a.txt", "hello");
  storage->put(base / "a.txt", "hallo");
  EXPECT_EQ(storage->read(base / "a.txt"), "hallo");
  const auto found = storage->find(base / "a.txt");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, 5);
  EXPECT_GT(found->modified, 0);
  EXPECT_TRUE(storage->find(base / "b")->is_folder);
  EXPECT_FALSE(storage->find(base / "none"));
  const auto files = storage->list(base);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[1].place.lexically_relative(base), "b/c.txt");
  EXPECT_EQ(hash_stored(base / "a.txt"), hash_text("hallo"));
  storage->fetch(base / "a.txt", folder.path() / "copy.txt");
  EXPECT_EQ(storage->read(base / "copy.txt"), "hallo");
  storage->remove(base / "a.txt");
  storage->remove(base / "a.txt");
  EXPECT_FALSE(storage->find(base / "a.txt"));
  EXPECT_THROW(storage->read(base / "a.txt"), DataError);
  EXPECT_TRUE(storage->list(base / "none").empty());
}

}  // namespace
}  // namespace ringtrain
