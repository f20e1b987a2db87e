#include "WireWalker.h"

#include "llvm/ADT/STLExtras.h"

using namespace hadron;
using llvm::StringRef;

namespace {

enum class Message { Model, Graph, Node, Attribute, Tensor, SparseTensor, Function, TrainingInfo };

// Where messages that can hold a tensor lie in each other (onnx-ml.proto).
struct Child {
  Message parent;
  uint64_t field;
  Message child;
};
constexpr Child children[] = {{Message::Model, 7, Message::Graph},
                              {Message::Model, 20, Message::TrainingInfo},
                              {Message::Model, 25, Message::Function},
                              {Message::TrainingInfo, 1, Message::Graph},
                              {Message::TrainingInfo, 2, Message::Graph},
                              {Message::Graph, 1, Message::Node},
                              {Message::Graph, 5, Message::Tensor},
                              {Message::Graph, 15, Message::SparseTensor},
                              {Message::SparseTensor, 1, Message::Tensor},
                              {Message::SparseTensor, 2, Message::Tensor},
                              {Message::Function, 7, Message::Node},
                              {Message::Function, 11, Message::Attribute},
                              {Message::Node, 5, Message::Attribute},
                              {Message::Attribute, 5, Message::Tensor},
                              {Message::Attribute, 6, Message::Graph},
                              {Message::Attribute, 10, Message::Tensor},
                              {Message::Attribute, 11, Message::Graph},
                              {Message::Attribute, 22, Message::SparseTensor},
                              {Message::Attribute, 23, Message::SparseTensor}};

// Fields of TensorProto, and where the ones of our own begin (cmake/HadronONNX.cmake).
constexpr uint64_t floatData = 4, rawData = 9, doubleData = 10, firstPrivate = 100001, offsetField = 100001,
                   lengthField = 100002, kindField = 100003;
// protobuf's own limit for nested messages is 100; a graph in an attribute of a node costs 3.
constexpr int maxDepth = 96;

enum WireType : unsigned { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

class Walker {
public:
  explicit Walker(StringRef model) : file(model) {}

  llvm::Error walk(Message kind, size_t begin, size_t end, int depth);
  std::string out;

private:
  struct Field {
    uint64_t number;
    unsigned type;
    size_t start;               // of the tag
    size_t payload, payloadEnd; // without tag and length
  };

  llvm::Error fail(size_t at, const llvm::Twine &what) {
    return llvm::make_error<llvm::StringError>(
        "it is no ONNX model, or is damaged: " + what + " at byte " + llvm::Twine(at), llvm::inconvertibleErrorCode());
  }
  bool readVarint(size_t &position, size_t end, uint64_t &value);
  llvm::Expected<Field> readField(size_t &position, size_t end);
  llvm::Expected<unsigned> countField(uint64_t number, size_t begin, size_t end);
  void writeVarint(uint64_t value);
  void writeLocation(const Field &field);

  StringRef file;
};

bool Walker::readVarint(size_t &position, size_t end, uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (position >= end)
      return false;
    uint64_t byte = static_cast<uint8_t>(file[position++]);
    if (shift == 63 && byte > 1)
      return false;
    value |= (byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

llvm::Expected<Walker::Field> Walker::readField(size_t &position, size_t end) {
  Field field;
  field.start = position;
  uint64_t tag, length = 0;
  if (!readVarint(position, end, tag))
    return fail(field.start, "a field's tag is cut off");
  field.number = tag >> 3;
  field.type = tag & 7;
  if (field.number == 0 || field.number > 0x1fffffff)
    return fail(field.start, "field number " + llvm::Twine(field.number) + " does not exist");
  field.payload = position;
  switch (field.type) {
  case Varint:
    if (uint64_t value; !readVarint(position, end, value))
      return fail(field.start, "a number is cut off");
    length = position - field.payload;
    break;
  case Fixed64:
    length = 8;
    break;
  case Fixed32:
    length = 4;
    break;
  case Bytes:
    if (!readVarint(position, end, length))
      return fail(field.start, "a length is cut off");
    field.payload = position;
    break;
  default: // groups, which ONNX never used, and types that do not exist
    return fail(field.start, "wire type " + llvm::Twine(field.type));
  }
  if (length > end - field.payload)
    return fail(field.start, "a field of " + llvm::Twine(length) + " bytes where " +
                                 llvm::Twine(uint64_t(end - field.payload)) + " are left");
  position = field.payloadEnd = field.payload + length;
  return field;
}

llvm::Expected<unsigned> Walker::countField(uint64_t number, size_t begin, size_t end) {
  unsigned count = 0;
  while (begin < end) {
    llvm::Expected<Field> field = readField(begin, end);
    if (!field)
      return field.takeError();
    count += field->number == number;
  }
  return count;
}

void Walker::writeVarint(uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void Walker::writeLocation(const Field &field) {
  auto write = [&](uint64_t number, uint64_t value) {
    writeVarint(number << 3 | Varint);
    writeVarint(value);
  };
  write(offsetField, field.payload);
  write(lengthField, field.payloadEnd - field.payload);
  write(kindField, field.number);
}

llvm::Error Walker::walk(Message kind, size_t begin, size_t end, int depth) {
  if (depth > maxDepth)
    return fail(begin, "messages nest more than " + llvm::Twine(maxDepth) + " deep");
  for (size_t position = begin; position < end;) {
    llvm::Expected<Field> field = readField(position, end);
    if (!field)
      return field.takeError();
    if (field->number >= firstPrivate)
      continue; // ours; a file must not say it
    if (kind == Message::Tensor) {
      bool isArray = (field->number == floatData || field->number == doubleData) && field->type == Bytes;
      bool leaveOut = field->number == rawData && field->type == Bytes;
      if (isArray) { // an array in several pieces is legal protobuf; only one that is whole is a piece of the file
        llvm::Expected<unsigned> pieces = countField(field->number, begin, end);
        if (!pieces)
          return pieces.takeError();
        leaveOut = *pieces == 1;
      }
      if (leaveOut) {
        writeLocation(*field);
        continue;
      }
    }
    const Child *child =
        llvm::find_if(children, [&](const Child &c) { return c.parent == kind && c.field == field->number; });
    if (field->type != Bytes || child == std::end(children)) {
      out.append(file.data() + field->start, field->payloadEnd - field->start);
      continue;
    }
    writeVarint(field->number << 3 | Bytes);
    // The length is known after the child: five bytes hold any, protobuf takes numbers with leading zeros.
    size_t lengthAt = out.size();
    out.append(5, '\0');
    if (llvm::Error error = walk(child->child, field->payload, field->payloadEnd, depth + 1))
      return error;
    uint64_t length = out.size() - lengthAt - 5;
    for (int i = 0; i < 5; ++i)
      out[lengthAt + i] = static_cast<char>((length >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::string> hadron::withoutTensorData(StringRef model) {
  Walker walker(model);
  if (llvm::Error error = walker.walk(Message::Model, 0, model.size(), 0))
    return std::move(error);
  return std::move(walker.out);
}
