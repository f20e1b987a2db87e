#ifndef HADRON_ONNX_DIALECT_TD
#define HADRON_ONNX_DIALECT_TD

include "mlir/IR/OpBase.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::hadron::onnx";
  let summary = "An ONNX graph as its file says it, one generic operation per node";
  let description = [{
    What `import` gives and `raise` takes. The dialect is no mirror of ONNX's operators: `onnx.node` carries domain,
    operator name, since-version and attributes, and every consumer keys on the first three. What is added to the file's
    contents is what the importer inferred: a type with symbolic sizes for every value, and the elements of small integer
    tensors that compute shapes.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
}

#endif // HADRON_ONNX_DIALECT_TD
