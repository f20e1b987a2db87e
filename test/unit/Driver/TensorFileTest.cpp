#include "hadron/Import/TensorFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace hadron;

/// Reads a file with these bytes; the error's text where there is one.
static std::string read(llvm::StringRef bytes, FileTensor &tensor) {
  llvm::SmallString<128> path;
  int descriptor;
  if (llvm::sys::fs::createTemporaryFile("tensor", "pb", descriptor, path))
    return "no temporary file";
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << bytes;
  llvm::FileRemover remover(path);
  llvm::Expected<FileTensor> result = readTensorProto(path);
  if (!result)
    return llvm::toString(result.takeError());
  tensor = std::move(*result);
  return "";
}

// Fields of TensorProto: 1 dims, 2 data_type, 4 float_data, 5 int32_data, 8 name, 9 raw_data.
TEST(TensorFile, RawAndTyped) {
  FileTensor tensor;
  ASSERT_EQ(read(llvm::StringRef("\x08\x02\x10\x01\x42\x01x\x4a\x08\0\0\x80\x3f\0\0\0\x40", 17), tensor), "");
  EXPECT_EQ(tensor.name, "x");
  EXPECT_EQ(tensor.dataType, 1);
  EXPECT_EQ(tensor.shape, std::vector<int64_t>{2});
  EXPECT_EQ(reinterpret_cast<float *>(tensor.data.data())[1], 2.0f);
  ASSERT_EQ(read(llvm::StringRef("\x08\x03\x10\x03\x2a\x03\x01\x02\x7f", 9), tensor), ""); // int8
  EXPECT_EQ(tensor.data, (std::vector<char>{1, 2, 127}));
}

TEST(TensorFile, Mistakes) {
  FileTensor tensor;
  EXPECT_NE(read("\xff\xff", tensor).find("not a TensorProto"), std::string::npos);
  EXPECT_NE(read("\x08\x02\x10\x08", tensor).find("element type number 8"), std::string::npos); // strings
  EXPECT_NE(read("\x08\x02\x10\x01", tensor).find("needs 8 bytes of data, the file has 0"), std::string::npos);
  EXPECT_FALSE(bool(llvm::expectedToOptional(readTensorProto("/nonexistent"))));
}
