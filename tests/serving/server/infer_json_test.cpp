#include "serving/server/infer_json.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "common/errors.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using Strings = std::vector<std::string>;
using Shape = std::vector<std::int64_t>;

InferRequest parse(const std::string& body) { return parse_infer_request(body, -1); }

/// A request of one input with these fields.
std::string body_of(const std::string& datatype, const std::string& shape, const std::string& data) {
  return R"({"inputs": [{"name": "x", "datatype": ")" + datatype + R"(", "shape": )" + shape +
         R"(, "data": )" + data + "}]}";
}
InferTensor input_of(const std::string& datatype, const std::string& shape, const std::string& data) {
  return parse(body_of(datatype, shape, data)).inputs.at(0);
}
std::string refused(const std::string& body) {
  return thrown<DataError>([&] { parse(body); });
}

/// Numbers as they lie in memory.
template <class Number>
std::string bytes(std::initializer_list<Number> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(Number)};
}

TEST(InferRequest, FlatAndNestedDataAreTheSame) {
  for (const char* data : {"[1, 2.5, -3, 4, 5, 6]", "[[1, 2.5, -3], [4, 5, 6]]"}) {
    const auto tensor = input_of("FP32", "[2, 3]", data);
    EXPECT_EQ(tensor.name, "x");
    EXPECT_EQ(tensor.datatype, "FP32");
    EXPECT_EQ(tensor.shape, (Shape{2, 3}));
    EXPECT_TRUE(at::equal(tensor.values, at::tensor({1.F, 2.5F, -3.F, 4.F, 5.F, 6.F}).view({2, 3}))) << data;
  }
  EXPECT_EQ(input_of("BYTES", "[2, 1]", R"([["é"], [""]])").strings, (Strings{"é", ""}));
  EXPECT_TRUE(input_of("FP32", "[1]", "[null]").values.isnan().all().item<bool>());
  EXPECT_TRUE(input_of("FP64", "[1]", "[NaN]").values.isnan().all().item<bool>());
}

/// As many values, but not those of the rows that they stand in.
TEST(InferRequest, NestedDataFollowTheShape) {
  const std::string other = "input 'x': its nested arrays are not those of the shape [2, 3]";
  for (const char* data : {"[[1, 2], [3, 4, 5, 6]]", "[[1, 2], [3, 4], [5, 6]]", "[[[1, 2, 3], [4, 5, 6]]]",
                           "[[1, 2, [3]], [4, 5, 6]]", "[1, [2, 3, 4, 5, 6]]", "[[], [1, 2, 3, 4, 5, 6]]"})
    EXPECT_EQ(refused(body_of("FP32", "[2, 3]", data)), other) << data;
  EXPECT_EQ(refused(body_of("BYTES", "[2]", R"([["a"], ["b"]])")),
            "input 'x': its nested arrays are not those of the shape [2]");
}

TEST(InferRequest, WholeNumbersKeepAllDigits) {
  EXPECT_TRUE(
      at::equal(input_of("INT64", "[2]", "[9007199254740993, -9223372036854775808]").values,
                at::tensor({9007199254740993L, std::numeric_limits<std::int64_t>::min()}, at::kLong)));
  EXPECT_EQ(refused(body_of("INT64", "[1]", "[1e18]")), "input 'x': a value is no INT64");
  EXPECT_EQ(refused(body_of("INT64", "[1]", "[9223372036854775808]")), "input 'x': a value is no INT64");
  EXPECT_EQ(input_of("INT64", "[1]", "[3.0]").values.item<std::int64_t>(), 3);
}

TEST(InferRequest, EachDatatypeHoldsItsBoundaries) {
  struct Case {
    const char* datatype;
    at::ScalarType type;
    const char* data;
    double first, second;
  };
  const std::vector<Case> cases{{"FP64", at::kDouble, "[0.1, 1e300]", 0.1, 1e300},
                                {"FP32", at::kFloat, "[0.5, 16777216]", 0.5, 16777216},
                                {"FP16", at::kHalf, "[0.5, 65504]", 0.5, 65504},
                                {"BF16", at::kBFloat16, "[0.5, 256]", 0.5, 256},
                                {"INT64", at::kLong, "[9007199254740992, -1]", 9007199254740992, -1},
                                {"INT32", at::kInt, "[2147483647, -2147483648]", 2147483647, -2147483648.0},
                                {"INT16", at::kShort, "[32767, -32768]", 32767, -32768},
                                {"INT8", at::kChar, "[127, -128]", 127, -128},
                                {"UINT8", at::kByte, "[255, 0]", 255, 0},
                                {"UINT16", at::kInt, "[65535, 0]", 65535, 0},
                                {"UINT32", at::kLong, "[4294967295, 0]", 4294967295, 0},
                                {"UINT64", at::kLong, "[9007199254740992, 0]", 9007199254740992, 0},
                                {"BOOL", at::kBool, "[true, 0]", 1, 0}};
  for (const auto& one : cases) {
    const auto got = input_of(one.datatype, "[2]", one.data).values;
    EXPECT_EQ(got.scalar_type(), one.type) << one.datatype;
    EXPECT_EQ(got[0].item<double>(), one.first) << one.datatype;
    EXPECT_EQ(got[1].item<double>(), one.second) << one.datatype;
  }
}

