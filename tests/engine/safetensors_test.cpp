#include "murmur/engine/safetensors.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstring>
#include <limits>

#include "tests/support/arrays.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

class SafeTensorsTest : public ::testing::Test {
 protected:
  /// A file with this header, padded as it stands, and so many bytes of data.
  std::filesystem::path file(const std::string& header, size_t data_bytes = 0) const {
    const uint64_t size = header.size();
    std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
    folder_.write("file", bytes + header + std::string(data_bytes, '\1'));
    return folder_ / "file";
  }

  void refuse(const std::filesystem::path& path, const std::string& message) const {
    EXPECT_THAT([&] { read_safetensors(path); }, ThrowsMessage<DataError>(path.string() + ": expected " + message));
  }

  test::TemporaryFolder folder_;
};

template <class T>
Tensor tensor(const std::vector<T>& values, const Shape& shape) {
  return Tensor::from<T>(values, shape, kCpu);
}

TEST_F(SafeTensorsTest, ReadsWhatItWrites) {
  SafeTensors contents;
  contents.tensors["b"] = tensor<float>({1, -2.5f, std::numeric_limits<float>::quiet_NaN(), 4, 5, 6}, {2, 3});
  contents.tensors["bytes"] = tensor<uint8_t>({7, 8, 9}, {3});
  contents.tensors["a.long name"] = tensor<double>({0.1}, {1});
  contents.tensors["counts"] = tensor<int64_t>({-1, int64_t{1} << 60}, {2});
  contents.tensors["none"] = Tensor::zeros({2, 0, 3}, DType::kI32, kCpu);
  contents.tensors["scalar"] = Tensor::zeros({}, DType::kF64, kCpu);
  contents.metadata = {{"model", "fc"}, {"text", "two \"lines\"\nand \xc3\xa9"}};
  write_safetensors(folder_ / "file", contents);
  const SafeTensors actual = read_safetensors(folder_ / "file");
  EXPECT_EQ(actual.metadata, contents.metadata);
  ASSERT_EQ(actual.tensors.size(), contents.tensors.size());
  for (const auto& [name, expected] : contents.tensors) {
    const Tensor& got = actual.get(name, expected.dtype(), expected.shape());
    const auto bytes = static_cast<size_t>(expected.num_elements() * size_bytes(expected.dtype()));
    EXPECT_EQ(std::memcmp(got.raw(), expected.raw(), bytes), 0) << name;
  }
}

TEST_F(SafeTensorsTest, DataBeginAtWholeElements) {
  SafeTensors contents;
  contents.tensors["bytes"] = tensor<uint8_t>({7, 8, 9}, {3});
  contents.tensors["double"] = tensor<double>({0.1}, {1});
  write_safetensors(folder_ / "file", contents);
  const std::string bytes = folder_.contents().at("file");
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof(size));
  EXPECT_EQ(size % 8, 0u);
  EXPECT_THAT(bytes.substr(8, size), HasSubstr("\"double\":{\"data_offsets\":[0,8],\"dtype\":\"F64\",\"shape\":[1]}"));
  EXPECT_EQ(bytes.size(), 8 + size + 11);
}

TEST_F(SafeTensorsTest, ViewsAreWrittenWithoutWhatLiesBetween) {
  const Tensor arena = tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  SafeTensors contents;
  contents.tensors["view"] = arena.view(1, {2, 2});
  write_safetensors(folder_ / "file", contents);
  EXPECT_THAT(read_safetensors(folder_ / "file").get("view", DType::kF32, {2, 2}).to_vector<float>(),
              ::testing::ElementsAre(2, 3, 5, 6));
}

TEST_F(SafeTensorsTest, ReadsHeadersOfOthers) {
  const SafeTensors contents =
      read_safetensors(file(R"({"x":{"shape":[2],"dtype":"U8","data_offsets":[1,3]}, "__metadata__": {},
        "y": {"dtype":"U8","shape":[],"data_offsets":[0,1]}}      )",
                            3));
  EXPECT_THAT(contents.tensors, UnorderedElementsAre(Key("x"), Key("y")));
  EXPECT_TRUE(contents.metadata.empty());
  EXPECT_TRUE(read_safetensors(file("{}")).tensors.empty());
}

TEST_F(SafeTensorsTest, FilesThatAreNoneAreRefused) {
  refuse(folder_ / "none", "a safetensors file, got none");
  refuse(folder_.path(), "a safetensors file, got what cannot be read");
  folder_.write("file", "");
  refuse(folder_ / "file", "a safetensors file, got one of 0 bytes");
  folder_.write("file", std::string("\0\0\0\0\0\0\0\x10{}", 10));  // 2^60
  refuse(folder_ / "file", "a header of at most 2 bytes, got one of 1152921504606846976");
  folder_.write("file", std::string(16, '\xff'));
  refuse(folder_ / "file", "a header of at most 8 bytes, got one of 18446744073709551615");
  refuse(file(""), "a header of JSON that begins with {, got another file");
  refuse(file("[]"), "a header of JSON that begins with {, got another file");
  for (const char* header : {"{", "{}}", "{\"a\"}", "{'a':1}", "{\"\xff\":1}", "{} x", "{\"a\":NaN}"}) {
    refuse(file(header), "a header of JSON, got something else");
  }
}

