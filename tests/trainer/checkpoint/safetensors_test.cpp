#include "trainer/checkpoint/safetensors.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>

#include "common/errors.h"

namespace ringtrain {
namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string message_of(const std::string& bytes) {
  try {
    read_safetensors(bytes, "x.safetensors");
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

TEST(Safetensors, GivesBackWhatWasWritten) {
  const NamedTensors tensors{{"a.weight", torch::arange(6, torch::kFloat).reshape({2, 3})},
                             {"b", torch::tensor({1.5}, torch::kDouble)},
                             {"empty", torch::zeros({0, 4})},
                             {"scalar", torch::tensor(7, torch::kLong)},
                             {"half", torch::ones({3}, torch::kBFloat16)},
                             {"transposed", torch::arange(6, torch::kInt).reshape({2, 3}).t()}};
  const auto read = read_safetensors(write_safetensors(tensors, {{"format", "pt"}}), "x");
  ASSERT_EQ(read.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(read.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(read.at(name), tensor)) << name;
  }
}

TEST(Safetensors, ReadsAHandWrittenFile) {
  const float numbers[2] = {1.0f, -2.0f};
  const std::string data(reinterpret_cast<const char*>(numbers), 8);
  const auto read =
      read_safetensors(file_of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", data), "x");
  EXPECT_EQ(read.at("x")[1].item<float>(), -2.0f);
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* expected;
};

class HostileFile : public testing::TestWithParam<Hostile> {};

TEST_P(HostileFile, IsRefusedWithAReason) {
  const auto text = message_of(GetParam().bytes);
  EXPECT_NE(text.find(GetParam().expected), std::string::npos) << "got: '" << text << "'";
}

const std::string four(4, 'x');
INSTANTIATE_TEST_SUITE_P(
    All, HostileFile,
    testing::Values(
        Hostile{"Short", "abc", "too short"},
        Hostile{"HugeHeader", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + "{}", "a header of"},
        Hostile{"NotJson", file_of("{\"x\"", ""), "not a JSON object"},
        Hostile{"NoFields", file_of(R"({"x":{}})", ""), "expected dtype"},
        Hostile{"Type", file_of(R"({"x":{"dtype":"C64","shape":[1],"data_offsets":[0,4]}})", four),
                "unknown dtype 'C64'"},
        Hostile{"Outside", file_of(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four),
                "lie outside"},
        Hostile{"Reversed", file_of(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four),
                "lie outside"},
        Hostile{"Size", file_of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four),
                "4 bytes of data for a tensor of 8"},
        Hostile{"Overflow",
                file_of(R"({"x":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}})",
                        four),
                "larger than any file"},
        Hostile{"Negative", file_of(R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four),
                "is no size"},
        Hostile{
            "Overlap",
            file_of(
                R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                four),
            "overlap"},
        Hostile{"Trailing", file_of(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", four),
                "after the last"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Safetensors, EveryTruncationIsRefused) {
  const auto bytes = write_safetensors({{"weight", torch::ones({3, 2})}, {"bias", torch::ones({3})}});
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(message_of(bytes.substr(0, length)), "") << length;
}

}  // namespace
}  // namespace ringtrain
