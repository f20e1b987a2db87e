#include "KernelHarness.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <dlfcn.h>

using namespace mlir;

namespace hadron::test {
namespace {

[[noreturn]] void die(const llvm::Twine &message) {
  llvm::errs() << message << "\n";
  std::abort();
}

/// An exported function `symbol` that returns the address of the internal global or function `name`.
void exportAddress(ModuleOp module, StringRef symbol, StringRef name) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(module.getContext());
  auto function = LLVM::LLVMFuncOp::create(b, module.getLoc(), symbol, LLVM::LLVMFunctionType::get(pointer, {}));
  b.setInsertionPointToStart(function.addEntryBlock(b));
  LLVM::ReturnOp::create(b, module.getLoc(), LLVM::AddressOfOp::create(b, module.getLoc(), pointer, name).getResult());
}

} // namespace

CompiledKernel::CompiledKernel(const kernels::Kernel &kernel) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                      math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  SmallVector<const cpu::Target *> targets;
  for (const cpu::Target &target : cpu::allTargets())
    if (target.isa <= cpu::nativeTarget().isa) {
      targets.push_back(&target);
      names.push_back(target.name.str());
    }
  if (failed(kernels::emitKernel(*module, kernel, targets)))
    die("emitKernel failed");
  exportAddress(*module, "test_table", kernel.name + ".table");
  exportAddress(*module, "test_work", kernel.name + ".work");
  if (std::getenv("HADRON_TEST_DUMP"))
    module->dump();
  if (failed(verify(*module)))
    die("kernel module does not verify");
  if (llvm::Error error = cpu::lowerToLLVMDialect(*module))
    die(toString(std::move(error)));
  auto object = cpu::emitObject(*module);
  if (!object)
    die(toString(object.takeError()));
  SmallString<128> path;
  if (llvm::sys::fs::createUniqueDirectory("hadron-kernel", path))
    die("no temporary folder");
  folder = path.str().str();
  std::string file = folder + "/k.so";
  if (llvm::Error error = cpu::linkSharedLibrary({ArrayRef<char>(*object)}, file, "k.so"))
    die(toString(std::move(error)));
  handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    die(dlerror());
}

CompiledKernel::~CompiledKernel() {
  if (handle)
    dlclose(handle);
  if (!std::getenv("HADRON_TEST_KEEP"))
    llvm::sys::fs::remove_directories(folder);
}

int64_t CompiledKernel::work(const std::vector<int64_t> &slots) const {
  auto get = reinterpret_cast<void *(*)()>(dlsym(handle, "test_work"));
  return reinterpret_cast<int64_t (*)(const int64_t *)>(get())(slots.data());
}

void CompiledKernel::run(size_t index, const std::vector<int64_t> &slots, int64_t pieces) const {
  auto get = reinterpret_cast<void **(*)()>(dlsym(handle, "test_table"));
  auto task = reinterpret_cast<void (*)(const int64_t *, int64_t, int64_t)>(get()[index]);
  int64_t total = work(slots);
  for (int64_t i = pieces; i-- > 0;)
    if (int64_t begin = total * i / pieces, end = total * (i + 1) / pieces; begin < end)
      task(slots.data(), begin, end);
}

} // namespace hadron::test
