// CPU back end: instruction sets, object code, and linking, all in this process.
#ifndef HADRON_TARGET_CPU_H
#define HADRON_TARGET_CPU_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>

namespace hadron::cpu {

/// The x86-64 levels that kernel bodies are made for, in the order of every table of bodies that holds all of them.
enum class ISA { X86_64, X86_64_V3, X86_64_V4, X86_64_V4_VNNI };

/// What an emitter and the code generator may assume of one instruction set. The only description of these facts.
struct Target {
  ISA isa;
  llvm::StringRef name;     // as in HADRON_CPU and --chip
  llvm::StringRef llvmCPU;  // target-cpu of a body
  llvm::StringRef features; // target-features of a body, comma separated
  int vectorBytes;          // 16, 32, 64
  int vectorRegisters;      // 16 or 32
  bool fma, f16c, avx2, avx512, vnni;

  /// Lanes of f32 in one register.
  int lanes() const { return vectorBytes / 4; }
};

/// All targets, in the order of ISA.
llvm::ArrayRef<Target> allTargets();
const Target &target(ISA isa);
/// The best target that this machine runs.
const Target &nativeTarget();
/// Targets for a value of --chip: native, all, or a name; an error that lists the names otherwise.
llvm::Expected<llvm::SmallVector<const Target *>> parseChip(llvm::StringRef chip);

/// Lowers structured bodies (scf, arith, math-free vector, cf, func) of a module in place to the LLVM dialect.
llvm::Error lowerToLLVMDialect(mlir::ModuleOp module);

/// Succeeds if every x86 intrinsic, and every fused multiply-add (without the instruction: a libm call per lane), is in
/// a function whose target has it; LLVM ends the process for the former. An error names function, intrinsic and
/// feature.
llvm::Error checkInstructionSets(mlir::ModuleOp module);

/// LLVM-dialect module → position-independent x86-64 ELF objects, to be linked together. Functions carry their own
/// target_cpu and target_features; everything else is compiled for baseline x86-64. Symbols that the module leaves
/// undefined stay undefined. The number of objects, and so every byte, depends on the module only; at most `threads`
/// (0: all processors) make them.
llvm::Expected<llvm::SmallVector<llvm::SmallVector<char, 0>>> emitObjects(mlir::ModuleOp module, unsigned threads = 0);
/// The same as one object, on this thread.
llvm::Expected<llvm::SmallVector<char, 0>> emitObject(mlir::ModuleOp module);

/// Links objects (ELF images in memory) into the shared library `output`. libc and libm of the running system are the
/// only libraries; any other undefined symbol is an error that names it.
llvm::Error linkSharedLibrary(llvm::ArrayRef<llvm::ArrayRef<char>> objects, llvm::StringRef output,
                              llvm::StringRef soname);

} // namespace hadron::cpu

#endif // HADRON_TARGET_CPU_H
