#include "GraphImporter.h"

using namespace mlir;
using namespace hadron;
using namespace hadron_onnx;

Value GraphImporter::Scope::find(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->outer)
    if (auto it = scope->values.find(name); it != scope->values.end())
      return it->second;
  return {};
}

static std::string normalDomain(const std::string &domain) { return domain == "ai.onnx" ? "" : domain; }

std::string GraphImporter::describe(const Node &node) {
  std::string name = !node.name().empty() ? "'" + node.name() + "'"
                     : node.output_size() ? "with output '" + node.output(0) + "'"
                                          : "without name";
  return "node " + name + " (" + (normalDomain(node.domain()).empty() ? "" : node.domain() + ".") + node.op_type() +
         ")";
}

Location GraphImporter::getLocation(const Node &node, int index) {
  Location inFile = FileLineColLoc::get(context, file.getPath(), index + 1, 0);
  if (node.name().empty())
    return inFile;
  return FusedLoc::get(context, {NameLoc::get(builder.getStringAttr(node.name())), inFile});
}

LogicalResult GraphImporter::importInitializers(const Graph &graph, Scope &scope) {
  for (const TensorProto &tensor : graph.initializer()) {
    llvm::Expected<TensorData> data = tensors.read(tensor);
    if (!data)
      return fail("initializer '" + tensor.name() + "': " + llvm::toString(data.takeError()));
    Location loc = NameLoc::get(builder.getStringAttr(tensor.name()), fileLoc);
    scope.values[tensor.name()] = onnx::InitializerOp::create(builder, loc, data->type, tensor.name(), data->data);
  }
  return success();
}

LogicalResult GraphImporter::importNodes(const Graph &graph, Scope &scope) {
  for (const ValueInfoProto &value : graph.value_info())
    scope.declared[value.name()] = &value;
  for (const ValueInfoProto &value : graph.output())
    scope.declared[value.name()] = &value;
  FailureOr<SmallVector<int>> order = sortNodes(graph);
  if (failed(order))
    return failure();
  for (int index : *order)
    if (failed(importNode(graph.node(index), index, scope)))
      return failure();
  return success();
}

FailureOr<SmallVector<Value>> GraphImporter::importOutputs(const Graph &graph, Scope &scope) {
  SmallVector<Value> outputs;
  for (const ValueInfoProto &output : graph.output())
    outputs.push_back(scope.find(output.name())); // checkInputsBound has seen that there is one
  return outputs;
}

// torch's exporter: "['', 'model', 'model.layers.0.mlp.up_proj', 'linear_4']", the last being the operation itself.
static StringRef getScope(const NodeProto &node) {
  for (const StringStringEntryProto &entry : node.metadata_props()) {
    if (entry.key() != "pkg.torch.onnx.name_scopes")
      continue;
    SmallVector<StringRef> parts;
    StringRef(entry.value()).trim("[]").split(parts, ',');
    StringRef scope = parts.size() < 2 ? StringRef() : parts[parts.size() - 2].trim(" '\"");
    return scope.starts_with("_empty_nn_module") ? StringRef() : scope; // torch's word for "no module"
  }
  return {};
}

LogicalResult GraphImporter::importNode(const Node &node, int index, Scope &scope) {
  Location loc = getLocation(node, index);
  std::string domain = normalDomain(node.domain());
  if (node.op_type().empty())
    return failAt(loc, describe(node) + " has no operator");
  auto opset = opsets.find(domain);
  if (opset == opsets.end() && !node.hadron_opset())
    return failAt(loc, describe(node) + " uses the domain '" + node.domain() +
                           "', which the model does not import; its opset_import is incomplete");
  const OpVersion *version =
      findOpVersion(domain, node.op_type(), node.hadron_opset() ? node.hadron_opset() : opset->second);
  if (version && failed(checkAgainstVersion(node, *version, loc)))
    return failure();
  if (domain.empty() && node.op_type() == "Constant" && version)
    return importConstant(node, loc, scope);

  NamedAttrList attributes;
  SmallVector<StringRef> regionNames;
  SmallVector<const Graph *> graphs;
  llvm::StringSet<> seen;
  for (const Attribute &attribute : node.attribute()) {
    if (attribute.name().empty() || !seen.insert(attribute.name()).second)
      return failAt(loc, describe(node) + (attribute.name().empty()
                                               ? " has an attribute without name"
                                               : " has the attribute '" + attribute.name() + "' twice"));
    FailureOr<mlir::Attribute> value = importAttribute(attribute, node, loc);
    if (failed(value))
      return failure();
    if (*value)
      attributes.append(attribute.name(), *value);
    if (attribute.has_g()) {
      regionNames.push_back(attribute.name());
      graphs.push_back(&attribute.g());
    }
    for (const Graph &graph : attribute.graphs()) {
      regionNames.push_back(attribute.name());
      graphs.push_back(&graph);
    }
  }

  SmallVector<Value> inputs;
  for (const std::string &name : node.input()) {
    if (name.empty()) {
      if (!scope.none)
        scope.none = onnx::NoneOp::create(builder, fileLoc);
      inputs.push_back(scope.none);
      continue;
    }
    inputs.push_back(scope.find(name));
  }
  SmallVector<Type> types;
  SmallVector<StringRef> outputs;
  for (const std::string &name : node.output()) {
    outputs.push_back(name);
    if (name.empty()) {
      types.push_back(builder.getNoneType());
      continue;
    }
    std::optional<onnx::OnnxTensorType> declared;
    if (auto it = scope.declared.find(name); it != scope.declared.end())
      declared = importDeclaredType(*it->second);
    types.push_back(declared ? *declared : onnx::OnnxTensorType::get(context, builder.getNoneType()));
  }

  OperationState state(loc, onnx::NodeOp::getOperationName());
  state.addOperands(inputs);
  state.addTypes(types);
  state.addAttribute("op_type", builder.getStringAttr(node.op_type()));
  state.addAttribute("domain", builder.getStringAttr(domain));
  state.addAttribute("since_version", builder.getI64IntegerAttr(version ? version->since : 0));
  state.addAttribute("onnx_attributes", attributes.getDictionary(context));
  state.addAttribute("outputs", builder.getStrArrayAttr(outputs));
  if (StringRef path = getScope(node); !path.empty())
    state.addAttribute("scope", builder.getStringAttr(path));
  if (!regionNames.empty())
    state.addAttribute("region_names", builder.getStrArrayAttr(regionNames));
  for (size_t i = 0; i < graphs.size(); ++i)
    state.addRegion();
  Operation *op = builder.create(state);
  for (auto [graph, region] : llvm::zip(graphs, op->getRegions()))
    if (failed(importSubgraph(*graph, region, scope, loc)))
      return failure();
  for (auto [name, result] : llvm::zip(node.output(), op->getResults()))
    if (!name.empty())
      scope.values[name] = result;
  return success();
}

