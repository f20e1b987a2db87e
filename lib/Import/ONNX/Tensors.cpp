#include "Tensors.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace hadron;
using hadron_onnx::TensorProto;

// Up to here a tensor's bytes stand in the IR, and up to here an integer tensor may compute a shape.
static constexpr uint64_t maxInlineBytes = 1024, maxShapeElements = 1024;

static llvm::Error makeError(const llvm::Twine &text) {
  return llvm::make_error<llvm::StringError>(text, llvm::inconvertibleErrorCode());
}

Type hadron::getElementType(MLIRContext *context, int32_t dataType) {
  Builder b(context);
  auto integer = [&](unsigned width, bool isSigned = true) {
    return IntegerType::get(context, width, isSigned ? IntegerType::Signless : IntegerType::Unsigned);
  };
  switch (dataType) {
  case TensorProto::FLOAT:
    return b.getF32Type();
  case TensorProto::UINT8:
    return integer(8, false);
  case TensorProto::INT8:
    return integer(8);
  case TensorProto::UINT16:
    return integer(16, false);
  case TensorProto::INT16:
    return integer(16);
  case TensorProto::INT32:
    return integer(32);
  case TensorProto::INT64:
    return integer(64);
  case TensorProto::STRING:
    return onnx::StringType::get(context);
  case TensorProto::BOOL:
    return integer(1);
  case TensorProto::FLOAT16:
    return b.getF16Type();
  case TensorProto::DOUBLE:
    return b.getF64Type();
  case TensorProto::UINT32:
    return integer(32, false);
  case TensorProto::UINT64:
    return integer(64, false);
  case TensorProto::COMPLEX64:
    return ComplexType::get(b.getF32Type());
  case TensorProto::COMPLEX128:
    return ComplexType::get(b.getF64Type());
  case TensorProto::BFLOAT16:
    return b.getBF16Type();
  case TensorProto::FLOAT8E4M3FN:
    return Float8E4M3FNType::get(context);
  case TensorProto::FLOAT8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case TensorProto::FLOAT8E5M2:
    return Float8E5M2Type::get(context);
  case TensorProto::FLOAT8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case TensorProto::UINT4:
    return integer(4, false);
  case TensorProto::INT4:
    return integer(4);
  case TensorProto::FLOAT4E2M1:
    return Float4E2M1FNType::get(context);
  case TensorProto::FLOAT8E8M0:
    return Float8E8M0FNUType::get(context);
  case TensorProto::UINT2:
    return integer(2, false);
  case TensorProto::INT2:
    return integer(2);
  default:
    return {};
  }
}

llvm::Expected<TensorReader::Layout> TensorReader::getLayout(const TensorProto &tensor) {
  Layout layout;
  layout.elementType = getElementType(context, tensor.data_type());
  if (!layout.elementType)
    return makeError("it has the element type number " + llvm::Twine(tensor.data_type()) +
                     ", which no version of ONNX that Hadron knows defines");
  if (tensor.has_segment())
    return makeError("it is one segment of a tensor in pieces, which is not supported; save the model again");
  layout.elements = 1;
  for (int64_t dim : tensor.dims()) {
    if (dim < 0)
      return makeError("it has the dimension " + llvm::Twine(dim));
    layout.dims.push_back(dim);
    if (__builtin_mul_overflow(layout.elements, static_cast<uint64_t>(dim), &layout.elements))
      return makeError("its dimensions multiply to more than 64 bits can count");
  }
  // A factor of zero hides what the others multiply to.
  layout.bits = onnx::OnnxTensorType::getStorageBits(layout.elementType);
  uint64_t bits;
  if (__builtin_mul_overflow(layout.elements, static_cast<uint64_t>(layout.bits), &bits) || layout.elements > INT64_MAX)
    return makeError("its dimensions multiply to more than 64 bits can count");
  layout.bytes = bits / 8 + (bits % 8 != 0);
  return layout;
}

// The value of a key is a decimal number, or it is an error: "-1", "0x10", " 5" are none.
static llvm::Expected<uint64_t> parseNumber(const hadron_onnx::StringStringEntryProto &entry) {
  StringRef text = entry.value();
  uint64_t number;
  if (text.empty() || !llvm::all_of(text, llvm::isDigit) || text.getAsInteger(10, number) || number > INT64_MAX)
    return makeError("the external data's '" + entry.key() + "' is '" + text + "', expected a number of bytes");
  return number;
}