// Opening it would wait for a writer.
TEST_F(SafeTensorsTest, APipeIsRefusedAtOnce) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  refuse(folder_ / "pipe", "a safetensors file, got what cannot be read");
}

TEST_F(SafeTensorsTest, HeadersThatAreNoneAreRefused) {
  const std::string good = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_EQ(read_safetensors(file("{" + good + "}", 4)).tensors.size(), 1u);
  refuse(file("{" + good + "," + good + "}", 4), "every name once, got 'a' twice");
  refuse(file(R"({"a":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8),
         "every name once, got 'dtype' twice");
  refuse(file(R"({"__metadata__":{"a":1}})"), "__metadata__ of texts, got other values");
  refuse(file(R"({"__metadata__":"a"})"), "__metadata__ of texts, got other values");
  for (const char* value :
       {"1", "{}", R"({"dtype":"F32","shape":[1]})", R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":1})"}) {
    refuse(file(std::string(R"({"a\n":)") + value + "}", 4),
           "dtype, shape and data_offsets of 'a?', got other entries");
  }
  for (const size_t depth : {3, 100000}) {
    refuse(file("{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}"),
           "a header with tensors and texts, got one that is nested deeper");
  }
  const std::string bomb = "{\"a\":" + std::string(100000, '[');
  refuse(file(bomb), "a header with tensors and texts, got one that is nested deeper");
}

TEST_F(SafeTensorsTest, TensorsThatDoNotFitAreRefused) {
  const auto one = [&](const std::string& dtype, const std::string& shape, const std::string& offsets, size_t bytes) {
    return file(R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", bytes);
  };
  const std::string f32 = "\"F32\"";
  refuse(one("\"BF16\"", "[2]", "[0,4]", 4), "'a' to be of dtype F32, F64, U8, I32 or I64, got BF16");
  refuse(one("4", "[1]", "[0,4]", 4), "'a' to be of dtype F32, F64, U8, I32 or I64, got none of them");
  for (const char* shape : {"1", "[-1]", "[1.0]", "[\"1\"]", "[18446744073709551615]", "null", "{}"}) {
    refuse(one(f32, shape, "[0,4]", 4), "the shape of 'a' to be sizes, got something else");
  }
  refuse(one(f32, "[1]", "[0]", 4), "two data_offsets of 'a', got 1");
  refuse(one(f32, "[1]", "[0,-4]", 4), "the data_offsets of 'a' to be sizes, got something else");
  refuse(one(f32, "[1]", "[4,0]", 4), "'a' within the 4 bytes of data, got [4, 0)");
  refuse(one(f32, "[2]", "[0,8]", 4), "'a' within the 4 bytes of data, got [0, 8)");  // a truncated file
  refuse(one(f32, "[288230376151711744]", "[0,1152921504606846976]", 4),
         "'a' within the 4 bytes of data, got [0, 1152921504606846976)");
  refuse(one(f32, "[2]", "[0,4]", 4), "8 bytes of 'a', F32 [2], got 4");
  for (const char* shape : {"[4611686018427387904, 2]", "[0, 1099511627776, 1099511627776]"}) {
    EXPECT_THAT([&] { read_safetensors(one(f32, shape, "[0,4]", 4)); },
                ThrowsMessage<DataError>(HasSubstr("'a' to have the size of its data, got shape [")));
  }
  refuse(one(f32, "[1]", "[0,4]", 5), "4 bytes of data, got 5");
  refuse(one(f32, "[1]", "[4,8]", 8), "'a' to begin at byte 0 of the data, got 4");
}

TEST_F(SafeTensorsTest, TensorsThatOverlapOrLeaveGapsAreRefused) {
  const auto two = [&](const std::string& second, size_t bytes) {
    return file(
        R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":)" +
            second + "}}",
        bytes);
  };
  EXPECT_EQ(read_safetensors(two("[8,12]", 12)).tensors.size(), 2u);
  refuse(two("[4,8]", 8), "'b' to begin at byte 8 of the data, got 4");
  refuse(two("[0,4]", 8), "'a' to begin at byte 4 of the data, got 0");
  refuse(two("[12,16]", 16), "'b' to begin at byte 8 of the data, got 12");
}

TEST_F(SafeTensorsTest, WhatIsNotThereIsNamed) {
  SafeTensors contents{.tensors = {{"a", tensor<float>({1, 2}, {2})}}, .metadata = {}, .source = "file"};
  EXPECT_THAT([&] { (void)contents.get("b", DType::kF32, {3}); },
              ThrowsMessage<DataError>("file: expected a tensor 'b', f32 [3], got none"));
  EXPECT_THAT([&] { (void)contents.get("a", DType::kF32, {3}); },
              ThrowsMessage<DataError>("file: expected 'a' to be f32 [3], got f32 [2]"));
  EXPECT_THAT([&] { (void)contents.get("a", DType::kF64, {2}); },
              ThrowsMessage<DataError>("file: expected 'a' to be f64 [2], got f32 [2]"));
  EXPECT_THAT([&] { (void)contents.text("model"); },
              ThrowsMessage<DataError>("file: expected metadata 'model', got none"));
}

TEST_F(SafeTensorsTest, AFullDiskIsNoSuccess) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  EXPECT_THAT([] { write_safetensors("/dev/full", {}); }, ThrowsMessage<Error>(HasSubstr("No space left on device")));
}

}  // namespace
}  // namespace murmur
