// hadron import, hadron compile, and the same steps for commands that are given a model.
#include "Command.h"
#include "Crash.h"
#include "Diagnostics.h"
#include "Hadron/IR/Hadron.h"
#include "hadron/Target/CPU.h"
#include "hadron/Transforms/FormatNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdlib>

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;
using llvm::Twine;

//===------------------------------------------------------------------------------------------------------------===//
// Options
//===------------------------------------------------------------------------------------------------------------===//

static constexpr int64_t kMaxThreads = 256; // of the runtime

llvm::Expected<int> driver::getThreads(const Arguments &arguments) {
  llvm::Expected<int64_t> threads = arguments.getNumber(OPT_threads, 0, 1, kMaxThreads);
  if (!threads)
    return threads.takeError();
  if (const char *text = std::getenv("HADRON_THREADS"); !*threads && text && *text) {
    int64_t number;
    if (StringRef(text).getAsInteger(10, number) || number < 1 || number > kMaxThreads)
      return inputError(Twine("HADRON_THREADS is '") + text + "'; it must be a whole number from 1 to " +
                        Twine(kMaxThreads));
    return number;
  }
  return *threads;
}

/// A name is part of file names and, without its other characters, of a C function's name.
static llvm::Error checkName(StringRef name) {
  bool fine = !name.empty() && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
              llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || StringRef("._-+").contains(c); });
  if (fine)
    return llvm::Error::success();
  return usageError("--name is '" + name +
                    "'; it must be made of letters, digits, . _ + -, and begin with none of . and -");
}

/// One of `allowed`, or empty; a value that the command line has but this version has not is told apart.
static llvm::Expected<std::string> getChoice(const Arguments &arguments, OptionID id, StringRef flag,
                                             llvm::ArrayRef<StringRef> allowed, llvm::ArrayRef<StringRef> later) {
  if (llvm::is_contained(later, arguments.get(id)))
    return inputError(flag + " " + arguments.get(id) + " is not in this version; there is " +
                      llvm::join(allowed, ", "));
  return arguments.getChoice(id, allowed);
}

