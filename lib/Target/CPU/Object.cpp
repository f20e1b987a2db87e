// LLVM dialect → object code, with LLVM's own pipeline.
#include "hadron/Target/CPU.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Utils/SplitModule.h"

using namespace llvm;

namespace hadron::cpu {
namespace {

Expected<std::unique_ptr<TargetMachine>> createTargetMachine(const Triple &triple) {
  static const bool initialized = [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    return true;
  }();
  (void)initialized;
  std::string error;
  const llvm::Target *t = TargetRegistry::lookupTarget(triple, error);
  if (!t)
    return createStringError(error);
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard;
  return std::unique_ptr<TargetMachine>(
      t->createTargetMachine(triple, "x86-64", "", options, Reloc::PIC_, std::nullopt, CodeGenOptLevel::Default));
}

void optimize(Module &module, TargetMachine &machine) {
  LoopAnalysisManager lam;
  FunctionAnalysisManager fam;
  CGSCCAnalysisManager cgam;
  ModuleAnalysisManager mam;
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = false; // bodies are vector code already
  tuning.LoopUnrolling = false;
  PassBuilder pb(&machine, tuning);
  // Loops stay loops: a body calls nothing, not even memset.
  TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  fam.registerPass([&] { return TargetLibraryAnalysis(library); });
  pb.registerModuleAnalyses(mam);
  pb.registerCGSCCAnalyses(cgam);
  pb.registerFunctionAnalyses(fam);
  pb.registerLoopAnalyses(lam);
  pb.crossRegisterProxies(lam, fam, cgam, mam);
  pb.buildPerModuleDefaultPipeline(OptimizationLevel::O2).run(module, mam);
}

/// One module of one context → object code. Runs on any thread.
Expected<SmallVector<char, 0>> compile(Module &module) {
  auto machine = createTargetMachine(module.getTargetTriple());
  if (!machine)
    return machine.takeError();
  optimize(module, **machine);
  SmallVector<char, 0> object;
  raw_svector_ostream stream(object);
  legacy::PassManager pm;
  if ((*machine)->addPassesToEmitFile(pm, stream, nullptr, CodeGenFileType::ObjectFile))
    return createStringError("LLVM cannot emit object files for x86-64");
  pm.run(module);
  return object;
}

Expected<std::unique_ptr<Module>> translate(mlir::ModuleOp module, LLVMContext &context) {
  if (Error error = checkInstructionSets(module))
    return error;
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  std::unique_ptr<Module> llvmModule = mlir::translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return createStringError("translation to LLVM IR failed");
  Triple triple("x86_64-unknown-linux-gnu");
  auto machine = createTargetMachine(triple);
  if (!machine)
    return machine.takeError();
  llvmModule->setTargetTriple(triple);
  llvmModule->setDataLayout((*machine)->createDataLayout());
  return llvmModule;
}

} // namespace

Expected<SmallVector<char, 0>> emitObject(mlir::ModuleOp module) {
  LLVMContext context;
  auto llvmModule = translate(module, context);
  if (!llvmModule)
    return llvmModule.takeError();
  return compile(**llvmModule);
}

Expected<SmallVector<SmallVector<char, 0>>> emitObjects(mlir::ModuleOp module, unsigned threads) {
  LLVMContext context;
  auto llvmModule = translate(module, context);
  if (!llvmModule)
    return llvmModule.takeError();
  // A context belongs to one thread: parts travel as bitcode. Functions stay together with nothing but what they are
  // hashed with, so a body is not inlined into its task; that costs one call per range of work items.
  constexpr size_t kFunctionsOfPart = 16, kMostParts = 32;
  size_t functions = count_if((*llvmModule)->functions(), [](const Function &f) { return !f.isDeclaration(); });
  unsigned parts = std::clamp<size_t>(functions / kFunctionsOfPart, 1, kMostParts);
  std::vector<SmallVector<char, 0>> bitcode;
  SplitModule(**llvmModule, parts, [&](std::unique_ptr<Module> part) {
    raw_svector_ostream stream(bitcode.emplace_back());
    WriteBitcodeToFile(*part, stream);
  });
  llvmModule->reset();

  SmallVector<SmallVector<char, 0>> objects(bitcode.size());
  std::vector<std::string> errors(bitcode.size());
  DefaultThreadPool pool(hardware_concurrency(threads));
  for (size_t i = 0; i < bitcode.size(); ++i)
    pool.async([&, i] {
      LLVMContext context;
      MemoryBufferRef buffer(StringRef(bitcode[i].data(), bitcode[i].size()), "part");
      auto part = parseBitcodeFile(buffer, context);
      auto object = part ? compile(**part) : Expected<SmallVector<char, 0>>(part.takeError());
      if (object)
        objects[i] = std::move(*object);
      else
        errors[i] = toString(object.takeError());
    });
  pool.wait();
  for (const std::string &error : errors)
    if (!error.empty())
      return createStringError(error);
  return objects;
}

} // namespace hadron::cpu
