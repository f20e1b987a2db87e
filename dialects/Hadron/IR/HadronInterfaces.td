// Attribute interfaces: the two extension points of the language.
#ifndef HADRON_INTERFACES_TD
#define HADRON_INTERFACES_TD

include "mlir/IR/OpBase.td"

def OrthogonalTransform : AttrInterface<"OrthogonalTransform"> {
  let cppNamespace = "::hadron";
  let description = [{
    An orthonormal map on contiguous blocks of the last axis. `apply` works on one block of `getBlock()` values, in place, in f64.
  }];
  let methods = [
    InterfaceMethod<"Size of the blocks that it acts on.", "int64_t", "getBlock", (ins)>,
    InterfaceMethod<"y = T x, or y = T^T x when `inverse`, on one block.", "void", "apply", (ins "::llvm::MutableArrayRef<double>":$block, "bool":$inverse)>,
    InterfaceMethod<"Whether T T = I.", "bool", "isInvolution", (ins)>,
    InterfaceMethod<"Additions for each element, of the fast algorithm.", "double", "getAddsPerElement", (ins)>,
  ];
}

def PackedFormat : AttrInterface<"PackedFormat"> {
  let cppNamespace = "::hadron";
  let description = [{
    A storage format of weight matrices. A new format is one attribute class with this interface, and a lane-level unpack emitter in `lib/Kernels`;
    the quantizer, the kernels, the table of formats and the tests pick it up from there.

    A row is the K inputs of one output.
  }];
  let methods = [
    InterfaceMethod<"Name as in `--weights`, such as `int4:g32:sym`.", "std::string", "getFormatName", (ins)>,
    InterfaceMethod<"Why K inputs cannot be stored in this format; empty when they can.", "std::string", "whyNot", (ins "int64_t":$inputs)>,
    InterfaceMethod<"Bytes of an N x K matrix in the execution layout.", "int64_t", "getBytes", (ins "int64_t":$inputs, "int64_t":$outputs)>,
    InterfaceMethod<"Bits for each weight of rows of K inputs, scales included.", "double", "getBitsPerWeight", (ins "int64_t":$inputs)>,
    InterfaceMethod<"Bytes of one tile of 16 outputs in the execution layout.", "int64_t", "getTileBytes", (ins "int64_t":$inputs)>,
  ];
}

#endif // HADRON_INTERFACES_TD