LogicalResult GraphImporter::importSubgraph(const Graph &graph, Region &region, Scope &outer, Location loc) {
  if (graph.sparse_initializer_size())
    return failAt(loc, "a subgraph has sparse initializers, which are not supported; save it with dense ones");
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&region);
  Scope scope;
  scope.outer = &outer;
  llvm::StringSet<> initialized;
  for (const TensorProto &tensor : graph.initializer())
    initialized.insert(tensor.name());
  for (const ValueInfoProto &input : graph.input()) {
    if (initialized.contains(input.name()))
      continue;
    std::optional<onnx::OnnxTensorType> declared = importDeclaredType(input);
    Type type = declared ? *declared : onnx::OnnxTensorType::get(context, builder.getNoneType());
    scope.values[input.name()] = block->addArgument(type, NameLoc::get(builder.getStringAttr(input.name()), fileLoc));
  }
  if (failed(importInitializers(graph, scope)) || failed(importNodes(graph, scope)))
    return failure();
  FailureOr<SmallVector<Value>> outputs = importOutputs(graph, scope);
  if (failed(outputs))
    return failure();
  onnx::ReturnOp::create(builder, loc, *outputs);
  return success();
}

// A Constant node is an initializer that stands among the nodes.
LogicalResult GraphImporter::importConstant(const Node &node, Location loc, Scope &scope) {
  if (node.attribute_size() != 1 || node.output_size() != 1)
    return failAt(loc, describe(node) + " must have one attribute and one output, it has " +
                           llvm::Twine(node.attribute_size()) + " and " + llvm::Twine(node.output_size()));
  const Attribute &attribute = node.attribute(0);
  TensorData data;
  auto setDense = [&](auto values, Type elementType, bool isScalar) {
    SmallVector<int64_t> shape;
    if (!isScalar)
      shape.push_back(values.size());
    SmallVector<SymbolicSize> dims(shape.begin(), shape.end());
    data.type = onnx::OnnxTensorType::get(context, dims, elementType);
    data.data = DenseElementsAttr::get(RankedTensorType::get(shape, elementType), values);
  };
  StringRef name = attribute.name();
  if (name == "value") {
    llvm::Expected<TensorData> read = tensors.read(attribute.t());
    if (!read)
      return failAt(loc, describe(node) + ": its value: " + llvm::toString(read.takeError()));
    data = *read;
  } else if (name == "value_float") {
    setDense(ArrayRef<float>(attribute.f()), builder.getF32Type(), true);
  } else if (name == "value_floats") {
    setDense(ArrayRef<float>(attribute.floats().data(), attribute.floats_size()), builder.getF32Type(), false);
  } else if (name == "value_int") {
    setDense(ArrayRef<int64_t>(attribute.i()), builder.getI64Type(), true);
  } else if (name == "value_ints") {
    setDense(ArrayRef<int64_t>(attribute.ints().data(), attribute.ints_size()), builder.getI64Type(), false);
  } else if (name == "value_string" || name == "value_strings") {
    SmallVector<StringRef> strings(attribute.strings().begin(), attribute.strings().end());
    SmallVector<int64_t> shape;
    if (name == "value_string")
      strings = {attribute.s()};
    else
      shape.push_back(strings.size());
    SmallVector<SymbolicSize> dims(shape.begin(), shape.end());
    Type elementType = onnx::StringType::get(context);
    data.type = onnx::OnnxTensorType::get(context, dims, elementType);
    data.data = DenseStringElementsAttr::get(RankedTensorType::get(shape, elementType), strings);
  } else {
    return failAt(loc, describe(node) + " has a sparse value, which is not supported; save it as a dense one");
  }
  if (!node.output(0).empty())
    scope.values[node.output(0)] = onnx::InitializerOp::create(builder, loc, data.type, node.output(0), data.data);
  return success();
}
