#include "hadron/Import/ONNX.h"

#include "Functions.h"
#include "GraphImporter.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace hadron;
using namespace hadron_onnx;

// Field 1 (ir_version, a varint) comes first in what every known writer makes; a model can start with any field of
// ModelProto, so the last resort is the file's name, which is the caller's business.
bool hadron::looksLikeONNX(StringRef firstBytes) {
  if (firstBytes.size() < 4 || firstBytes[0] != 0x08)
    return false;
  unsigned char irVersion = firstBytes[1], nextTag = firstBytes[2];
  return irVersion >= 1 && irVersion < 64 && (nextTag & 7) != 7 && nextTag >> 3 != 0;
}

OwningOpRef<ModuleOp> hadron::importONNX(MLIRContext *context, StringRef path, const ImportOptions &options) {
  context->loadDialect<onnx::ONNXDialect>();
  auto loc = FileLineColLoc::get(context, path, 0, 0);
  llvm::Expected<std::unique_ptr<ModelFile>> file = ModelFile::open(path, options.refuseHardLinks);
  if (!file) {
    emitError(loc) << "'" << path << "' cannot be read: " << llvm::toString(file.takeError());
    return {};
  }
  if (llvm::Error error = inlineFunctions((*file)->getModel())) {
    emitError(loc) << "'" << path << "': " << llvm::toString(std::move(error));
    return {};
  }
  OwningOpRef<ModuleOp> module = GraphImporter(context, **file, options).import();
  if (!module)
    return {};
  for (auto graph : module->getOps<onnx::GraphOp>())
    if (options.inferShapes && failed(onnx::inferShapes(graph)))
      return {};
  if (failed(mlir::verify(*module)))
    return {};
  return module;
}

LogicalResult GraphImporter::fail(const llvm::Twine &text) { return failAt(fileLoc, text); }

LogicalResult GraphImporter::failAt(Location loc, const llvm::Twine &text) {
  return emitError(loc) << "'" << file.getPath() << "': " << text;
}

void GraphImporter::warn(const llvm::Twine &text) { emitWarning(fileLoc) << "'" << file.getPath() << "': " << text; }

GraphImporter::GraphImporter(MLIRContext *context, ModelFile &file, const ImportOptions &options)
    : context(context), file(file), options(options), builder(context), tensors(context, file, options.requireWeights),
      fileLoc(FileLineColLoc::get(context, file.getPath(), 0, 0)) {}

//===------------------------------------------------------------------------------------------------------------===//
// The model around the graph
//===------------------------------------------------------------------------------------------------------------===//

static constexpr int64_t minIR = 3, maxIR = 13, minOpset = 7, maxOpset = 27;

FailureOr<DictionaryAttr> GraphImporter::importOpsets() {
  NamedAttrList list;
  for (const OperatorSetIdProto &opset : file.getModel().opset_import()) {
    std::string domain = opset.domain() == "ai.onnx" ? "" : opset.domain();
    if (!opsets.try_emplace(domain, opset.version()).second)
      return fail("domain '" + opset.domain() + "' is imported twice; a model imports one version of a domain");
    list.append(domain.empty() ? "ai.onnx" : domain, builder.getI64IntegerAttr(opset.version()));
  }
  if (opsets.empty())
    return fail("it imports no operator set (opset_import is empty); export it again with a newer exporter");
  if (auto it = opsets.find(""); it != opsets.end()) {
    if (it->second < minOpset)
      return fail("it uses opset " + llvm::Twine(it->second) + ", the oldest supported one is " +
                  llvm::Twine(minOpset) + "; convert it with onnx.version_converter");
    if (it->second > maxOpset)
      warn("opset " + llvm::Twine(it->second) + " is newer than " + llvm::Twine(maxOpset) +
           "; each operator is read as its newest version up to that");
  }
  return list.getDictionary(context);
}

