// hadron run --test-data: folders as ONNX's backend tests have them.
#include "Call.h"
#include "Command.h"
#include "hadron/Import/TensorFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;
using llvm::Twine;

namespace {
struct Tolerance {
  double relative, absolute;
};
} // namespace

/// KIND_0.pb, KIND_1.pb, … of a folder, as far as they go.
static llvm::Expected<std::vector<FileTensor>> readTensors(StringRef folder, StringRef kind) {
  std::vector<FileTensor> tensors;
  for (int i = 0;; ++i) {
    llvm::SmallString<256> path(folder);
    llvm::sys::path::append(path, kind + "_" + Twine(i) + ".pb");
    if (!llvm::sys::fs::exists(path))
      return tensors;
    llvm::Expected<FileTensor> tensor = readTensorProto(path);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
}

static Tensor toTensor(FileTensor file) {
  Tensor tensor;
  tensor.dtype = file.dataType;
  tensor.shape = std::move(file.shape);
  tensor.data.assign(file.data.begin(), file.data.end());
  return tensor;
}

static bool isClose(double value, double wanted, const Tolerance &tolerance) {
  if (std::isnan(value) || std::isnan(wanted))
    return std::isnan(value) && std::isnan(wanted);
  if (std::isinf(value) || std::isinf(wanted))
    return value == wanted;
  return std::abs(value - wanted) <= tolerance.absolute + tolerance.relative * std::abs(wanted);
}

/// What is different, or "".
static std::string compare(const Tensor &tensor, const Tensor &wanted, const Tolerance &tolerance) {
  if (tensor.dtype != wanted.dtype || tensor.shape != wanted.shape)
    return "is " + tensor.describe() + ", expected " + wanted.describe();
  // 64-bit integers that f64 would round are equal only bit for bit.
  if (tensor.data == wanted.data)
    return "";
  int64_t different = 0, first = -1, count = tensor.size();
  for (int64_t i = 0; i < count; ++i) {
    if (isClose(getElement(tensor, i), getElement(wanted, i), tolerance))
      continue;
    if (first < 0)
      first = i;
    ++different;
  }
  if (!different)
    return "";
  std::string text;
  llvm::raw_string_ostream(text) << different << " of " << count << " elements differ, the first at " << first << ": "
                                 << llvm::format("%.9g, expected %.9g", getElement(tensor, first),
                                                 getElement(wanted, first));
  return text;
}

/// One folder. What differs goes into `difference`; an error says what is wrong with the folder.
static llvm::Error runFolder(const LoadedLibrary &library, const LoadedLibrary::Entry &entry, StringRef folder,
                             const Tolerance &tolerance, std::string &difference) {
  if (!llvm::sys::fs::is_directory(folder))
    return inputError("there is no such folder");
  llvm::Expected<std::vector<FileTensor>> given = readTensors(folder, "input");
  if (!given)
    return given.takeError();
  llvm::Expected<std::vector<FileTensor>> wanted = readTensors(folder, "output");
  if (!wanted)
    return wanted.takeError();
  if (wanted->empty())
    return inputError("it has no output_0.pb");
  // Without a name a tensor goes by its number, which says nothing where some inputs are caches.
  NamedTensors inputs;
  for (auto [i, tensor] : llvm::enumerate(*given)) {
    std::string name = tensor.name;
    if (name.empty() && entry.slots.empty() && i < entry.inputs.size())
      name = entry.inputs[i].name;
    if (llvm::Expected<int32_t> dtype = getInputType(library, entry, name); !dtype)
      return dtype.takeError();
    inputs[name] = toTensor(std::move(tensor));
  }
  llvm::Expected<Call> call = Call::create(library, entry, std::move(inputs));
  if (!call)
    return call.takeError();
  if (llvm::Error error = call->run())
    return error;
  for (auto [i, tensor] : llvm::enumerate(*wanted)) {
    std::string name = tensor.name;
    if (name.empty() && entry.slots.empty() && i < entry.outputs.size())
      name = entry.outputs[i].name;
    llvm::Expected<Tensor> output = call->takeOutput(name);
    if (!output)
      return output.takeError();
    std::string text = compare(*output, toTensor(std::move(tensor)), tolerance);
    if (!text.empty() && difference.empty())
      difference = "output '" + name + "': " + text;
  }
  return llvm::Error::success();
}

llvm::Error driver::runTestData(const Arguments &arguments, StringRef model, llvm::ArrayRef<std::string> folders) {
  for (OptionID id : {OPT_input, OPT_output, OPT_output_dir, OPT_repeat})
    if (arguments.has(id))
      return usageError(arguments.getSpelling(id) + " does not go with --test-data");
  llvm::Expected<double> relative = arguments.getReal(OPT_rtol, 1e-3);
  if (!relative)
    return relative.takeError();
  llvm::Expected<double> absolute = arguments.getReal(OPT_atol, 1e-5);
  if (!absolute)
    return absolute.takeError();
  llvm::Expected<OpenedSubject> opened = openSubject(arguments, model);
  if (!opened)
    return opened.takeError();
  llvm::Expected<const LoadedLibrary::Entry *> entry = opened->library->getEntry(arguments.get(OPT_entry));
  if (!entry)
    return entry.takeError();
  unsigned bad = 0;
  std::string first;
  for (StringRef folder : folders) {
    std::string difference;
    llvm::Error error = runFolder(*opened->library, **entry, folder, {*relative, *absolute}, difference);
    if (error)
      difference = llvm::toString(std::move(error));
    if (!difference.empty() && bad++ == 0)
      first = folder.str() + ": " + difference;
    llvm::outs() << (difference.empty() ? "ok     " : "fails  ") << folder << (difference.empty() ? "" : ": ")
                 << difference << '\n';
  }
  if (!bad)
    return llvm::Error::success();
  return inputError(Twine(bad) + " of " + Twine(folders.size()) + " test folders differ; " + first);
}