TEST(InferRequest, NumbersThatADatatypeDoesNotHoldAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"INT64", "1.5"},  {"INT64", "1e19"},
      {"INT64", "null"}, {"INT32", "2147483648"},
      {"INT32", "NaN"},  {"INT16", "-32769"},
      {"INT8", "128"},   {"UINT8", "-1"},
      {"UINT8", "256"},  {"BOOL", "2"},
      {"BOOL", "0.5"},   {"UINT16", "65536"},
      {"UINT16", "-1"},  {"UINT32", "4294967296"},
      {"UINT64", "-1"},  {"UINT64", "9223372036854775808"}};
  for (const auto& [datatype, number] : cases)
    EXPECT_EQ(refused(body_of(datatype, "[2]", "[1, " + number + "]")),
              "input 'x': a value is no " + datatype)
        << number;
}

TEST(InferRequest, WhatIsWanted) {
  const auto all = parse(R"({"id": "a\"b", "inputs": []})");
  EXPECT_EQ(all.id, "a\"b");
  EXPECT_FALSE(all.binary_outputs);
  EXPECT_TRUE(wanted_outputs(all).empty());
  EXPECT_EQ(parse(R"({"id": 7, "inputs": []})").id, "7");
  EXPECT_EQ(parse(R"({"id": null, "inputs": []})").id, "");
  const auto some = parse(R"({"inputs": [], "parameters": {"binary_data_output": true},
                              "outputs": [{"name": "class"}, {"name": "label", "parameters": {"binary_data": false}},
                                          {"name": "x", "parameters": {"binary_data": true}}]})");
  Strings names;
  for (const auto& one : wanted_outputs(some)) names.push_back(one.name);
  EXPECT_EQ(names, (Strings{"class", "label", "x"}));
  EXPECT_TRUE(some.binary_outputs && some.outputs[0].binary && some.outputs[2].binary);
  EXPECT_FALSE(some.outputs[1].binary);
}

TEST(InferRequest, ClassesThatAreWanted) {
  const auto wanted = [](const std::string& count) {
    return parse(R"({"inputs": [], "outputs": [{"name": "p", "parameters": {"classification": )" + count +
                 "}}]}");
  };
  EXPECT_EQ(wanted("3").outputs.at(0).classes, 3);
  EXPECT_EQ(wanted("0").outputs.at(0).classes, 0);
  for (const char* wrong : {"-1", "1.5", "\"2\"", "true"})
    EXPECT_EQ(thrown<DataError>([&] { wanted(wrong); }),
              std::string("output 'p': \"classification\" is ") + wrong + ", no number of classes");
}

TEST(InferRequest, UnsignedBytes) {
  const auto sixteen = bytes<std::uint16_t>({0, 65535});
  EXPECT_TRUE(
      at::equal(tensor_from_bytes("x", "UINT16", {2}, sixteen).values, at::tensor({0, 65535}, at::kInt)));
  const auto thirty_two = bytes<std::uint32_t>({4294967295U});
  EXPECT_EQ(tensor_from_bytes("x", "UINT32", {1}, thirty_two).values.item<std::int64_t>(), 4294967295);
  const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(tensor_from_bytes("x", "UINT64", {1}, bytes<std::uint64_t>({most})).values.item<std::int64_t>(),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(
      thrown<DataError>([&] { tensor_from_bytes("x", "UINT64", {1}, bytes<std::uint64_t>({most + 1})); }),
      "input 'x': 9223372036854775808 is beyond 2^63 - 1, the largest number that is taken");
}

TEST(InferRequest, BinaryTensorsFollowTheHeader) {
  const std::string header = R"({"inputs": [
    {"name": "a", "datatype": "INT32", "shape": [2], "parameters": {"binary_data_size": 8}},
    {"name": "b", "datatype": "FP32", "shape": [1], "data": [7]},
    {"name": "c", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 11}}]})";
  const auto binary = bytes({1, -2}) + bytes({3}) + "abc" + bytes({0});
  const auto request = parse_infer_request(header + binary, static_cast<std::int64_t>(header.size()));
  ASSERT_EQ(request.inputs.size(), 3U);
  EXPECT_TRUE(at::equal(request.inputs[0].values, at::tensor({1, -2}, at::kInt)));
  EXPECT_TRUE(at::equal(request.inputs[1].values, at::tensor({7.F})));
  EXPECT_EQ(request.inputs[2].strings, (Strings{"abc", ""}));
  const auto refuse = [&](const std::string& body, std::size_t length) {
    return thrown<DataError>([&] { parse_infer_request(body, static_cast<std::int64_t>(length)); });
  };
  EXPECT_EQ(refuse(header + binary + "xy", header.size()), "2 bytes of the body belong to no input");
  EXPECT_EQ(refuse(header + binary.substr(1), header.size()),
            "input 'c': binary_data_size is 11, but 10 bytes are left in the body");
  EXPECT_EQ(refuse("{}", 3), "Inference-Header-Content-Length is 3, but the body has 2 bytes");
  EXPECT_EQ(refuse("{}", 0).substr(0, 9), "not JSON:");
}

