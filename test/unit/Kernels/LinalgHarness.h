// Runs linalg kernels on every instruction set: inputs end at a page that faults, outputs are checked for writes around
// them, and every split into pieces must give the same bits.
#ifndef HADRON_TEST_LINALGHARNESS_H
#define HADRON_TEST_LINALGHARNESS_H

#include "KernelHarness.h"

#include "hadron/Kernels/LinalgKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

namespace hadron::test {

/// Elements that end at an inaccessible page.
template <typename T>
class Guarded {
public:
  explicit Guarded(size_t n) : count(n) {
    size_t page = sysconf(_SC_PAGESIZE);
    length = (n * sizeof(T) + page - 1) / page * page + page;
    base = static_cast<char *>(mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + length - page, page, PROT_NONE);
    first = reinterpret_cast<T *>(base + length - page) - n;
  }
  Guarded(size_t n, const std::function<T(size_t)> &f) : Guarded(n) {
    for (size_t i = 0; i < n; ++i)
      first[i] = f(i);
  }
  ~Guarded() { munmap(base, length); }
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;
  T &operator[](size_t i) { return first[i]; }
  const T &operator[](size_t i) const { return first[i]; }
  T *data() const { return first; }
  size_t size() const { return count; }

private:
  char *base;
  size_t length, count;
  T *first;
};

inline void loadDialects(mlir::MLIRContext *context) {
  context->loadDialect<mlir::linalg::LinalgDialect, mlir::tensor::TensorDialect, mlir::func::FuncDialect,
                       mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::scf::SCFDialect>();
}

inline mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text, mlir::MLIRContext *context) {
  loadDialects(context);
  return mlir::parseSourceString<mlir::ModuleOp>(text, context);
}

inline mlir::func::FuncOp onlyFunction(mlir::ModuleOp module) { return *module.getOps<mlir::func::FuncOp>().begin(); }

/// A kernel from the text of one function.
class LinalgKernel {
public:
  explicit LinalgKernel(const std::string &text) {
    mlir::MLIRContext signature(mlir::MLIRContext::Threading::DISABLED);
    auto module = parse(text, &signature);
    if (!module)
      abort();
    mlir::func::FuncOp function = onlyFunction(*module);
    kernels::Kernel kernel;
    kernel.name = "k";
    for (mlir::Type type : function.getArgumentTypes())
      kernel.slotIsIndex.push_back(type.isIndex());
    kernel.slotIsIndex.append(function.getNumResults(), false);
    // The harness owns the context that bodies are built in: the text is parsed again there.
    mlir::OwningOpRef<mlir::ModuleOp> inside;
    auto get = [&](mlir::MLIRContext *context) {
      if (!inside)
        inside = parse(text, context);
      return onlyFunction(*inside);
    };
    auto body = [&](kernels::Body &b) { return kernels::emitLinalgKernel(get(b.builder.getContext()), b); };
    auto work = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
      mlir::Value total = kernels::emitLinalgWork(get(b.getContext()), b, loc, slots);
      inside = nullptr; // before its context goes
      return total;
    };
    kernel.emitBody = body;
    kernel.emitWork = work;
    compiled = std::make_unique<CompiledKernel>(kernel);
  }

  size_t bodies() const { return compiled->names.size(); }
  const std::string &name(size_t i) const { return compiled->names[i]; }
  const CompiledKernel &kernel() const { return *compiled; }

  /// Runs every body; after each, `check` sees the outputs. `slots`: operands; outputs follow.
  template <typename... Outs>
  void run(const std::vector<int64_t> &operands, const std::function<void()> &check, Outs &...outs) const {
    for (size_t isa = 0; isa < bodies(); ++isa) {
      SCOPED_TRACE(name(isa));
      std::vector<int64_t> slots = operands;
      (slots.push_back(address(outs.data())), ...);
      std::vector<std::vector<char>> seen;
      for (int64_t pieces : {1, 3, 7, 64}) {
        (std::memset(outs.data(), 0xcd, outs.size() * sizeof(outs[0])), ...);
        compiled->run(isa, slots, pieces);
        std::vector<std::vector<char>> now;
        auto bytes = [&](auto &out) {
          const char *p = reinterpret_cast<const char *>(out.data());
          now.emplace_back(p, p + out.size() * sizeof(out[0]));
        };
        (bytes(outs), ...);
        if (seen.empty())
          seen = now;
        EXPECT_TRUE(seen == now) << pieces << " pieces give other bits";
      }
      check();
    }
  }

private:
  std::unique_ptr<CompiledKernel> compiled;
};

template <typename... T>
std::vector<int64_t> slotsOf(const T &...args) {
  auto one = [](const auto &a) -> int64_t {
    if constexpr (std::is_integral_v<std::decay_t<decltype(a)>>)
      return a;
    else
      return address(a.data());
  };
  return {one(args)...};
}

/// A number in [-1, 1) that depends on i.
inline float noise(size_t i, uint32_t seed = 0) {
  uint32_t x = static_cast<uint32_t>(i) * 2654435761u + seed * 40503u + 12345u;
  x ^= x >> 15, x *= 2246822519u, x ^= x >> 13;
  return static_cast<float>(x & 0xffffff) / 8388608.0f - 1.0f;
}

inline void expectNear(double got, double want, double relative, const char *what, int64_t i) {
  if (std::isnan(want) ? !std::isnan(got)
                       : !(got == want || std::fabs(got - want) <= relative * std::max(1.0, std::fabs(want))))
    ADD_FAILURE() << what << "[" << i << "] = " << got << ", expected " << want;
}

} // namespace hadron::test

#endif // HADRON_TEST_LINALGHARNESS_H