LogicalResult GraphImporter::checkModel() {
  const ModelProto &model = file.getModel();
  if (!model.has_graph())
    return fail("it has no graph");
  if (model.ir_version() < minIR)
    return fail("it has IR version " + llvm::Twine(model.ir_version()) + ", the oldest supported one is " +
                llvm::Twine(minIR) + "; export it again with a newer exporter");
  if (model.ir_version() > maxIR)
    warn("IR version " + llvm::Twine(model.ir_version()) + " is newer than " + llvm::Twine(maxIR) +
         ", the newest one that is known");
  if (model.training_info_size())
    warn("its training information is ignored");
  if (model.graph().quantization_annotation_size())
    warn("its quantization annotations are ignored");
  if (model.graph().sparse_initializer_size())
    return fail("it has sparse initializers, which are not supported; save it with dense ones");
  return success();
}

OwningOpRef<ModuleOp> GraphImporter::import() {
  if (failed(checkModel()))
    return {};
  FailureOr<DictionaryAttr> opsetAttr = importOpsets();
  if (failed(opsetAttr))
    return {};
  const ModelProto &model = file.getModel();
  const Graph &graph = model.graph();
  if (failed(checkNames(graph)) || failed(checkInputsBound(graph)))
    return {};

  OwningOpRef<ModuleOp> module = ModuleOp::create(fileLoc);
  builder.setInsertionPointToStart(module->getBody());
  OperationState state(fileLoc, onnx::GraphOp::getOperationName());
  Block *body = new Block;
  state.addRegion()->push_back(body);

  llvm::StringSet<> initialized;
  for (const TensorProto &tensor : graph.initializer())
    initialized.insert(tensor.name());
  Scope scope;
  SmallVector<StringRef> inputNames, outputNames;
  for (const ValueInfoProto &input : graph.input()) {
    if (initialized.contains(input.name()))
      continue; // a default that the caller could override in IR 4 and later; Hadron takes it as a constant
    FailureOr<onnx::OnnxTensorType> type = importInputType(input);
    if (failed(type))
      return {};
    scope.values[input.name()] = body->addArgument(*type, NameLoc::get(builder.getStringAttr(input.name()), fileLoc));
    inputNames.push_back(input.name());
  }
  for (const ValueInfoProto &output : graph.output())
    outputNames.push_back(output.name());
  SmallVector<StringRef> symbols(dimensions.getSymbols().begin(), dimensions.getSymbols().end());

  // Properties of the operation: through its attribute names, as in the generic form.
  state.addAttribute("sym_name", builder.getStringAttr("main"));
  state.addAttribute("input_names", builder.getStrArrayAttr(inputNames));
  state.addAttribute("output_names", builder.getStrArrayAttr(outputNames));
  state.addAttribute("source", builder.getStringAttr(file.getPath()));
  if (!model.producer_name().empty())
    state.addAttribute("producer", builder.getStringAttr(model.producer_name()));
  state.addAttribute("ir_version", builder.getI64IntegerAttr(model.ir_version()));
  state.addAttribute("opsets", *opsetAttr);
  state.addAttribute("symbols", builder.getStrArrayAttr(symbols));
  builder.create(state);

  builder.setInsertionPointToStart(body);
  if (failed(importInitializers(graph, scope)) || failed(importNodes(graph, scope)))
    return {};
  FailureOr<SmallVector<Value>> outputs = importOutputs(graph, scope);
  if (failed(outputs))
    return {};
  onnx::ReturnOp::create(builder, fileLoc, *outputs);
  for (Operation &op : llvm::make_early_inc_range(*body))
    if (isa<onnx::InitializerOp, onnx::NoneOp>(op) && op.use_empty())
      op.erase();
  return module;
}

//===------------------------------------------------------------------------------------------------------------===//
// Types of inputs
//===------------------------------------------------------------------------------------------------------------===//

