// Checkpoints that a disk, a copy or an enemy has changed: an error that names the file, or the checkpoint
// before. Never a crash.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "tests/faults/checkpoint_maker.h"
#include "trainer/checkpoint/safetensors.h"

namespace ringtrain::faults {
namespace {

namespace fs = std::filesystem;

class Damaged : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    const CheckpointStore store(folder_);
    store.save(checkpoint_of(10), false, {});
    store.save(checkpoint_of(20), false, {});
    for (const auto& entry : fs::directory_iterator(newest()))
      names_.push_back(entry.path().filename().string());
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path newest() const { return folder_ / "step-20"; }

  static void write(const fs::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  }
  /// Step 20 is refused with the file's name, and step 10 is taken instead.
  void expect_refused(const std::string& name, const std::string& how) const {
    const CheckpointStore store(folder_);
    try {
      const auto loaded = store.load(20);
      // A byte of manifest.json may be white space.
      EXPECT_TRUE(name == "manifest.json" && is_whole(loaded)) << how << " in " << name << " was not seen";
      return;
    } catch (const CheckpointError& error) {
      EXPECT_NE(std::string(error.what()).find("step-20"), std::string::npos) << how << ": " << error.what();
    }
    EXPECT_EQ(store.load_newest().step, 10) << how;
  }
  /// Changes a file of the newest one, and puts it back.
  void with(const std::string& name, const std::string& content, const std::string& how) const {
    const auto whole = read_file(newest() / name);
    write(newest() / name, content);
    expect_refused(name, how);
    write(newest() / name, whole);
  }

  fs::path folder_;
  std::vector<std::string> names_;
};

TEST_F(Damaged, EveryByteFlipped) {
  testing::internal::CaptureStderr();  // a warning each
  for (const auto& name : names_) {
    const auto whole = read_file(newest() / name);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      auto changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
      with(name, changed, "a flipped bit of byte " + std::to_string(i));
    }
  }
  testing::internal::GetCapturedStderr();
}

TEST_F(Damaged, CutOffMissingOrReplaced) {
  testing::internal::CaptureStderr();
  for (const auto& name : names_) {
    const auto whole = read_file(newest() / name);
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 40)
      with(name, whole.substr(0, length), "cut off at " + std::to_string(length));
    with(name, whole + "more", "something behind its end");
    const auto file = newest() / name;
    fs::remove(file);
    expect_refused(name, "missing");
    fs::create_directory(file);
    expect_refused(name, "a folder");
    fs::remove(file);
    fs::create_symlink(name, file);
    expect_refused(name, "a link to itself");
    fs::remove(file);
    write(file, whole);
  }
  testing::internal::GetCapturedStderr();
  EXPECT_TRUE(is_whole(CheckpointStore(folder_).load(20)));
}

TEST_F(Damaged, HostileManifests) {
  testing::internal::CaptureStderr();
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  for (const std::string& text :
       {std::string("[]"), std::string("null"), std::string("{"), std::string("{}"),
        std::string(R"({"format":1})"), std::string(R"({"format":"1","files":{}})"),
        std::string(R"({"format":1,"files":[]})"), std::string(R"({"format":1,"files":{}})"),
        std::string(R"({"format":1,"files":{"../../etc/passwd":{"bytes":1,"xxh3":""}}})"),
        std::string(R"({"format":1,"files":{"/etc/passwd":{"bytes":1,"xxh3":""}}})"),
        std::string(R"({"format":1,"files":{"config.yaml":5}})"),
        std::string(R"({"format":1,"files":{"config.yaml":{"bytes":-1,"xxh3":""}}})"),
        std::string(R"({"format":1,"files":{"config.yaml":{"bytes":1e99,"xxh3":7}}})"),
        std::string(R"({"format":1,"files":{"":{}}})"), deep, R"({"format":1,"files":)" + deep + "}"})
    with("manifest.json", text, "a manifest " + text.substr(0, 60));
  testing::internal::GetCapturedStderr();
}