TEST(InferRequest, MistakesNameTheTensor) {
  EXPECT_EQ(refused("[]"), "expected an object with \"inputs\"");
  EXPECT_EQ(refused("{}"), "\"inputs\" is missing or no array");
  EXPECT_EQ(refused(R"({"inputs": [3]})"), "an input: \"name\" is missing or no string");
  EXPECT_EQ(refused(R"({"inputs": [{"name": "x"}]})"), "input 'x': \"datatype\" is missing or no string");
  EXPECT_EQ(refused(R"({"inputs": [{"name": "x", "datatype": "FP32"}]})"),
            "input 'x': \"shape\" is missing or no array");
  EXPECT_EQ(refused(R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}]})"),
            "input 'x': it has neither \"data\" nor binary_data_size");
  EXPECT_EQ(refused(body_of("FP32", "[1.5]", "[1]")), "input 'x': \"shape\" has 1.5, no whole number");
  EXPECT_EQ(refused(body_of("FP32", "[1]", "1")), "input 'x': \"data\" is no array");
  EXPECT_EQ(refused(body_of("FP32", "[1]", R"(["1"])")), "input 'x': expected numbers, got \"1\"");
  EXPECT_EQ(refused(body_of("FP32", "[1]", "[{}]")), "input 'x': expected numbers, got {}");
  EXPECT_EQ(refused(body_of("BYTES", "[1]", "[1]")), "input 'x': expected strings, got 1");
  EXPECT_EQ(refused(body_of("FP32", "[2, 2]", "[1, 2, 3]")),
            "input 'x': 3 values do not fill the shape [2, 2]");
  EXPECT_EQ(refused(body_of("BYTES", "[0]", R"(["a"])")), "input 'x': 1 values do not fill the shape [0]");
  EXPECT_EQ(refused(body_of("FP31", "[1]", "[1]")).substr(0, 34), "input 'x': unknown datatype 'FP31'");
  EXPECT_EQ(refused(R"({"inputs": [], "outputs": {}})"), "\"outputs\" is no array");
  EXPECT_EQ(refused(R"({"inputs": [], "outputs": [1]})"), "an output: \"name\" is missing or no string");
}

TEST(InferReply, WritesJson) {
  const std::vector<InferTensor> outputs{
      {"p", "FP32", {2, 2}, at::tensor({0.25F, 1.F, 1e-7F, 0.1F}).view({2, 2}), {}},
      {"class", "INT64", {2}, at::tensor({1, -5}, at::kLong), {}},
      {"label", "BYTES", {2}, {}, {"a\"b", "é"}}};
  InferRequest request;
  const auto reply = infer_reply(request, "m", 3, outputs);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.type, "application/json");
  EXPECT_TRUE(reply.headers.empty());
  EXPECT_EQ(reply.body, R"({"model_name":"m","model_version":"3","outputs":[)"
                        R"({"name":"p","datatype":"FP32","shape":[2,2],"data":[0.25,1.0,1e-07,0.1]},)"
                        R"({"name":"class","datatype":"INT64","shape":[2],"data":[1,-5]},)"
                        R"({"name":"label","datatype":"BYTES","shape":[2],"data":["a\"b","é"]}]})");
  request.id = "7";
  EXPECT_EQ(infer_reply(request, "m", 3, {}).body,
            R"({"model_name":"m","model_version":"3","id":"7","outputs":[]})");
}

TEST(InferReply, WritesBinaryOutputsBehindTheJson) {
  InferRequest request;
  request.outputs = {{"p", true}, {"class", false}, {"label", true}};
  const auto reply = infer_reply(request, "m", 1,
                                 {{"p", "FP32", {2}, at::tensor({0.25F, -1.F}), {}},
                                  {"class", "INT64", {1}, at::tensor({1}, at::kLong), {}},
                                  {"label", "BYTES", {2}, {}, {"abc", ""}}});
  const std::string json =
      R"({"model_name":"m","model_version":"1","outputs":[)"
      R"({"name":"p","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}},)"
      R"({"name":"class","datatype":"INT64","shape":[1],"data":[1]},)"
      R"({"name":"label","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":11}}]})";
  EXPECT_EQ(reply.body, json + bytes({0.25F, -1.F}) + bytes({3}) + "abc" + bytes({0}));
  EXPECT_EQ(reply.type, "application/octet-stream");
  ASSERT_EQ(reply.headers.size(), 1U);
  EXPECT_EQ(reply.headers[0],
            std::make_pair(std::string("Inference-Header-Content-Length"), std::to_string(json.size())));
}

}  // namespace
}  // namespace ringtrain::test