SymbolicSize DimensionNames::add(const SymbolicSize &size) {
  for (const std::string &symbol : size.getSymbols())
    if (used.insert(symbol).second)
      symbols.push_back(symbol);
  return size;
}

SymbolicSize DimensionNames::get(StringRef dimParam) {
  if (auto it = byText.find(dimParam); it != byText.end())
    return it->second;
  std::optional<SymbolicSize> size = SymbolicSize::parse(dimParam);
  std::optional<int64_t> number = size ? size->getConstant() : std::nullopt;
  SymbolicSize result = size && !(number && *number < 0) ? add(*size) : makeFresh(dimParam);
  byText[dimParam] = result;
  return result;
}

SymbolicSize DimensionNames::makeFresh(StringRef name) {
  std::string symbol;
  for (char c : name)
    symbol += llvm::isAlnum(c) || c == '_' || c == '.' ? c : '_';
  if (!SymbolicSize::isSymbolName(symbol))
    symbol.insert(0, "_");
  std::string unique = symbol;
  for (int i = 1; used.contains(unique); ++i)
    unique = symbol + "_" + std::to_string(i);
  return add(SymbolicSize::symbol(unique));
}

bool DimensionNames::isKnown(const SymbolicSize &size) const {
  return llvm::all_of(size.getSymbols(), [&](const std::string &symbol) { return used.contains(symbol); });
}

FailureOr<onnx::OnnxTensorType> GraphImporter::importInputType(const ValueInfoProto &input) {
  if (!input.type().has_tensor_type())
    return fail("input '" + input.name() +
                "' is no tensor (a sequence, map, optional or sparse tensor, or of no type); " +
                "only tensors are supported");
  const TypeProto::Tensor &tensor = input.type().tensor_type();
  Type elementType = getElementType(context, tensor.elem_type());
  if (!elementType)
    return fail("input '" + input.name() + "' has the element type number " + llvm::Twine(tensor.elem_type()) +
                ", which no version of ONNX that is known defines");
  if (!tensor.has_shape())
    return onnx::OnnxTensorType::get(context, elementType);
  SmallVector<SymbolicSize> dims;
  for (auto [i, dim] : llvm::enumerate(tensor.shape().dim())) {
    if (dim.has_dim_value()) {
      if (dim.dim_value() < 0)
        return fail("input '" + input.name() + "' has the dimension " + llvm::Twine(dim.dim_value()));
      dims.push_back(dim.dim_value());
    } else if (!dim.dim_param().empty()) {
      dims.push_back(dimensions.get(dim.dim_param()));
    } else {
      dims.push_back(dimensions.makeFresh(input.name() + "_d" + std::to_string(i)));
    }
  }
  return onnx::OnnxTensorType::get(context, dims, elementType);
}

// What a file says of an inner value is used only where inference finds nothing (exporters write wrong shapes there),
// and only when it brings no symbols of its own.
std::optional<onnx::OnnxTensorType> GraphImporter::importDeclaredType(const ValueInfoProto &value) {
  if (!value.type().has_tensor_type())
    return std::nullopt;
  const TypeProto::Tensor &tensor = value.type().tensor_type();
  Type elementType = getElementType(context, tensor.elem_type());
  if (!elementType)
    return std::nullopt;
  if (!tensor.has_shape())
    return onnx::OnnxTensorType::get(context, elementType);
  SmallVector<SymbolicSize> dims;
  for (const TensorShapeProto::Dimension &dim : tensor.shape().dim()) {
    std::optional<SymbolicSize> size;
    if (dim.has_dim_value())
      size = SymbolicSize(dim.dim_value());
    else if (!dim.dim_param().empty())
      size = SymbolicSize::parse(dim.dim_param());
    if (!size || (size->getConstant() && *size->getConstant() < 0) || !dimensions.isKnown(*size))
      return onnx::OnnxTensorType::get(context, elementType);
    dims.push_back(*size);
  }
  return onnx::OnnxTensorType::get(context, dims, elementType);
}