llvm::Expected<TensorReader::Location> TensorReader::getExternalLocation(const TensorProto &tensor,
                                                                         const Layout &layout) {
  Location location;
  location.length = layout.bytes;
  llvm::StringSet<> seen;
  for (const hadron_onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (!seen.insert(entry.key()).second)
      return makeError("the external data's key '" + entry.key() + "' occurs twice");
    if (entry.key() == "location") {
      location.file = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      llvm::Expected<uint64_t> number = parseNumber(entry);
      if (!number)
        return number.takeError();
      (entry.key() == "offset" ? location.offset : location.length) = *number;
    } else if (entry.key() != "checksum") {
      return makeError("the external data has the key '" + entry.key() +
                       "'; known are location, offset, length and checksum");
    }
  }
  if (!layout.bits)
    return makeError("strings cannot be external data");
  if (!seen.contains("location"))
    return makeError("the external data names no file (no key 'location')");
  if (location.length != layout.bytes)
    return makeError("it needs " + llvm::Twine(layout.bytes) + " bytes, its external data has the length " +
                     llvm::Twine(location.length));
  llvm::Expected<uint64_t> size = file.getExternalSize(location.file);
  if (!size) {
    std::string reason = llvm::toString(size.takeError());
    bool isAbsent = reason == std::make_error_code(std::errc::no_such_file_or_directory).message();
    // Without weights a file may be absent, but a path that leaves the folder is refused all the same.
    if (isAbsent && !requireWeights)
      return location;
    if (isAbsent)
      return makeError("its data file '" + location.file + "' does not exist; it must lie beside the model");
    return makeError("its data file '" + location.file + "' cannot be used: " + reason);
  }
  if (location.offset > *size || location.length > *size - location.offset)
    return makeError("its data is " + llvm::Twine(location.length) + " bytes at offset " +
                     llvm::Twine(location.offset) + " of '" + location.file + "', which has " + llvm::Twine(*size) +
                     " bytes; the file is cut off or belongs to another model");
  return location;
}

template <typename T>
static void append(std::string &bytes, T value) {
  char buffer[sizeof(T)];
  llvm::support::endian::write<T, llvm::endianness::little>(buffer, value);
  bytes.append(buffer, sizeof(T));
}

// Typed fields (onnx-ml.proto, TensorProto): int32_data holds every type of 32 bits and less, one element each, but for
// sub-byte types one packed byte each; uint64_data holds uint32 too; complex numbers are pairs.
llvm::Expected<std::string> TensorReader::encodeTyped(const TensorProto &tensor, const Layout &layout) {
  Type type = layout.elementType;
  auto complex = dyn_cast<ComplexType>(type);
  Type part = complex ? complex.getElementType() : type;
  const char *wanted = part.isF32()                                               ? "float_data"
                       : part.isF64()                                             ? "double_data"
                       : type.isInteger(64) && !type.isUnsignedInteger()          ? "int64_data"
                       : type.isUnsignedInteger(64) || type.isUnsignedInteger(32) ? "uint64_data"
                       : isa<onnx::StringType>(type)                              ? "string_data"
                                                                                  : "int32_data";
  struct {
    const char *name;
    int size;
  } fields[] = {{"float_data", tensor.float_data_size()},   {"int32_data", tensor.int32_data_size()},
                {"string_data", tensor.string_data_size()}, {"int64_data", tensor.int64_data_size()},
                {"double_data", tensor.double_data_size()}, {"uint64_data", tensor.uint64_data_size()}};
  uint64_t expected = layout.bits && layout.bits < 8 ? layout.bytes : layout.elements * (complex ? 2 : 1);
  for (auto &field : fields) {
    if (StringRef(field.name) == wanted && static_cast<uint64_t>(field.size) != expected)
      return makeError("it needs " + llvm::Twine(expected) + " values, its " + field.name + " has " +
                       llvm::Twine(field.size));
    if (StringRef(field.name) != wanted && field.size)
      return makeError(llvm::Twine("it has ") + field.name + ", its element type goes into " + wanted);
  }
  std::string bytes;
  bytes.reserve(layout.bytes);
  for (float value : tensor.float_data())
    append(bytes, llvm::bit_cast<uint32_t>(value));
  for (double value : tensor.double_data())
    append(bytes, llvm::bit_cast<uint64_t>(value));
  for (int64_t value : tensor.int64_data())
    append(bytes, value);
  for (uint64_t value : tensor.uint64_data())
    layout.bits == 32 ? append(bytes, static_cast<uint32_t>(value)) : append(bytes, value);
  for (int32_t value : tensor.int32_data()) {
    if (layout.bits == 32)
      append(bytes, value);
    else if (layout.bits == 16)
      append(bytes, static_cast<uint16_t>(value));
    else
      bytes.push_back(static_cast<char>(type.isInteger(1) ? value != 0 : value));
  }
  return bytes;
}

llvm::Expected<std::string> TensorReader::readBytes(const Location &location) {
  if (location.file.empty())
    return file.getBytes(location.offset, location.length).str();
  return file.readExternal(location.file, location.offset, location.length);
}

