#include "Functions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"

#include <map>
#include <tuple>
#include <vector>

using namespace hadron;
using namespace hadron_onnx;

// What ONNX's own checker allows.
static constexpr int maxFunctions = 10000;
static constexpr size_t maxCallDepth = 100;
static constexpr size_t maxNodes = 1000000;

static llvm::Error makeError(const llvm::Twine &text) {
  return llvm::make_error<llvm::StringError>(text, llvm::inconvertibleErrorCode());
}

namespace {

using Key = std::tuple<std::string, std::string, std::string>; // domain, name, overload

std::string normalDomain(const std::string &domain) { return domain == "ai.onnx" ? "" : domain; }

class Inliner {
public:
  llvm::Error run(ModelProto &model);

private:
  using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;
  using Renames = llvm::StringMap<std::string>;

  const FunctionProto *find(const NodeProto &node) const {
    auto it = functions.find({normalDomain(node.domain()), node.op_type(), node.overload()});
    return it == functions.end() ? nullptr : it->second;
  }
  llvm::Error checkCalls(const FunctionProto *function);
  llvm::Error checkCalls(const Nodes &nodes);
  llvm::Error expand(Nodes &nodes);
  llvm::Error expandInGraphs(NodeProto &node);
  llvm::Error instantiate(const FunctionProto &function, const NodeProto &call, Nodes &out);
  void rename(NodeProto &node, Renames &names, const std::string &prefix);
  void rename(GraphProto &graph, Renames &names, const std::string &prefix);
  llvm::Error bindAttributes(NodeProto &node, const llvm::StringMap<AttributeProto> &values,
                             const FunctionProto &function);

  std::map<Key, const FunctionProto *> functions;
  std::vector<const FunctionProto *> stack; // of calls, while checking
  std::map<const FunctionProto *, bool> checked;
  size_t instances = 0, count = 0;
};

std::string describe(const FunctionProto &function) {
  return "'" + (function.domain().empty() ? "" : function.domain() + ".") + function.name() + "'";
}

llvm::Error Inliner::checkCalls(const Nodes &nodes) {
  for (const NodeProto &node : nodes) {
    if (const FunctionProto *callee = find(node))
      if (llvm::Error error = checkCalls(callee))
        return error;
    for (const AttributeProto &attribute : node.attribute()) {
      if (llvm::Error error = checkCalls(attribute.g().node()))
        return error;
      for (const GraphProto &graph : attribute.graphs())
        if (llvm::Error error = checkCalls(graph.node()))
          return error;
    }
  }
  return llvm::Error::success();
}

// Depth first over the calls; a function met again on the way down calls itself.
llvm::Error Inliner::checkCalls(const FunctionProto *function) {
  if (llvm::is_contained(stack, function)) {
    std::string chain;
    for (auto it = llvm::find(stack, function); it != stack.end(); ++it)
      chain += describe(**it) + " calls ";
    return makeError("local functions must not call themselves, but " + chain + describe(*function));
  }
  if (checked[function])
    return llvm::Error::success();
  if (stack.size() >= maxCallDepth)
    return makeError("calls of local functions nest more than " + llvm::Twine(uint64_t(maxCallDepth)) + " deep, at " +
                     describe(*function));
  stack.push_back(function);
  if (llvm::Error error = checkCalls(function->node()))
    return error;
  stack.pop_back();
  checked[function] = true;
  return llvm::Error::success();
}

llvm::Error Inliner::run(ModelProto &model) {
  if (model.functions_size() > maxFunctions)
    return makeError("it has " + llvm::Twine(model.functions_size()) + " local functions, more than the " +
                     llvm::Twine(maxFunctions) + " that ONNX allows");
  for (const FunctionProto &function : model.functions()) {
    if (function.name().empty())
      return makeError("a local function of domain '" + function.domain() + "' has no name");
    if (!functions.try_emplace({normalDomain(function.domain()), function.name(), function.overload()}, &function)
             .second)
      return makeError("the local function " + describe(function) + " is defined twice");
  }
  for (const FunctionProto &function : model.functions())
    if (llvm::Error error = checkCalls(&function))
      return error;
  return expand(*model.mutable_graph()->mutable_node());
}

llvm::Error Inliner::expand(Nodes &nodes) {
  Nodes result;
  for (NodeProto &node : nodes) {
    if (++count > maxNodes)
      return makeError("with its local functions expanded it has more than " + llvm::Twine(uint64_t(maxNodes)) +
                       " nodes");
    if (llvm::Error error = expandInGraphs(node))
      return error;
    if (const FunctionProto *function = find(node)) {
      Nodes body;
      if (llvm::Error error = instantiate(*function, node, body))
        return error;
      if (llvm::Error error = expand(body))
        return error;
      for (NodeProto &inner : body)
        result.Add(std::move(inner));
    } else {
      result.Add(std::move(node));
    }
  }
  nodes.Swap(&result);
  return llvm::Error::success();
}

llvm::Error Inliner::expandInGraphs(NodeProto &node) {
  for (AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_g())
      if (llvm::Error error = expand(*attribute.mutable_g()->mutable_node()))
        return error;
    for (GraphProto &graph : *attribute.mutable_graphs())
      if (llvm::Error error = expand(*graph.mutable_node()))
        return error;
  }
  return llvm::Error::success();
}

