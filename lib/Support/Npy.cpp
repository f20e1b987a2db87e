// The format: "\x93NUMPY", version, size of the header (u16; u32 from version 2), a Python dictionary with 'descr',
// 'fortran_order' and 'shape', then the elements.
#include "hadron/Support/Npy.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <optional>

using namespace hadron;
using llvm::StringRef;
using llvm::Twine;

static constexpr StringRef kMagic("\x93NUMPY", 6);
static constexpr size_t kMaxRank = 32; // NumPy's own limit was 32 until 2.0

static llvm::Error bad(StringRef name, const Twine &reason) {
  return llvm::make_error<llvm::StringError>("'" + name + "': " + reason,
                                             std::make_error_code(std::errc::invalid_argument));
}

int64_t NpyArray::size() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

std::string NpyArray::typeName() const {
  if (kind == 'b')
    return "bool";
  StringRef name = kind == 'f' ? "float" : kind == 'i' ? "int" : "uint";
  return (name + Twine(8 * width)).str();
}

namespace {

/// Reads the dictionary: string keys; strings, booleans, integers and tuples of integers as values.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  std::optional<std::string> descr;
  std::optional<bool> fortranOrder;
  std::optional<std::vector<int64_t>> shape;

  bool parse() {
    if (!consume('{'))
      return false;
    while (!consume('}')) {
      std::string key;
      if (!parseString(key) || !consume(':') || !parseEntry(key))
        return false;
      if (!consume(',') && !peek('}'))
        return false;
    }
    return rest.trim().empty() && descr && fortranOrder && shape;
  }

private:
  bool peek(char c) {
    rest = rest.ltrim();
    return !rest.empty() && rest.front() == c;
  }
  bool consume(char c) {
    if (!peek(c))
      return false;
    rest = rest.drop_front();
    return true;
  }
  bool parseString(std::string &text) {
    rest = rest.ltrim();
    char quote = rest.empty() ? 0 : rest.front();
    size_t end = rest.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == StringRef::npos)
      return false;
    text = rest.slice(1, end).str();
    rest = rest.drop_front(end + 1);
    return true;
  }
  bool parseEntry(StringRef key) {
    if (key == "descr")
      return parseString(descr.emplace());
    if (key == "fortran_order") {
      rest = rest.ltrim();
      if (rest.consume_front("True"))
        fortranOrder = true;
      else if (rest.consume_front("False"))
        fortranOrder = false;
      return fortranOrder.has_value();
    }
    if (key != "shape" || !consume('('))
      return false;
    std::vector<int64_t> dims;
    while (!consume(')')) {
      rest = rest.ltrim();
      int64_t dim;
      if (rest.consumeInteger(10, dim) || dim < 0 || dims.size() == kMaxRank)
        return false;
      rest.consume_front("L"); // Python 2 wrote long integers so
      dims.push_back(dim);
      if (!consume(',') && !peek(')'))
        return false;
    }
    shape = std::move(dims);
    return true;
  }

  StringRef rest;
};

/// Elements in Fortran order into C order.
AlignedBytes transposed(const char *from, const NpyArray &array) {
  AlignedBytes data(array.size() * array.width);
  std::vector<int64_t> index(array.shape.size(), 0), strides(array.shape.size());
  int64_t stride = 1;
  for (size_t d = 0; d < array.shape.size(); ++d) {
    strides[d] = stride;
    stride *= array.shape[d];
  }
  int64_t source = 0;
  for (int64_t i = 0, n = array.size(); i < n; ++i) {
    std::memcpy(&data[i * array.width], from + source * array.width, array.width);
    for (size_t d = index.size(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < array.shape[d])
        break;
      source -= strides[d] * index[d];
      index[d] = 0;
    }
  }
  return data;
}

} // namespace

llvm::Expected<NpyArray> hadron::parseNpy(StringRef bytes, StringRef name) {
  if (!bytes.starts_with(kMagic) || bytes.size() < 10)
    return bad(name, "not a .npy file: it does not start with \\x93NUMPY");
  int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3)
    return bad(name, "version " + Twine(version) + " of the .npy format is not known; 1, 2 and 3 are");
  size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start)
    return bad(name, "the file ends in its header");
  size_t headerSize = version == 1 ? llvm::support::endian::read16le(bytes.data() + 8)
                                   : llvm::support::endian::read32le(bytes.data() + 8);
  if (bytes.size() - start < headerSize)
    return bad(name, "the file ends in its header: " + Twine(headerSize) + " bytes announced, " +
                         Twine(bytes.size() - start) + " there");
  HeaderParser header(bytes.substr(start, headerSize));
  if (!header.parse())
    return bad(name, "the header is not a dictionary of 'descr' (a simple type), 'fortran_order' and 'shape'");

  NpyArray array;
  StringRef descr = *header.descr;
  int bits = 0;
  if (descr.starts_with(">"))
    return bad(name, "big-endian type '" + descr + "'; save the array in little-endian order");
  if (descr.size() < 3 || !StringRef("<|=").contains(descr[0]) || !StringRef("fiub").contains(descr[1]) ||
      descr.drop_front(2).getAsInteger(10, bits))
    return bad(name, "type '" + descr + "' is not a number or a boolean");
  array.kind = descr[1];
  array.width = bits;
  bool known = array.kind == 'f'   ? bits == 2 || bits == 4 || bits == 8
               : array.kind == 'b' ? bits == 1
                                   : bits == 1 || bits == 2 || bits == 4 || bits == 8;
  if (!known)
    return bad(name, "type '" + descr +
                         "' is not supported; floats of 2, 4 and 8 bytes, integers of 1 to 8, and booleans are");

  array.shape = std::move(*header.shape);
  int64_t size = array.width;
  for (int64_t d : array.shape)
    if (d != 0 && size > INT64_MAX / d)
      return bad(name, "the shape has more elements than a file can hold");
    else
      size *= d;
  StringRef data = bytes.substr(start + headerSize);
  if (static_cast<int64_t>(data.size()) != size)
    return bad(name, "the shape needs " + Twine(size) + " bytes of data; the file has " + Twine(data.size()));
  if (*header.fortranOrder && array.shape.size() > 1)
    array.data = transposed(data.data(), array);
  else
    array.data.assign(data.begin(), data.end());
  return array;
}

llvm::Expected<NpyArray> hadron::readNpy(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return bad(path, buffer.getError().message());
  return parseNpy((*buffer)->getBuffer(), path);
}

llvm::Error hadron::writeNpy(StringRef path, const NpyArray &array) {
  std::string header = "{'descr': '";
  header += array.width == 1 ? '|' : '<';
  header += array.kind + std::to_string(array.width) + "', 'fortran_order': False, 'shape': (";
  for (size_t d = 0; d < array.shape.size(); ++d)
    header += (d ? ", " : "") + std::to_string(array.shape[d]);
  header += array.shape.size() == 1 ? ",), }" : "), }";
  // The data starts at a multiple of 64; the header ends with a line break.
  size_t fixed = header.size() + 1 > UINT16_MAX - 64 ? 12 : 10;
  header.resize(llvm::alignTo(fixed + header.size() + 1, 64) - fixed - 1, ' ');
  header += '\n';

  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (code)
    return bad(path, code.message());
  out << kMagic << static_cast<char>(fixed == 10 ? 1 : 2) << '\0';
  char size[4];
  llvm::support::endian::write32le(size, header.size());
  out.write(size, fixed - 8);
  out << header;
  out.write(array.data.data(), array.data.size());
  out.close();
  if (out.has_error()) {
    code = out.error();
    out.clear_error();
    return bad(path, code.message());
  }
  return llvm::Error::success();
}
