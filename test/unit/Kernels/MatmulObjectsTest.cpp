// Object code of many kernels at once, and the check of intrinsics before it.
#include "MatmulCase.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace mlir;
using namespace hadron;
using namespace hadron::kernels;

namespace {

class Objects : public testing::Test {
protected:
  Objects() : context(MLIRContext::Threading::DISABLED) {
    context.loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                        scf::SCFDialect, vector::VectorDialect>();
  }
  MLIRContext context;
};

TEST_F(Objects, BytesDoNotDependOnThreadsAndLink) {
  auto build = [&] {
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    SmallVector<const cpu::Target *> targets{&cpu::target(cpu::ISA::X86_64), &cpu::target(cpu::ISA::X86_64_V3)};
    for (int i = 0; i < 8; ++i) {
      MatmulSpec spec;
      spec.K = 16 * (i + 1);
      spec.N = 16;
      spec.format = WeightFormat::dense(FloatKind::F32);
      auto emit = [&](Body &body) { return emitMatmul(body, spec); };
      auto work = [&](OpBuilder &b, Location loc, ArrayRef<Value> slots) { return matmulWork(b, loc, spec, slots); };
      EXPECT_TRUE(succeeded(emitKernel(*module, {"k" + std::to_string(i), matmulSlots(spec), emit, work}, targets)));
    }
    OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
    auto pointer = LLVM::LLVMPointerType::get(&context);
    auto entry = LLVM::LLVMFuncOp::create(b, module->getLoc(), "table7", LLVM::LLVMFunctionType::get(pointer, {}));
    b.setInsertionPointToStart(entry.addEntryBlock(b));
    LLVM::ReturnOp::create(b, module->getLoc(),
                           LLVM::AddressOfOp::create(b, module->getLoc(), pointer, "k7.table").getResult());
    EXPECT_FALSE(static_cast<bool>(cpu::lowerToLLVMDialect(*module)));
    return module;
  };
  auto one = cpu::emitObjects(*build(), 1), four = cpu::emitObjects(*build(), 4);
  ASSERT_TRUE(one && four);
  EXPECT_GT(one->size(), 1u);
  ASSERT_EQ(*one, *four);

  SmallString<128> file;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("objects", "so", file));
  SmallVector<ArrayRef<char>> objects(one->begin(), one->end());
  ASSERT_FALSE(static_cast<bool>(cpu::linkSharedLibrary(objects, file, "objects.so")));
  void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  using Task = void (*)(const int64_t *, int64_t, int64_t);
  auto table = reinterpret_cast<Task *(*)()>(dlsym(handle, "table7"))();
  test::Bytes x(128 * 4), w(128 * 64), y(64);
  for (int i = 0; i < 128; ++i)
    x.as<float>()[i] = 1, w.as<float>()[i * 16 + 3] = 0.5;
  int64_t slots[] = {1, test::address(x.data), test::address(w.data), test::address(y.data)};
  table[0](slots, 0, 1);
  EXPECT_EQ(y.as<float>()[3], 64);
  dlclose(handle);
  llvm::sys::fs::remove(file);
}

TEST_F(Objects, IntrinsicsWithoutTheirFeatureAreRefused) {
  auto check = [&](StringRef body) {
    std::string text =
        "llvm.func @f(%a: vector<16xi32>, %b: vector<64xi8>, %c: f32) attributes {" + body.str() + " llvm.return }";
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return toString(cpu::checkInstructionSets(*module));
  };
  const char *dot = "} { %0 = llvm.call_intrinsic \"llvm.x86.avx512.vpdpbusd.512\"(%a, %b, %b) : "
                    "(vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>";
  std::string v4 = "target_cpu = \"x86-64-v4\"";
  EXPECT_EQ(check(v4 + ", target_features = #llvm.target_features<[\"+avx512vnni\"]>" + dot), "");
  EXPECT_EQ(check(v4 + dot), "llvm.x86.avx512.vpdpbusd.512 in @f needs avx512vnni, which x86-64-v4 does not have");
  EXPECT_EQ(check("} { %0 = llvm.intr.fma(%c, %c, %c) : (f32, f32, f32) -> f32"),
            "llvm.intr.fma in @f needs fma, which x86-64 does not have");
}

} // namespace
