// A context and a parsed module, and a folder with the files that it names.
#ifndef HADRON_TEST_UNIT_QUANTIZATION_TESTMODULE_H
#define HADRON_TEST_UNIT_QUANTIZATION_TESTMODULE_H

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fstream>
#include <gtest/gtest.h>
#include <random>

namespace hadron {

class TestModule : public testing::Test {
protected:
  TestModule() {
    mlir::DialectRegistry registry;
    registry.insert<HadronDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::linalg::LinalgDialect,
                    mlir::math::MathDialect, mlir::tensor::TensorDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    llvm::SmallString<128> path;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("hadron-quantization", path));
    folder = path.str().str();
  }
  ~TestModule() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(const std::string &name) const { return folder + "/" + name; }

  void parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
  }
  ParamOp param(llvm::StringRef name) { return module->lookupSymbol<ParamOp>(name); }

  template <typename T>
  void writeFile(const std::string &name, const std::vector<T> &values) {
    std::ofstream out(path(name), std::ios::binary);
    out.write(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
  }

  static std::vector<float> gaussian(int64_t count, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution;
    std::vector<float> values(count);
    for (float &v : values)
      v = distribution(random);
    return values;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string folder;
};

} // namespace hadron

#endif // HADRON_TEST_UNIT_QUANTIZATION_TESTMODULE_H
