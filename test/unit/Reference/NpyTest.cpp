// .npy files: what NumPy writes, and what nobody should.
#include "hadron/Support/Npy.h"

#include "llvm/Support/FileSystem.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace hadron;

namespace {

std::string npy(int version, std::string header, const std::string &data) {
  header += '\n';
  std::string text = "\x93NUMPY";
  text += static_cast<char>(version);
  text += '\0';
  uint32_t size = header.size();
  text.append(reinterpret_cast<const char *>(&size), version == 1 ? 2 : 4);
  return text + header + data;
}

std::string error(const std::string &bytes) {
  auto array = parseNpy(bytes, "x.npy");
  return array ? "" : llvm::toString(array.takeError());
}

TEST(Npy, ReadsEveryVersion) {
  for (int version : {1, 2, 3}) {
    auto array = parseNpy(
        npy(version, "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }", std::string("\1\0\2\0\3\0", 6)), "x");
    ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
    EXPECT_EQ(array->kind, 'i');
    EXPECT_EQ(array->width, 2);
    EXPECT_EQ(array->shape, std::vector<int64_t>{3});
    EXPECT_EQ(array->typeName(), "int16");
  }
}

TEST(Npy, TurnsFortranOrderOver) {
  // [[1, 2, 3], [4, 5, 6]] by columns.
  auto array = parseNpy(npy(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", "\1\4\2\5\3\6"), "x");
  ASSERT_TRUE(static_cast<bool>(array));
  EXPECT_EQ(std::string(array->data.begin(), array->data.end()), "\1\2\3\4\5\6");
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  auto scalar = parseNpy(npy(1, "{'descr': '|b1', 'fortran_order': False, 'shape': ()}", "\1"), "x");
  ASSERT_TRUE(static_cast<bool>(scalar));
  EXPECT_TRUE(scalar->shape.empty());
  auto none = parseNpy(npy(1, "{'shape': (0, 4), 'fortran_order': True, 'descr': '<f8'}", ""), "x");
  ASSERT_TRUE(static_cast<bool>(none));
  EXPECT_EQ(none->size(), 0);
}

TEST(Npy, SaysWhatIsWrong) {
  std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_NE(error("").find("not a .npy file"), std::string::npos);
  EXPECT_NE(error("PK\3\4 something else").find("not a .npy file"), std::string::npos);
  EXPECT_NE(error(npy(4, good, "12345678")).find("version 4"), std::string::npos);
  EXPECT_NE(error(npy(1, good, "1234567")).find("needs 8 bytes of data; the file has 7"), std::string::npos);
  EXPECT_NE(error(npy(1, good, "").substr(0, 20)).find("ends in its header"), std::string::npos);
  EXPECT_NE(error(npy(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", "12345678")).find("big-endian"),
            std::string::npos);
  EXPECT_NE(error(npy(1, "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }", "12345678")).find("'<U3'"),
            std::string::npos);
  EXPECT_NE(
      error(npy(1, "{'descr': '<f3', 'fortran_order': False, 'shape': (2,), }", "12345678")).find("not supported"),
      std::string::npos);
  EXPECT_NE(error(npy(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "")).find("simple type"),
            std::string::npos);
  EXPECT_NE(error(npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "")).find("dictionary"),
            std::string::npos);
  EXPECT_NE(error(npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", ""))
                .find("more elements"),
            std::string::npos);
  auto missing = readNpy("/nonexistent/x.npy");
  EXPECT_NE(llvm::toString(missing.takeError()).find("x.npy"), std::string::npos);
}

TEST(Npy, ReadsWhatItWrites) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("hadron", "npy", path));
  for (std::vector<int64_t> shape : {std::vector<int64_t>{}, {1}, {2, 0}, {3, 2, 1}}) {
    NpyArray array;
    array.kind = 'u';
    array.width = 8;
    array.shape = shape;
    array.data.resize(array.size() * 8, 'x');
    ASSERT_FALSE(static_cast<bool>(writeNpy(path, array)));
    auto again = readNpy(path);
    ASSERT_TRUE(static_cast<bool>(again)) << llvm::toString(again.takeError());
    EXPECT_EQ(again->shape, shape);
    EXPECT_EQ(again->typeName(), "uint64");
    EXPECT_EQ(again->data, array.data);
  }
  llvm::sys::fs::remove(path);
}

} // namespace