/// Files whose manifest fits: what is inside of them is hostile.
TEST_F(Damaged, HostileContentWithAFittingManifest) {
  testing::internal::CaptureStderr();
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  for (const auto& name : {"state.json", "schema.json", "model.safetensors", "optimizer.safetensors"})
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[]"), std::string(R"({"step":"20","progress":{}})"),
          std::string(R"({"step":20})"), std::string(R"({"step":20.5,"progress":1})"), std::string(9, '\xff'),
          deep}) {
      if (std::string(name) == "schema.json" && text.starts_with("{\""))
        continue;  // what it means is looked at later
      const auto whole = read_file(newest() / "manifest.json");
      auto manifest = nlohmann::json::parse(whole);
      manifest["files"][name] = {{"bytes", text.size()}, {"xxh3", hash_text(text)}};
      write(newest() / "manifest.json", manifest.dump());
      with(name, text, "a hostile " + text.substr(0, 40));
      write(newest() / "manifest.json", whole);
    }
  testing::internal::GetCapturedStderr();
}

std::string safetensors(const std::string& header, std::size_t data, std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data, 'x');
}
std::string safetensors(const std::string& header, std::size_t data = 16) {
  return safetensors(header, data, header.size());
}

void expect_refused(const std::string& bytes, const std::string& what) {
  try {
    read_safetensors(bytes, "model.safetensors");
    ADD_FAILURE() << what << " was read";
  } catch (const CheckpointError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("model.safetensors")) << error.what();
  }
}

TEST(HostileSafetensors, AreRefused) {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_EQ(read_safetensors(safetensors(one("F32", "[4]", "[0,16]")), "x").size(), 1U);
  for (const std::uint64_t length : {std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{1} << 40,
                                     std::uint64_t{200'000'000}, std::uint64_t{17}})
    expect_refused(safetensors("{}", 4, length), "a header of " + std::to_string(length) + " bytes");
  for (
      const std::string& header :
      {one("F32", "[4]", "[0,17]"), one("F32", "[4]", "[8,16]"), one("F32", "[4]", "[16,0]"),
       one("F32", "[4]", "[-1,15]"), one("F32", "[4]", "[0.0,16.0]"), one("F32", "[4]", "[0]"),
       one("F32", "[4]", "[0,8,16]"), one("F32", "[4]", "\"0,16\""), one("F33", "[4]", "[0,16]"),
       one("", "[4]", "[0,16]"), one("F32", "[-4]", "[0,16]"), one("F32", "[4.0]", "[0,16]"),
       one("F32", "4", "[0,16]"), one("F32", "[1099511627777]", "[0,16]"),
       one("F32", "[1099511627776,1099511627776,1099511627776]", "[0,16]"),
       one("F32", "[18446744073709551615]", "[0,16]"),
       one("F32", "[4]", "[18446744073709551600,18446744073709551616]"), one("F32", "[4]", "[4,20]"),
       std::string("["), std::string("[]"), std::string("null"), std::string("\"a\""),
       std::string("{\"a\":1}"), std::string("{\"a\":{}}"),
       std::string("{\"a\":{\"dtype\":1,\"shape\":[4],\"data_offsets\":[0,16]}}"),
       // Overlapping, with a gap, and data that belongs to nothing.
       std::string(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})"),
       std::string(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})"),
       std::string(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
       std::string(
           R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})")})
    expect_refused(safetensors(header), header);
  expect_refused(safetensors(std::string(100'000, '[') + std::string(100'000, ']')), "a deep header");
  expect_refused("", "nothing");
  expect_refused("1234567", "seven bytes");
}

TEST(HostileSafetensors, AnyBytesGiveTensorsOrAnError) {
  std::mt19937_64 random(7);
  const auto whole = write_safetensors(checkpoint_of(3).weights, {{"format", "pt"}});
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = whole;
    for (auto changes = 1 + random() % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      read_safetensors(bytes, "model.safetensors");
    } catch (const CheckpointError&) {  // the only one that is allowed
    }
  }
}

}  // namespace
}  // namespace ringtrain::faults
