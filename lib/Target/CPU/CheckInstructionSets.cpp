// Intrinsics against the features of their functions, before LLVM sees them.
#include "hadron/Target/CPU.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace hadron::cpu {
namespace {

/// The first row whose prefix an intrinsic's name has says what it needs.
struct Requirement {
  StringRef prefix, feature;
  bool Target::*flag;
};
const Requirement kRequirements[] = {
    {"llvm.x86.avx512.vpdp", "avx512vnni", &Target::vnni},
    {"llvm.x86.avx512.", "avx512", &Target::avx512},
    {"llvm.x86.avx2.", "avx2", &Target::avx2},
    {"llvm.x86.avx.", "avx", &Target::avx2},
    {"llvm.x86.fma.", "fma", &Target::fma},
    {"llvm.x86.vcvtps2ph.", "f16c", &Target::f16c},
    {"llvm.x86.vcvtph2ps.", "f16c", &Target::f16c},
    {"llvm.x86.ssse3.", "ssse3", &Target::avx2},
    {"llvm.x86.sse3.", "sse3", &Target::avx2},
    {"llvm.x86.sse4", "sse4", &Target::avx2},
};

/// The target that a function was emitted for; baseline for host code.
const Target *targetOf(LLVM::LLVMFuncOp function) {
  StringRef cpu = function.getTargetCpu().value_or("x86-64");
  std::string features;
  if (auto attribute = function.getTargetFeaturesAttr())
    features = attribute.getFeaturesString();
  for (const Target &target : allTargets())
    if (target.llvmCPU == cpu && target.features == features)
      return &target;
  return nullptr;
}

llvm::Error missing(LLVM::LLVMFuncOp function, StringRef what, StringRef feature) {
  return llvm::createStringError("%s in @%s needs %s, which %s does not have", what.str().c_str(),
                                 function.getName().str().c_str(), feature.str().c_str(),
                                 function.getTargetCpu().value_or("x86-64").str().c_str());
}

} // namespace

llvm::Error checkInstructionSets(ModuleOp module) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    const Target *target = targetOf(function);
    if (!target)
      return llvm::createStringError("@%s is for a processor that is none of Hadron's targets: %s",
                                     function.getName().str().c_str(), function.getTargetCpu()->str().c_str());
    llvm::Error error = llvm::Error::success();
    function.walk([&](Operation *op) {
      if (isa<LLVM::FMAOp>(op) && !target->fma) {
        error = llvm::joinErrors(std::move(error), missing(function, "llvm.intr.fma", "fma"));
        return WalkResult::interrupt();
      }
      auto call = dyn_cast<LLVM::CallIntrinsicOp>(op);
      if (!call)
        return WalkResult::advance();
      for (const Requirement &row : kRequirements) {
        if (!call.getIntrin().starts_with(row.prefix))
          continue;
        if (target->*row.flag)
          break;
        error = llvm::joinErrors(std::move(error), missing(function, call.getIntrin(), row.feature));
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (error)
      return error;
  }
  return llvm::Error::success();
}

} // namespace hadron::cpu
