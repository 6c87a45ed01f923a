#include "data/tokens/token_format.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::data_error;

template <class Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

/// Tokens as a tokenizer's: none is twice the same, all are below `vocabulary`.
template <class Number>
std::vector<Number> tokens(std::int64_t vocabulary, std::size_t count = 400) {
  std::vector<Number> all;
  std::uint64_t state = 12345;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    all.push_back(static_cast<Number>((state >> 33) % static_cast<std::uint64_t>(vocabulary)));
  }
  return all;
}

TokenFormat recognise(const std::string& bytes, std::int64_t vocabulary, std::string_view dtype = "auto") {
  return recognise_tokens({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, dtype,
                          vocabulary);
}

std::string error_of(const std::string& bytes, std::int64_t vocabulary, std::string_view dtype = "auto") {
  return data_error([&] { recognise(bytes, vocabulary, dtype); });
}

std::string with_header(std::int32_t magic, std::int32_t version, std::int32_t count,
                        const std::string& bytes) {
  std::vector<std::int32_t> header(256);
  header[0] = magic;
  header[1] = version;
  header[2] = count;
  return bytes_of(header) + bytes;
}

TEST(TokenFormat, KnowsBothTypesByTheirContent) {
  for (const std::int64_t vocabulary : {65, 1000, 50257, 65536}) {
    EXPECT_EQ(recognise(bytes_of(tokens<std::uint16_t>(vocabulary)), vocabulary).type, TokenType::uint16)
        << vocabulary;
    EXPECT_EQ(recognise(bytes_of(tokens<std::uint32_t>(vocabulary)), vocabulary).type, TokenType::uint32)
        << vocabulary;
  }
  for (const std::int64_t vocabulary : {100'277, 128'256, 1'000'000})
    EXPECT_EQ(recognise(bytes_of(tokens<std::uint32_t>(vocabulary)), vocabulary).type, TokenType::uint32)
        << vocabulary;
  // A vocabulary that was rounded up, and 16-bit tokens.
  EXPECT_EQ(recognise(bytes_of(tokens<std::uint16_t>(50257)), 66'000).type, TokenType::uint16);
}

TEST(TokenFormat, AnOddNumberOfTokensOf16BitsHasNoHalves) {
  EXPECT_EQ(recognise(bytes_of(std::vector<std::uint16_t>{1, 0, 2}), 10).type, TokenType::uint16);
}

TEST(TokenFormat, WhatShowsNeitherIsRefusedUnlessItIsDeclared) {
  const auto few = bytes_of(std::vector<std::uint16_t>{5, 0, 7, 0}), none = std::string(4096, '\0');
  for (const auto& bytes : {few, none}) {
    const auto text = error_of(bytes, 1000);
    EXPECT_NE(text.find("does not show whether"), std::string::npos) << text;
    EXPECT_NE(text.find("data.token_dtype: uint16 or uint32"), std::string::npos) << text;
    EXPECT_EQ(recognise(bytes, 1000, "uint16").type, TokenType::uint16);
    EXPECT_EQ(recognise(bytes, 1000, "uint32").type, TokenType::uint32);
  }
  // 32-bit tokens of a larger vocabulary than the model's: as 16-bit ones half of them would be 0 or 1.
  const auto text = error_of(bytes_of(tokens<std::uint32_t>(128'256)), 50257);
  EXPECT_NE(text.find("every second number of 16 bits is at most 1"), std::string::npos) << text;
  EXPECT_NE(text.find("raise model.vocabulary"), std::string::npos) << text;
}

TEST(TokenFormat, RefusesWhatIsNotTokens) {
  EXPECT_NE(error_of(bytes_of(tokens<std::int64_t>(50257)), 50257).find("numbers of 64 bits"),
            std::string::npos);
  EXPECT_NE(error_of(std::string("\x93NUMPY\x01\x00", 8) + std::string(120, ' '), 1000).find("NumPy (.npy)"),
            std::string::npos);
  EXPECT_NE(error_of(std::string("\x1f\x8b\x08\x00", 4) + std::string(100, '\x7e'), 1000).find("a gzip file"),
            std::string::npos);
  std::string prose;
  for (int i = 0; i < 20; ++i) prose += "Größe is what it is.\n";
  prose.resize(prose.size() / 2 * 2);
  EXPECT_NE(error_of(prose, 50257).find("it is text"), std::string::npos);
  EXPECT_NE(error_of(std::string(6, '\x01'), 1000, "uint32").find("no multiple of 4"), std::string::npos);
}

TEST(TokenFormat, SkipsTheHeaderOfLlmC) {
  const auto narrow = bytes_of(tokens<std::uint16_t>(50257, 100));
  const auto wide = bytes_of(tokens<std::uint32_t>(128'256, 100));
  const auto gpt2 = recognise(with_header(20240520, 1, 100, narrow), 50257);
  EXPECT_EQ(gpt2.type, TokenType::uint16);
  EXPECT_EQ(gpt2.header_bytes, 1024U);
  const auto llama = recognise(with_header(20240801, 7, 100, wide), 128'256);
  EXPECT_EQ(llama.type, TokenType::uint32);
  EXPECT_EQ(llama.header_bytes, 1024U);
  EXPECT_NE(error_of(with_header(20240520, 1, 101, narrow), 50257).find("says 101 tokens"),
            std::string::npos);
  EXPECT_NE(error_of(with_header(20240520, 2, 100, narrow), 50257).find("version 2"), std::string::npos);
  EXPECT_NE(error_of(with_header(20240520, 1, 100, narrow), 50257, "uint32").find("says uint16"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain
