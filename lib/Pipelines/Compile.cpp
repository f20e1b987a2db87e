// Phase after phase.
#include "hadron/Pipelines/Compile.h"

#include "Hadron/IR/Hadron.h"
#include "Library.h"
#include "Remarks.h"
#include "hadron/Import/ONNX.h"
#include "hadron/Kernels/LowerKernels.h"
#include "hadron/Pipelines/Register.h"
#include "hadron/Quantization/Parameters.h"
#include "hadron/Quantization/WeightsFile.h"
#include "hadron/Raise/Raise.h"
#include "hadron/Runtime/Object.h"
#include "hadron/Support/WholeFile.h"
#include "hadron/Target/Host.h"
#include "hadron/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/Threading.h"

using namespace mlir;

namespace hadron {
namespace {

constexpr llvm::StringLiteral kPhaseNames[] = {"import",   "raise",   "rotate", "quantize", "fuse",
                                               "schedule", "kernels", "host",   "library"};

} // namespace

llvm::ArrayRef<llvm::StringLiteral> phaseNames() { return kPhaseNames; }

std::optional<Phase> parsePhase(StringRef name) {
  for (auto [i, known] : llvm::enumerate(kPhaseNames))
    if (known == name)
      return static_cast<Phase>(i);
  return std::nullopt;
}

void prepareContext(MLIRContext &context) {
  DialectRegistry registry;
  registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

OwningOpRef<ModuleOp> readModel(MLIRContext &context, StringRef path) {
  Location loc = FileLineColLoc::get(&context, path, 0, 0);
  if (llvm::sys::fs::is_directory(path)) {
    emitError(loc) << "expected a model, found a folder; give the .onnx or .mlir file in it";
    return {};
  }
  // The head alone: a model may be as large as its weights.
  auto head = llvm::MemoryBuffer::getFileSlice(path, 0, 0);
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/true);
  if (!file) {
    emitError(loc) << "cannot read the model: " << file.getError().message();
    return {};
  }
  if (looksLikeONNX((*file)->getBuffer()))
    return importONNX(&context, path);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, &context);
}

namespace {

/// One compilation.
class Compilation {
public:
  Compilation(MLIRContext &context, const CompileOptions &options) : context(context), options(options) {}

  LogicalResult run(std::string *ir);

private:
  std::string libraryName() const {
    return options.name.empty() ? llvm::sys::path::stem(options.model).str() : options.name;
  }
  unsigned threads() const {
    return options.threads ? options.threads : llvm::heavyweight_hardware_concurrency().compute_thread_count();
  }
  bool quantizes() const { return options.weights != "none"; }
  bool rotates() const { return options.rotate.empty() ? quantizes() : options.rotate == "online"; }
  /// Whether products may take integer arithmetic: those whose weights Hadron quantizes, and those whose weights the
  /// graph brings packed. What is not said follows the graph's accuracy_level, 4: allowed.
  QuantizeActivationsOptions integerActivations() const {
    QuantizeActivationsOptions result;
    auto level = (*program)->getAttrOfType<IntegerAttr>(kAccuracyLevel);
    result.quantized = options.activations != "f32";
    result.packed = options.activations.empty() ? level && level.getInt() == 4 : options.activations == "int8";
    return result;
  }
  void progress(StringRef what, double done) {
    if (options.progress)
      options.progress(what, done);
  }
  LogicalResult runPasses(llvm::function_ref<void(OpPassManager &)> build) {
    PassManager pm(&context);
    pm.enableVerifier(true);
    build(pm);
    return pm.run(*program);
  }
  LogicalResult report(llvm::Error error) {
    if (!error)
      return success();
    return emitError(program->getLoc()) << toString(std::move(error));
  }
  LogicalResult runPhase(Phase phase);
  LogicalResult emitLibrary();
  LogicalResult dump(Phase phase);
  LogicalResult writeRemarks();

