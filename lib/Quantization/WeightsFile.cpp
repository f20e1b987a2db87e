#include "hadron/Quantization/WeightsFile.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Quantization/Parameters.h"
#include "hadron/Runtime/Descriptor.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using namespace mlir;
using namespace hadron;
namespace json = llvm::json;

namespace {

constexpr int64_t kAlign = 64, kPage = 4096;
/// Of a plain tensor this much is hashed at a time; of a packed weight, a tile.
constexpr int64_t kHashUnit = 1 << 20;

/// Parameters that have one value, and where it is.
struct Stored {
  mutable ParamOp param; // the first of them
  int64_t begin = 0, bytes = 0;
  std::vector<uint64_t> hashes;
  std::pair<StringRef, int64_t> source; // where its first slice of a file begins

  int64_t hashUnit() const {
    auto packed = dyn_cast<PackedType>(param.getType());
    return packed ? packed.getPackedFormat().getTileBytes(packed.getInputs()) : kHashUnit;
  }
};

/// What a parameter computes, as text; equal texts have equal values.
std::string expressionOf(ParamOp param) {
  std::string text;
  llvm::raw_string_ostream out(text);
  OpPrintingFlags flags;
  flags.useLocalScope().elideLargeElementsAttrs(INT64_MAX);
  for (Operation &op : param.getBody().front()) {
    op.print(out, flags);
    out << "\n";
  }
  return text;
}

StringRef dtypeOf(Type type) {
  Type element = isa<PackedType>(type) ? Type() : getElementTypeOrSelf(::hadron::getTensor(type));
  if (!element)
    return "U8";
  if (auto number = dyn_cast<FloatType>(element))
    return number.isF32() ? "F32" : number.isF16() ? "F16" : number.isBF16() ? "BF16" : number.isF64() ? "F64" : "U8";
  if (element.isIndex())
    return "I64";
  bool isUnsigned = element.isUnsignedInteger();
  switch (element.getIntOrFloatBitWidth()) {
  case 1:
    return "BOOL";
  case 16:
    return isUnsigned ? "U16" : "I16";
  case 32:
    return isUnsigned ? "U32" : "I32";
  case 64:
    return isUnsigned ? "U64" : "I64";
  default:
    return isUnsigned ? "U8" : "I8";
  }
}

json::Object entry(StringRef dtype, json::Array shape, int64_t begin, int64_t end) {
  return json::Object{{"dtype", dtype}, {"shape", std::move(shape)}, {"data_offsets", json::Array{begin, end}}};
}

/// The header with a hash of the data, filled up so that the data begins on a page.
std::string headerOf(ArrayRef<Stored> stored, StringRef hash) {
  json::Object header, metadata{{"format", "hadron-weights-1"}, {"hash", hash}};
  int64_t end = 0, pads = 0;
  for (const Stored &s : stored) {
    if (s.begin > end)
      header[("__pad." + Twine(pads++)).str()] = entry("U8", json::Array{s.begin - end}, end, s.begin);
    end = s.begin + s.bytes;
    std::string name = json::fixUTF8(s.param.getSymName()), type;
    llvm::raw_string_ostream(type) << s.param.getType();
    metadata["type:" + name] = json::fixUTF8(type);
    json::Array shape;
    if (isa<PackedType>(s.param.getType()))
      shape.push_back(s.bytes);
    else
      for (int64_t d : ::hadron::getTensor(s.param.getType()).getShape())
        shape.push_back(d);
    header[name] = entry(dtypeOf(s.param.getType()), std::move(shape), s.begin, end);
  }
  header["__metadata__"] = std::move(metadata);
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(header));
  text.resize(llvm::alignTo(text.size() + 8, kPage) - 8, ' ');
  return text;
}