/// The formats that --weights and --keep name.
static llvm::Error checkFormats(const CompileOptions &options) {
  if (options.weights == "none" && options.keep.empty())
    return llvm::Error::success();
  mlir::MLIRContext context;
  context.loadDialect<HadronDialect>();
  auto check = [&](StringRef flag, StringRef format) -> llvm::Error {
    if (format == "none")
      return llvm::Error::success();
    constexpr int64_t anyWidth = 4096;
    llvm::Expected<PackedFormat> parsed = parseFormat(&context, format, anyWidth);
    return parsed ? llvm::Error::success() : usageError(flag + ": " + llvm::toString(parsed.takeError()));
  };
  if (llvm::Error error = check("--weights", options.weights))
    return error;
  for (StringRef keep : options.keep) {
    // Patterns may hold an equals sign, formats do not.
    auto [pattern, format] = keep.rsplit('=');
    if (pattern.empty() || format.empty())
      return usageError("--keep is '" + keep + "'; it must be PATTERN=FORMAT");
    if (llvm::Error error = check("--keep", format))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<CompileOptions> driver::getCompileOptions(const Arguments &arguments, StringRef model) {
  CompileOptions options;
  options.model = model.str();
  if (arguments.has(OPT_name)) {
    options.name = arguments.get(OPT_name).str();
    if (llvm::Error error = checkName(options.name))
      return std::move(error);
  }
  options.chip = arguments.get(OPT_chip, "native").str();
  if (auto chips = cpu::parseChip(options.chip); !chips)
    return usageError("--chip: " + llvm::toString(chips.takeError()));
  options.weights = arguments.get(OPT_weights, "none").str();
  options.keep = arguments.getAll(OPT_keep);
  if (llvm::Error error = checkFormats(options))
    return std::move(error);
  options.remarks = arguments.get(OPT_remarks).str();
  options.dumpPhasesTo = arguments.get(OPT_dump_phases_to).str();

  llvm::Expected<std::string> rotate =
      getChoice(arguments, OPT_rotate, "--rotate", {"none", "online", "auto"}, {"residual"});
  if (!rotate)
    return rotate.takeError();
  options.rotate = *rotate == "auto" ? "online" : *rotate; // until there is more to choose from
  options.rotationSize = arguments.get(OPT_rotation_size, "auto").str();
  int64_t size;
  if (options.rotationSize != "auto" && (StringRef(options.rotationSize).getAsInteger(10, size) || size < 2))
    return usageError("--rotation-size is '" + options.rotationSize + "'; it must be auto or a whole number from 2");
  llvm::Expected<std::string> rounds = getChoice(arguments, OPT_rounds, "--rounds", {"auto", "1"}, {"2", "3"});
  if (!rounds)
    return rounds.takeError();
  if (!rounds->empty() && *rounds != "auto")
    options.rounds = *rounds;
  llvm::Expected<int64_t> seed = arguments.getNumber(OPT_seed, 0, 0, INT64_MAX);
  if (!seed)
    return seed.takeError();
  options.seed = *seed;
  llvm::Expected<std::string> activations = arguments.getChoice(OPT_activations, {"f32", "int8"});
  if (!activations)
    return activations.takeError();
  options.activations = *activations;

  // Options with one value so far, which is the default.
  for (const auto &[id, flag, allowed, later] :
       {std::tuple<OptionID, StringRef, std::vector<StringRef>, std::vector<StringRef>>{
            OPT_target, "--target", {"cpu"}, {"nvptx"}},
        {OPT_kv, "--kv", {"none", "f32"}, {}},
        {OPT_fuse_inverse_fwht, "--fuse-inverse-fwht", {"auto", "activation"}, {"weight"}},
        {OPT_device, "--device", {"cpu"}, {"cuda", "simt"}}})
    if (llvm::Expected<std::string> value = getChoice(arguments, id, flag, allowed, later); !value)
      return value.takeError();

  llvm::Expected<int> threads = getThreads(arguments);
  if (!threads)
    return threads.takeError();
  options.threads = *threads;
  return options;
}

//===------------------------------------------------------------------------------------------------------------===//
// Progress
//===------------------------------------------------------------------------------------------------------------===//

namespace {
/// One line on a terminal that is written over and removed in the end; nothing in a pipe.
class ProgressLine {
public:
  ProgressLine() : shown(llvm::sys::Process::StandardErrIsDisplayed()) {}
  ~ProgressLine() { clear(); }

  std::function<void(StringRef, double)> get() {
    if (!shown)
      return nullptr;
    return [this](StringRef what, double done) { show(what, done); };
  }

private:
  void show(StringRef what, double done) {
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    clear();
    llvm::errs() << llvm::format("%3.0f %%  ", 100 * done) << what.take_front(60);
    if (done > 0.05 && seconds > 1)
      llvm::errs() << llvm::format("  %.0f s left", seconds * (1 - done) / done);
    llvm::errs().flush();
    dirty = true;
  }
  void clear() {
    if (dirty)
      llvm::errs() << "\r\033[K";
    dirty = false;
  }

  bool shown, dirty = false;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};
} // namespace

llvm::Error driver::compile(CompileOptions options, std::string *ir) {
  mlir::MLIRContext context;
  prepareContext(context);
  context.printOpOnDiagnostic(false);
  ProgressLine line;
  options.progress = line.get();
  DiagnosticPrinter printer(context);
  if (mlir::succeeded(compileModel(context, options, ir)))
    return llvm::Error::success();
  if (!printer.getErrors())
    return bugError("compiling '" + options.model + "' failed without saying why");
  return reportedError();
}

//===------------------------------------------------------------------------------------------------------------===//
// Commands
//===------------------------------------------------------------------------------------------------------------===//

static llvm::Expected<Phase> getPhase(const Arguments &arguments, Phase otherwise) {
  if (!arguments.has(OPT_compile_to))
    return otherwise;
  StringRef name = arguments.get(OPT_compile_to);
  if (std::optional<Phase> phase = parsePhase(name))
    return *phase;
  return usageError("--compile-to is '" + name + "'; it must be one of " + llvm::join(phaseNames(), ", "));
}

static llvm::Error checkModel(StringRef model) {
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(model, status))
    return inputError("cannot read the model '" + model + "': " + code.message());
  if (llvm::sys::fs::is_directory(status))
    return inputError("'" + model + "' is a folder, not a model; name the .onnx or .mlir file in it");
  return llvm::Error::success();
}

/// What `import` and `compile` have in common: a model, -o, and a phase.
static llvm::Expected<CompileOptions> getJob(const Arguments &arguments, Phase otherwise, StringRef wanted) {
  llvm::Expected<std::string> model = arguments.getSubject("MODEL");
  if (!model)
    return model.takeError();
  if (arguments.get(OPT_out).empty())
    return usageError("hadron " + arguments.getCommand() + " needs -o " + wanted);
  llvm::Expected<CompileOptions> options = getCompileOptions(arguments, *model);
  if (!options)
    return options;
  llvm::Expected<Phase> phase = getPhase(arguments, otherwise);
  if (!phase)
    return phase.takeError();
  options->to = *phase;
  options->output = arguments.get(OPT_out).str();
  if (llvm::Error error = checkModel(*model))
    return std::move(error);
  return options;
}

llvm::Error driver::runImport(const Arguments &arguments) {
  llvm::Expected<CompileOptions> options = getJob(arguments, Phase::Raise, "FILE.mlir");
  if (!options)
    return options.takeError();
  if (options->to == Phase::Library)
    return usageError("--compile-to library writes no IR; use `hadron compile`");
  std::string ir;
  if (llvm::Error error = compile(*options, &ir))
    return error;
  return writeWhole(options->output, ir + "\n");
}

llvm::Error driver::runCompile(const Arguments &arguments) {
  llvm::Expected<CompileOptions> options = getJob(arguments, Phase::Library, "DIR");
  if (!options)
    return options.takeError();
  if (options->to == Phase::Library) {
    options->temporaries = setUnfinished;
    return compile(*options);
  }
  // A folder, as for a library, unless it is clearly a file.
  std::string ir;
  if (llvm::Error error = compile(*options, &ir))
    return error;
  std::string file = options->output;
  if (file != "-" && !StringRef(file).ends_with(".mlir")) {
    if (std::error_code code = llvm::sys::fs::create_directories(file))
      return inputError("cannot make the folder '" + file + "': " + code.message());
    file += "/" + phaseNames()[static_cast<unsigned>(options->to)].str() + ".mlir";
  }
  return writeWhole(file, ir + "\n");
}

/// Opens the library in a folder, or what `options` make of a model.
static llvm::Expected<OpenedSubject> open(CompileOptions options, StringRef subject) {
  OpenedSubject result;
  // Whatever the library maps stays when its files are removed.
  TemporaryFolder temporary;
  options.output = subject.str();
  if (!llvm::sys::fs::is_directory(subject)) {
    if (llvm::Error error = checkModel(subject))
      return std::move(error);
    if (std::error_code code = temporary.create())
      return inputError("cannot make a temporary folder: " + code.message());
    options.output = temporary.getPath().str();
    if (llvm::Error error = compile(options))
      return std::move(error);
  }
  auto start = std::chrono::steady_clock::now();
  llvm::Expected<std::unique_ptr<LoadedLibrary>> library = LoadedLibrary::open(options.output, options.threads);
  if (!library)
    return library.takeError();
  result.loadSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.library = std::move(*library);
  return result;
}

llvm::Expected<OpenedSubject> driver::openSubject(const Arguments &arguments, StringRef subject) {
  if (arguments.has(OPT_compilation) && llvm::sys::fs::is_directory(subject))
    return usageError(arguments.getSpelling(OPT_compilation) + " says how a model is compiled; '" + subject +
                      "' is a folder with a library, which is compiled already");
  llvm::Expected<CompileOptions> options = getCompileOptions(arguments, subject);
  return options ? open(*options, subject) : options.takeError();
}

llvm::Expected<OpenedSubject> driver::openReference(const Arguments &arguments, StringRef subject) {
  CompileOptions options;
  options.model = subject.str();
  llvm::Expected<int> threads = getThreads(arguments);
  if (!threads)
    return threads.takeError();
  options.threads = *threads;
  return open(options, subject);
}