  MLIRContext &context;
  const CompileOptions &options;
  OwningOpRef<ModuleOp> program, code;
  SmallVector<const cpu::Target *> targets;
  int64_t rotationSize = 0;
  std::vector<host::Entry> entries;
  host::Weights weights;
  std::string manifest;
  std::optional<RemarkLog> remarks;
};

LogicalResult Compilation::runPhase(Phase phase) {
  switch (phase) {
  case Phase::Import:
    program = readModel(context, options.model);
    return success(static_cast<bool>(program));
  case Phase::Raise: {
    if (llvm::none_of(*program->getBody(), [](Operation &op) { return op.getName().getStringRef() == "onnx.graph"; })) {
      // IR from a file: unless its bases were erased by an earlier compilation, nothing may lose one from here on.
      bool erased = llvm::any_of(program->getOps<func::FuncOp>(),
                                 [](func::FuncOp function) { return function->hasAttr(HadronDialect::kErased); });
      if (!erased)
        (*program)->setAttr(HadronDialect::kChecked, UnitAttr::get(&context));
      return verify(*program);
    }
    RaiseOptions raiseOptions;
    raiseOptions.library = libraryName();
    if (failed(raise(*program, raiseOptions)))
      return failure();
    // Layers that read the same positions or masks compute them once.
    return runPasses([](OpPassManager &pm) {
      pm.addPass(createCanonicalizerPass());
      pm.addPass(createCSEPass());
    });
  }
  case Phase::Rotate:
    return rotates() ? runPasses([&](OpPassManager &pm) {
      pm.addPass(createFoldNormGains());
      PlaceRotationsOptions rotation;
      rotation.size = rotationSize;
      rotation.seed = options.seed;
      pm.addPass(createPlaceRotations(rotation));
      pm.addPass(createCanonicalizerPass());
      pm.addPass(createCSEPass());
    })
                     : success();
  case Phase::Quantize:
    return runPasses([&](OpPassManager &pm) {
      QuantizeWeightsOptions quantization;
      quantization.format = options.weights;
      llvm::append_range(quantization.keep, options.keep);
      pm.addPass(createQuantizeWeights(quantization));
    });
  case Phase::Fuse:
    return runPasses([&](OpPassManager &pm) {
      pm.addPass(createEraseBasis());
      pm.addPass(createQuantizeActivations(integerActivations()));
      pm.addNestedPass<func::FuncOp>(createFuseMatmul());
      pm.addNestedPass<func::FuncOp>(createLowerAttention());
      pm.addNestedPass<func::FuncOp>(createFusePrologue());
      pm.addNestedPass<func::FuncOp>(createConvertElementwise());
      pm.addPass(createCanonicalizerPass());
      pm.addPass(createCSEPass());
    });
  case Phase::Schedule:
    return runPasses([](OpPassManager &pm) { pm.addPass(createOutlineKernels()); });
  case Phase::Kernels:
    code = ModuleOp::create(program->getLoc());
    return lowerKernels(*program, *code, targets);
  case Phase::Host:
  case Phase::Library:
    return success();
  }
  return success();
}

LogicalResult Compilation::dump(Phase phase) {
  if (options.dumpPhasesTo.empty())
    return success();
  if (std::error_code ec = llvm::sys::fs::create_directories(options.dumpPhasesTo))
    return emitError(program->getLoc()) << "cannot make the folder " << options.dumpPhasesTo << ": " << ec.message();
  unsigned number = static_cast<unsigned>(phase);
  std::string path = options.dumpPhasesTo + "/" + std::to_string(number) + "-" + kPhaseNames[number].str() + ".mlir";
  std::error_code ec;
  llvm::raw_fd_ostream stream(path, ec);
  if (ec)
    return emitError(program->getLoc()) << "cannot write " << path << ": " << ec.message();
  (phase >= Phase::Kernels && code ? *code : *program)->print(stream, OpPrintingFlags().elideLargeElementsAttrs(64));
  stream.close();
  ec = stream.error();
  if (ec) {
    stream.clear_error();
    return emitError(program->getLoc()) << "cannot write " << path << ": " << ec.message();
  }
  return success();
}

LogicalResult Compilation::writeRemarks() {
  if (!remarks)
    return success();
  if (std::error_code ec = writeWholeFile(options.remarks, remarks->getYAML()))
    return emitError(program->getLoc()) << "cannot write the remarks to '" << options.remarks << "': " << ec.message();
  return success();
}

LogicalResult Compilation::emitLibrary() {
  std::string name = libraryName();
  auto staged = StagedFolder::create(options.output);
  if (!staged)
    return report(staged.takeError());
  if (options.temporaries)
    options.temporaries(staged->temporaries());
  llvm::scope_exit atEnd([&] {
    if (options.temporaries)
      options.temporaries({});
  });
  progress("weights", 0.1);
  auto read = host::readEntries(*program);
  if (failed(read))
    return failure();
  entries = std::move(*read);
  auto file = writeWeights(*program, staged->path(name + ".weights"), options.model, threads(),
                           [&](StringRef what, double done) { progress(what, 0.1 + 0.6 * done); });
  if (failed(file))
    return failure();
  weights.file = name + ".weights";
  weights.bytes = file->bytes;
  weights.headerHash = file->headerHash;
  for (const WeightsFile::Entry &parameter : file->entries)
    weights.parameters.push_back({parameter.name, parameter.offset, parameter.bytes});
  progress("code", 0.7);
  if (failed(host::lowerEntries(entries, weights, *code)))
    return failure();
  manifest = writeManifest(name, entries, weights, targets, llvm::sys::path::filename(options.model));
  host::emitDescriptor(name, manifest, entries, weights, targets, *code);
  if (failed(dump(Phase::Host)))
    return failure();
  if (llvm::Error error = cpu::lowerToLLVMDialect(*code))
    return report(std::move(error));
  auto objects = cpu::emitObjects(*code, threads());
  if (!objects)
    return report(objects.takeError());
  progress("linking", 0.95);
  ArrayRef<char> runtime(reinterpret_cast<const char *>(hadron_runtime_object), hadron_runtime_object_size);
  std::string library = "lib" + name + ".so";
  SmallVector<ArrayRef<char>> parts(objects->begin(), objects->end());
  parts.push_back(runtime);
  if (failed(report(cpu::linkSharedLibrary(parts, staged->path(library), library))) ||
      failed(report(staged->write(name + ".json", manifest))) ||
      failed(report(staged->write(name + ".h", writeHeader(name, entries)))) || failed(writeRemarks()))
    return failure();
  return report(staged->commit({name + ".weights", name + ".json", name + ".h", library}));
}

LogicalResult Compilation::run(std::string *ir) {
  auto chips = cpu::parseChip(options.chip);
  if (!chips)
    return emitError(UnknownLoc::get(&context)) << toString(chips.takeError());
  targets = *chips;
  if (options.rotationSize != "auto" && StringRef(options.rotationSize).getAsInteger(10, rotationSize))
    return emitError(UnknownLoc::get(&context))
           << "the rotation size is auto or a power of two; found '" << options.rotationSize << "'";
  if (!options.remarks.empty()) {
    // What cannot be written is known now rather than at the end of the work.
    StringRef folder = llvm::sys::path::parent_path(options.remarks);
    auto code = options.remarks == "-"
                    ? std::error_code()
                    : llvm::sys::fs::access(folder.empty() ? "." : folder, llvm::sys::fs::AccessMode::Write);
    if (code)
      return emitError(UnknownLoc::get(&context))
             << "cannot write the remarks to '" << options.remarks << "': " << code.message();
    remarks.emplace(context);
  }
  for (unsigned i = 0; i <= static_cast<unsigned>(std::min(options.to, Phase::Kernels)); ++i) {
    auto phase = static_cast<Phase>(i);
    if (failed(runPhase(phase)) || failed(dump(phase)))
      return failure();
  }
  if (options.to < Phase::Library) {
    if (ir)
      llvm::raw_string_ostream(*ir) << (options.to >= Phase::Kernels ? *code : *program);
    return writeRemarks();
  }
  return emitLibrary();
}

} // namespace

LogicalResult compileModel(MLIRContext &context, const CompileOptions &options, std::string *ir) {
  return Compilation(context, options).run(ir);
}

} // namespace hadron