/// A new file that is removed again unless it is kept.
class OutputFile {
public:
  static llvm::Expected<std::unique_ptr<OutputFile>> create(StringRef path, int64_t bytes) {
    std::unique_ptr<OutputFile> file(new OutputFile(path));
    if (file->descriptor < 0)
      return file->failed("cannot be created");
    // Room for all of it now, rather than a failure near the end. Not every file system can.
    if (fallocate(file->descriptor, 0, 0, bytes) != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
      return file->failed("needs " + Twine(bytes) + " bytes");
    if (ftruncate(file->descriptor, bytes) != 0)
      return file->failed("needs " + Twine(bytes) + " bytes");
    return file;
  }
  ~OutputFile() {
    if (descriptor >= 0)
      ::close(descriptor);
    if (descriptor >= 0 && !kept)
      unlink(path.c_str());
  }

  llvm::Error write(int64_t offset, ArrayRef<char> bytes) {
    while (!bytes.empty()) {
      ssize_t n = pwrite(descriptor, bytes.data(), bytes.size(), offset);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return failed("cannot be written");
      bytes = bytes.drop_front(n);
      offset += n;
    }
    return llvm::Error::success();
  }
  /// Some file systems report a full disk only here.
  llvm::Error close() {
    int result = ::close(descriptor);
    kept = result == 0;
    if (!kept)
      unlink(path.c_str());
    descriptor = -1;
    return kept ? llvm::Error::success() : failed("cannot be written");
  }

private:
  explicit OutputFile(StringRef path)
      : path(path.str()), descriptor(open(this->path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {}
  llvm::Error failed(const Twine &what) const {
    return llvm::createStringError("'" + path + "' " + what + ": " + llvm::sys::StrError(errno));
  }

  std::string path;
  int descriptor;
  bool kept = false;
};

/// Evaluates one parameter into its place, and hashes its parts.
llvm::Error store(Stored &stored, MappedFiles &files, unsigned threads, int64_t dataStart, OutputFile &file) {
  int64_t unit = stored.hashUnit();
  stored.hashes.assign((stored.bytes + unit - 1) / unit, 0);
  std::atomic<int64_t> written{0};
  llvm::Error error = evaluateParameter(stored.param, files, threads, [&](int64_t offset, ArrayRef<char> bytes) {
    written += bytes.size();
    for (size_t i = 0; i < bytes.size(); i += unit) {
      ArrayRef<char> part = bytes.drop_front(i).take_front(unit);
      stored.hashes[(offset + i) / unit] =
          llvm::xxh3_64bits({reinterpret_cast<const uint8_t *>(part.data()), part.size()});
    }
    return file.write(dataStart + stored.begin + offset, bytes);
  });
  if (!error && written != stored.bytes)
    return llvm::createStringError("parameter '" + stored.param.getSymName() + "' has " + Twine(written.load()) +
                                   " bytes where its type has " + Twine(stored.bytes));
  return error;
}

} // namespace

FailureOr<WeightsFile> hadron::writeWeights(ModuleOp module, StringRef path, StringRef model, unsigned threads,
                                            llvm::function_ref<void(StringRef, double)> progress) {
  // Sizes are known before anything is evaluated; equal expressions share a place.
  std::vector<Stored> stored;
  std::map<std::string, size_t> placeOf;
  SmallVector<std::pair<ParamOp, size_t>> all;
  int64_t end = 0, total = 0;
  for (ParamOp param : module.getOps<ParamOp>()) {
    if (RankedTensorType tensor = ::hadron::getTensor(param.getType());
        !isa<PackedType>(param.getType()) && !(tensor && tensor.hasStaticShape()))
      return param.emitOpError() << "has no bytes that could be stored: its type is " << param.getType();
    auto [it, isNew] = placeOf.try_emplace(expressionOf(param), stored.size());
    all.push_back({param, it->second});
    if (!isNew)
      continue;
    Stored s;
    s.param = param;
    s.begin = llvm::alignTo(end, kAlign);
    s.bytes = parameterBytes(param.getType());
    param.walk([&](FileSliceOp slice) {
      s.source = {slice.getFile(), slice.getOffset()};
      return WalkResult::interrupt();
    });
    end = s.begin + s.bytes;
    total += s.bytes;
    stored.push_back(std::move(s));
  }

  auto report = [&](Operation *op, llvm::Error error) { return op->emitError() << llvm::toString(std::move(error)); };
  std::string header = headerOf(stored, std::string(16, '0'));
  int64_t dataStart = 8 + header.size();
  auto file = OutputFile::create(path, dataStart + end);
  if (!file)
    return report(module, file.takeError());

  // In the order of the files, so that a disk reads forwards.
  std::vector<size_t> order(stored.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  llvm::sort(order, [&](size_t a, size_t b) {
    return stored[a].source != stored[b].source ? stored[a].source < stored[b].source : a < b;
  });
  MappedFiles files = MappedFiles::ofModel(model);
  int64_t done = 0;
  for (size_t i : order) {
    if (progress)
      progress(stored[i].param.getSymName(), total ? static_cast<double>(done) / total : 0);
    if (llvm::Error error = store(stored[i], files, threads, dataStart, **file))
      return report(stored[i].param, std::move(error));
    done += stored[i].bytes;
  }

  std::vector<uint64_t> hashes;
  for (const Stored &s : stored)
    llvm::append_range(hashes, s.hashes);
  uint64_t hash = llvm::xxh3_64bits({reinterpret_cast<const uint8_t *>(hashes.data()), hashes.size() * 8});
  std::string digits = llvm::utohexstr(hash, /*LowerCase=*/true, /*Width=*/16);
  std::string head(8, '\0');
  header = headerOf(stored, digits);
  llvm::support::endian::write64le(head.data(), header.size());
  head += header;
  if (llvm::Error error = (*file)->write(0, ArrayRef<char>(head.data(), head.size())))
    return report(module, std::move(error));
  if (llvm::Error error = (*file)->close())
    return report(module, std::move(error));

  WeightsFile result;
  result.bytes = dataStart + end;
  result.headerHash = hadron_rt_hash(head.data(), head.size());
  for (auto [param, place] : all)
    result.entries.push_back({ParamOp(param).getSymName().str(), dataStart + stored[place].begin, stored[place].bytes});
  return result;
}
