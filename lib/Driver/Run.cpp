// hadron run: inputs from files, outputs to files.
#include "Call.h"
#include "Command.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <chrono>
#include <set>

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;
using llvm::Twine;

/// A name as a file's: no other folder, nothing that a shell reads.
static std::string getFileName(StringRef name) {
  std::string file = name.str();
  for (char &c : file)
    if (!llvm::isAlnum(c) && !StringRef("._+-").contains(c))
      c = '_';
  if (file.empty() || file[0] == '.')
    file.insert(file.begin(), '_');
  return file + ".npy";
}

static llvm::Error writeTensor(const Tensor &tensor, StringRef path) {
  // Whole or not at all: another name, then a rename.
  std::string temporary = (path + "." + Twine(llvm::sys::Process::getProcessId()) + ".part").str();
  llvm::Error error = writeNpy(temporary, toNpy(tensor));
  if (!error)
    if (std::error_code code = llvm::sys::fs::rename(temporary, path))
      error = inputError(code.message());
  if (!error)
    return llvm::Error::success();
  llvm::sys::fs::remove(temporary);
  // The reason without the temporary name.
  std::string reason = llvm::toString(std::move(error));
  if (StringRef rest = reason; rest.consume_front("'" + temporary + "': "))
    reason = rest.str();
  return inputError("cannot write '" + path + "': " + reason);
}

namespace {
struct Selected {
  std::string name, file;
};
} // namespace

/// What is written, and where; names that no entry has are an error.
static llvm::Expected<std::vector<Selected>> selectOutputs(const Arguments &arguments,
                                                           const LoadedLibrary::Entry &entry) {
  std::vector<std::string> names = arguments.getAll(OPT_output);
  for (StringRef name : names)
    if (!entry.findOutput(name) && !entry.findPresent(name))
      return inputError("there is no output '" + name + "'; " + listOutputs(entry));
  if (names.empty())
    for (const LoadedLibrary::TensorInfo &output : entry.outputs)
      names.push_back(output.name);
  std::vector<Selected> selected;
  std::set<std::string> seen, files;
  for (const std::string &name : names) {
    if (!seen.insert(name).second)
      continue;
    std::string file = getFileName(name);
    for (int i = 2; !files.insert(file).second; ++i)
      file = StringRef(getFileName(name)).drop_back(4).str() + "_" + std::to_string(i) + ".npy";
    selected.push_back({name, file});
  }
  return selected;
}

static llvm::Expected<NamedTensors> readInputs(const Arguments &arguments, const LoadedLibrary &library,
                                               const LoadedLibrary::Entry &entry) {
  auto pairs = arguments.getPairs(OPT_input);
  if (!pairs)
    return pairs.takeError();
  NamedTensors tensors;
  for (const auto &[name, file] : *pairs) {
    // A wrong name is said before the file is read.
    llvm::Expected<int32_t> dtype = getInputType(library, entry, name);
    if (!dtype)
      return dtype.takeError();
    llvm::Expected<NpyArray> array = readNpy(file);
    if (!array)
      return inputError("input '" + name + "': " + llvm::toString(array.takeError()));
    tensors[name] = fromNpy(std::move(*array), *dtype);
  }
  return tensors;
}

llvm::Error driver::runRun(const Arguments &arguments) {
  std::vector<std::string> folders = arguments.getAll(OPT_test_data), words = arguments.getPositional();
  if (!folders.empty()) {
    if (words.empty())
      return usageError("hadron run --test-data needs a MODEL before it");
    folders.insert(folders.end(), words.begin() + 1, words.end());
    return runTestData(arguments, words[0], folders);
  }
  llvm::Expected<std::string> subject = arguments.getSubject("DIR|MODEL");
  if (!subject)
    return subject.takeError();
  llvm::Expected<int64_t> repeat = arguments.getNumber(OPT_repeat, 1, 1, 1000000000);
  if (!repeat)
    return repeat.takeError();
  llvm::Expected<OpenedSubject> opened = openSubject(arguments, *subject);
  if (!opened)
    return opened.takeError();
  const LoadedLibrary &library = *opened->library;
  llvm::Expected<const LoadedLibrary::Entry *> entry = library.getEntry(arguments.get(OPT_entry));
  if (!entry)
    return entry.takeError();
  llvm::Expected<std::vector<Selected>> selected = selectOutputs(arguments, **entry);
  if (!selected)
    return selected.takeError();
  llvm::Expected<NamedTensors> inputs = readInputs(arguments, library, **entry);
  if (!inputs)
    return inputs.takeError();
  llvm::Expected<Call> call = Call::create(library, **entry, std::move(*inputs));
  if (!call)
    return call.takeError();

  std::vector<double> seconds;
  for (int64_t i = 0; i < *repeat; ++i) {
    if (llvm::Error error = call->reset())
      return error;
    auto start = std::chrono::steady_clock::now();
    if (llvm::Error error = call->run())
      return error;
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

  std::string folder = arguments.get(OPT_output_dir, ".").str();
  if (std::error_code code = llvm::sys::fs::create_directories(folder))
    return inputError("cannot make the folder '" + folder + "': " + code.message());
  for (const Selected &output : *selected) {
    llvm::Expected<Tensor> tensor = call->takeOutput(output.name);
    if (!tensor)
      return tensor.takeError();
    llvm::SmallString<256> path(folder);
    llvm::sys::path::append(path, output.file);
    if (llvm::Error error = writeTensor(*tensor, path))
      return error;
    llvm::outs() << output.name << "  " << tensor->describe() << "  " << path << '\n';
  }
  if (*repeat > 1) {
    llvm::sort(seconds);
    llvm::outs() << *repeat << " runs, "
                 << llvm::format("median %.1f us, min %.1f, max %.1f\n", 1e6 * seconds[seconds.size() / 2],
                                 1e6 * seconds.front(), 1e6 * seconds.back());
  }
  return llvm::Error::success();
}