// A name of the body means: what the call passes for a formal input or output, or a value of this instance.
void Inliner::rename(NodeProto &node, Renames &names, const std::string &prefix) {
  auto apply = [&](std::string &name) {
    if (name.empty())
      return;
    auto [entry, isNew] = names.try_emplace(name, prefix + name);
    name = entry->second;
  };
  for (std::string &name : *node.mutable_input())
    apply(name);
  for (std::string &name : *node.mutable_output())
    apply(name);
  for (AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_g())
      rename(*attribute.mutable_g(), names, prefix);
    for (GraphProto &graph : *attribute.mutable_graphs())
      rename(graph, names, prefix);
  }
}

void Inliner::rename(GraphProto &graph, Renames &names, const std::string &prefix) {
  auto apply = [&](const std::string &name) {
    return name.empty() ? name : names.try_emplace(name, prefix + name).first->second;
  };
  for (ValueInfoProto &value : *graph.mutable_input())
    value.set_name(apply(value.name()));
  for (ValueInfoProto &value : *graph.mutable_output())
    value.set_name(apply(value.name()));
  for (TensorProto &tensor : *graph.mutable_initializer())
    tensor.set_name(apply(tensor.name()));
  graph.clear_value_info();
  for (NodeProto &node : *graph.mutable_node())
    rename(node, names, prefix);
}

llvm::Error Inliner::bindAttributes(NodeProto &node, const llvm::StringMap<AttributeProto> &values,
                                    const FunctionProto &function) {
  google::protobuf::RepeatedPtrField<AttributeProto> bound;
  for (AttributeProto &attribute : *node.mutable_attribute()) {
    if (!attribute.ref_attr_name().empty()) {
      auto it = values.find(attribute.ref_attr_name());
      if (it == values.end()) {
        if (!llvm::is_contained(function.attribute(), attribute.ref_attr_name()))
          return makeError("the local function " + describe(function) + " refers to its attribute '" +
                           attribute.ref_attr_name() + "', which it does not have");
        continue; // optional, and the call does not give it
      }
      AttributeProto value = it->second;
      value.set_name(attribute.name());
      bound.Add(std::move(value));
      continue;
    }
    if (attribute.has_g())
      for (NodeProto &inner : *attribute.mutable_g()->mutable_node())
        if (llvm::Error error = bindAttributes(inner, values, function))
          return error;
    for (GraphProto &graph : *attribute.mutable_graphs())
      for (NodeProto &inner : *graph.mutable_node())
        if (llvm::Error error = bindAttributes(inner, values, function))
          return error;
    bound.Add(std::move(attribute));
  }
  node.mutable_attribute()->Swap(&bound);
  return llvm::Error::success();
}

llvm::Error Inliner::instantiate(const FunctionProto &function, const NodeProto &call, Nodes &out) {
  if (call.input_size() > function.input_size() || call.output_size() > function.output_size())
    return makeError("node '" + call.name() + "' calls the local function " + describe(function) + " with " +
                     llvm::Twine(call.input_size()) + " inputs and " + llvm::Twine(call.output_size()) +
                     " outputs; it has " + llvm::Twine(function.input_size()) + " and " +
                     llvm::Twine(function.output_size()));
  // Names of values are free text; the prefix holds a character that no exporter writes, and a number.
  std::string prefix = (call.name().empty() ? function.name() : call.name()) + "/#" + std::to_string(instances++) + "/";
  Renames names;
  llvm::StringMap<AttributeProto> values;
  for (const AttributeProto &attribute : function.attribute_proto())
    values[attribute.name()] = attribute;
  for (const AttributeProto &attribute : call.attribute())
    values[attribute.name()] = attribute;
  for (int i = 0; i < function.input_size(); ++i)
    names[function.input(i)] = i < call.input_size() ? call.input(i) : "";
  // A result that is one of the formal inputs has two names outside: copy it.
  std::vector<std::pair<std::string, std::string>> copies;
  for (int i = 0; i < call.output_size(); ++i) {
    if (call.output(i).empty())
      continue;
    if (!names.try_emplace(function.output(i), call.output(i)).second)
      copies.emplace_back(names[function.output(i)], call.output(i));
  }
  for (const NodeProto &inner : function.node()) {
    if (++count > maxNodes)
      return makeError("with its local functions expanded it has more than " + llvm::Twine(uint64_t(maxNodes)) +
                       " nodes");
    NodeProto &node = *out.Add();
    node = inner;
    if (llvm::Error error = bindAttributes(node, values, function))
      return error;
    rename(node, names, prefix);
    node.set_name(prefix + inner.name());
    for (const OperatorSetIdProto &opset : function.opset_import())
      if (normalDomain(opset.domain()) == normalDomain(node.domain()))
        node.set_hadron_opset(opset.version());
  }
  for (auto &[from, to] : copies) {
    NodeProto &node = *out.Add();
    node.set_op_type("Identity");
    node.set_name(prefix + "Identity");
    node.add_input(from);
    node.add_output(to);
  }
  return llvm::Error::success();
}

} // namespace

llvm::Error hadron::inlineFunctions(ModelProto &model) {
  if (!model.functions_size())
    return llvm::Error::success();
  return Inliner().run(model);
}
