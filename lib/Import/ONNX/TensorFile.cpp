#include "hadron/Import/TensorFile.h"

#include "hadron_onnx.pb.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace hadron;
using hadron_onnx::TensorProto;
using llvm::StringRef;
using llvm::Twine;

static llvm::Error bad(StringRef path, const Twine &reason) {
  return llvm::make_error<llvm::StringError>("'" + path + "': " + reason, llvm::inconvertibleErrorCode());
}

/// Bytes of an element; 0: not whole bytes, a string, or no type at all.
static int getWidth(int32_t dataType) {
  switch (dataType) {
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
  case TensorProto::FLOAT8E8M0:
    return 1;
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return 2;
  case TensorProto::INT32:
  case TensorProto::UINT32:
  case TensorProto::FLOAT:
    return 4;
  case TensorProto::INT64:
  case TensorProto::UINT64:
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX64:
    return 8;
  case TensorProto::COMPLEX128:
    return 16;
  default:
    return 0;
  }
}

/// Appends `values` as T, which is as wide as the element or, for parts of complex numbers, half as wide.
template <typename T, typename Values>
static void append(std::vector<char> &data, const Values &values) {
  for (auto value : values) {
    char bytes[sizeof(T)];
    llvm::support::endian::write<T, llvm::endianness::little>(bytes, static_cast<T>(value));
    data.insert(data.end(), bytes, bytes + sizeof(T));
  }
}

/// The typed fields, of which a tensor has one: int32_data holds every type of 32 bits and less, uint64_data uint32
/// too.
static std::vector<char> encodeTyped(const TensorProto &tensor, int width) {
  std::vector<char> data;
  append<float>(data, tensor.float_data());
  append<double>(data, tensor.double_data());
  append<int64_t>(data, tensor.int64_data());
  if (width == 4)
    append<uint32_t>(data, tensor.uint64_data());
  else
    append<uint64_t>(data, tensor.uint64_data());
  if (width == 1)
    append<int8_t>(data, tensor.int32_data());
  else if (width == 2)
    append<int16_t>(data, tensor.int32_data());
  else
    append<int32_t>(data, tensor.int32_data());
  return data;
}

llvm::Expected<FileTensor> hadron::readTensorProto(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return bad(path, buffer.getError().message());
  TensorProto tensor;
  if ((*buffer)->getBufferSize() > INT32_MAX ||
      !tensor.ParseFromArray((*buffer)->getBufferStart(), static_cast<int>((*buffer)->getBufferSize())))
    return bad(path, "not a TensorProto");
  FileTensor result;
  result.name = tensor.name();
  result.dataType = tensor.data_type();
  int width = getWidth(result.dataType);
  if (!width)
    return bad(path, "a tensor of element type number " + Twine(result.dataType) +
                         " (strings, elements of less than a byte, sequences) is not supported");
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.has_segment())
    return bad(path, "the tensor's data is not in this file");
  int64_t bytes = width;
  for (int64_t dim : tensor.dims()) {
    if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes))
      return bad(path, "the tensor's dimensions are no sizes");
    result.shape.push_back(dim);
  }
  if (tensor.has_raw_data())
    result.data.assign(tensor.raw_data().begin(), tensor.raw_data().end());
  else
    result.data = encodeTyped(tensor, width);
  if (static_cast<int64_t>(result.data.size()) != bytes)
    return bad(path, "the tensor needs " + Twine(bytes) + " bytes of data, the file has " + Twine(result.data.size()));
  return result;
}