DenseElementsAttr TensorReader::makeDense(const Layout &layout, StringRef bytes) {
  auto type = RankedTensorType::get(layout.dims, layout.elementType);
  if (layout.bits < 8)
    return DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(layout.bytes)},
                                                        IntegerType::get(context, 8, IntegerType::Unsigned)),
                                  ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  if (layout.elementType.isInteger(1)) {
    SmallVector<bool> values(llvm::map_range(bytes, [](char c) { return c != 0; }));
    return DenseElementsAttr::get(type, values);
  }
  if (layout.elements == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  return DenseElementsAttr::getFromRawBuffer(type, ArrayRef(bytes.data(), bytes.size()));
}

bool TensorReader::isWantedInline(const Layout &layout) const {
  return layout.bytes <= maxInlineBytes ||
         (isa<IntegerType>(layout.elementType) && layout.bits >= 8 && layout.elements <= maxShapeElements);
}

llvm::Expected<TensorData> TensorReader::read(const TensorProto &tensor) {
  llvm::Expected<Layout> layout = getLayout(tensor);
  if (!layout)
    return layout.takeError();
  SmallVector<SymbolicSize> dims(layout->dims.begin(), layout->dims.end());
  TensorData result;
  result.type = onnx::OnnxTensorType::get(context, dims, layout->elementType);

  bool isExternal = tensor.data_location() == TensorProto::EXTERNAL;
  bool isRaw = tensor.has_hadron_offset();
  int typed = tensor.float_data_size() + tensor.int32_data_size() + tensor.string_data_size() +
              tensor.int64_data_size() + tensor.double_data_size() + tensor.uint64_data_size();
  if (isExternal + isRaw + (typed != 0) > 1)
    return makeError("it has its data more than once (raw_data, a typed field, external data)");
  if (!isExternal && tensor.external_data_size())
    return makeError("it has external data but its data_location is not EXTERNAL");

  std::string bytes;
  if (isExternal || isRaw) {
    Location location;
    if (isExternal) {
      llvm::Expected<Location> external = getExternalLocation(tensor, *layout);
      if (!external)
        return external.takeError();
      location = *external;
    } else {
      location = {"", tensor.hadron_offset(), tensor.hadron_length()};
      // A packed array that was left out of the message; its bytes are the elements' bytes.
      Type part = layout->elementType;
      if (auto complex = dyn_cast<ComplexType>(part))
        part = complex.getElementType();
      if ((tensor.hadron_field() == 4 && !part.isF32()) || (tensor.hadron_field() == 10 && !part.isF64()))
        return makeError(llvm::Twine("it has ") + (tensor.hadron_field() == 4 ? "float_data" : "double_data") +
                         ", which is not for its element type");
      if (!layout->bits)
        return makeError("strings cannot be raw_data");
      if (location.length != layout->bytes)
        return makeError("it needs " + llvm::Twine(layout->bytes) + " bytes, its data has " +
                         llvm::Twine(location.length));
    }
    bool canRead = location.file.empty() || !errorToBool(file.getExternalSize(location.file).takeError());
    if (!isWantedInline(*layout) || !canRead) {
      result.data = onnx::FileSliceAttr::get(context, location.file.empty() ? file.getName() : StringRef(location.file),
                                             location.offset, location.length);
      return result;
    }
    llvm::Expected<std::string> read = readBytes(location);
    if (!read)
      return read.takeError();
    bytes = std::move(*read);
  } else {
    llvm::Expected<std::string> encoded = encodeTyped(tensor, *layout);
    if (!encoded)
      return encoded.takeError();
    bytes = std::move(*encoded);
  }
  if (!layout->bits) {
    SmallVector<StringRef> strings(tensor.string_data().begin(), tensor.string_data().end());
    result.data = DenseStringElementsAttr::get(RankedTensorType::get(layout->dims, layout->elementType), strings);
    return result;
  }
  result.data = makeDense(*layout, bytes);
  return result;
}

llvm::Expected<DenseElementsAttr> TensorReader::readDense(const TensorProto &tensor) {
  llvm::Expected<TensorData> data = read(tensor);
  if (!data)
    return data.takeError();
  if (auto dense = dyn_cast<DenseElementsAttr>(data->data))
    return dense;
  auto slice = cast<onnx::FileSliceAttr>(data->data);
  bool isOwn = tensor.data_location() != TensorProto::EXTERNAL;
  llvm::Expected<std::string> bytes =
      readBytes({isOwn ? "" : slice.getFile().str(), slice.getOffset(), slice.getLength()});
  if (!bytes)
    return bytes.takeError();
  return makeDense(*getLayout(tensor), *bytes);
}
