// Who computes what: duplicate names, names that nothing computes, the order of the nodes.
#include "GraphImporter.h"

#include <queue>

using namespace mlir;
using namespace hadron;
using namespace hadron_onnx;

// A graph's own names: inputs, initializers, results of nodes.
template <typename Visit>
static void forEachDefinition(const GraphProto &graph, Visit visit) {
  llvm::StringSet<> inputs;
  for (const ValueInfoProto &input : graph.input())
    visit(input.name(), "an input"), inputs.insert(input.name());
  for (const TensorProto &tensor : graph.initializer())
    if (!inputs.contains(tensor.name())) // an input with a default is listed as both
      visit(tensor.name(), "an initializer");
  for (const NodeProto &node : graph.node())
    for (const std::string &output : node.output())
      if (!output.empty())
        visit(output, "the result of a node");
}

template <typename Visit>
static void forEachSubgraph(const NodeProto &node, Visit visit) {
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      visit(attribute.g());
    for (const GraphProto &graph : attribute.graphs())
      visit(graph);
  }
}

LogicalResult GraphImporter::checkNames(const Graph &graph) {
  llvm::StringMap<const char *> seen;
  LogicalResult result = success();
  auto visit = [&](const std::string &name, const char *what) {
    if (name.empty() && succeeded(result))
      result = fail(llvm::Twine(what) + " has an empty name, which stands for an omitted value");
    auto [entry, isNew] = seen.try_emplace(name, what);
    if (!isNew && succeeded(result))
      result = fail("the name '" + name + "' is given twice: to " + entry->second + " and to " + what);
  };
  forEachDefinition(graph, visit);
  llvm::StringSet<> initializers;
  for (const TensorProto &tensor : graph.initializer())
    if (!initializers.insert(tensor.name()).second && succeeded(result))
      result = fail("the name '" + tensor.name() + "' is given twice: to an initializer and to an initializer");
  for (const NodeProto &node : graph.node())
    forEachSubgraph(node, [&](const GraphProto &inner) {
      if (succeeded(result))
        result = checkNames(inner);
    });
  return result;
}

//===------------------------------------------------------------------------------------------------------------===//
// Names that nothing computes
//===------------------------------------------------------------------------------------------------------------===//

void GraphImporter::findUnbound(const Graph &graph, const llvm::StringSet<> &outer,
                                llvm::MapVector<const Node *, SmallVector<StringRef>> &unbound) {
  llvm::StringSet<> defined;
  forEachDefinition(graph, [&](const std::string &name, const char *) { defined.insert(name); });
  for (const auto &name : outer)
    defined.insert(name.getKey());
  for (const Node &node : graph.node()) {
    for (const std::string &input : node.input())
      if (!input.empty() && !defined.contains(input) && !llvm::is_contained(unbound[&node], input))
        unbound[&node].push_back(input);
    forEachSubgraph(node, [&](const Graph &inner) { findUnbound(inner, defined, unbound); });
  }
  for (const ValueInfoProto &output : graph.output())
    if (!defined.contains(output.name()))
      unbound[nullptr].push_back(output.name());
}

LogicalResult GraphImporter::checkInputsBound(const Graph &graph) {
  llvm::MapVector<const Node *, SmallVector<StringRef>> unbound;
  findUnbound(graph, {}, unbound);
  unbound.remove_if([](const auto &entry) { return entry.second.empty(); });
  if (unbound.empty())
    return success();

  // Exporters misspell names; the one that they meant is there.
  constexpr int maxCandidates = 10000;
  auto suggest = [&](StringRef name) -> std::string {
    StringRef best;
    unsigned bestDistance = name.size() / 4 + 1;
    if (graph.initializer_size() <= maxCandidates)
      for (const TensorProto &tensor : graph.initializer())
        if (unsigned distance = name.edit_distance(tensor.name(), true, bestDistance); distance < bestDistance)
          best = tensor.name(), bestDistance = distance;
    return best.empty() ? "" : " (there is '" + best.str() + "')";
  };
  constexpr size_t maxReports = 20;
  size_t reports = 0;
  for (const auto &[node, names] : unbound) {
    if (reports++ == maxReports) {
      (void)fail("and " + llvm::Twine(uint64_t(unbound.size() - maxReports)) + " more nodes with such inputs");
      break;
    }
    std::string list;
    for (StringRef name : names)
      list += (list.empty() ? "'" : ", '") + name.str() + "'" + (names.size() <= 8 ? suggest(name) : "");
    if (!node) {
      (void)fail("nothing computes the graph's output " + list + "; the model is incomplete, export it again");
      continue;
    }
    int index = 0; // of a node in a subgraph: unknown, 0
    while (index < graph.node_size() && &graph.node(index) != node)
      ++index;
    (void)failAt(getLocation(*node, index < graph.node_size() ? index : -1),
                 describe(*node) + " reads " + list +
                     ", which nothing gives (no input, initializer or node); the model is incomplete, export it again");
  }
  return failure();
}

//===------------------------------------------------------------------------------------------------------------===//
// Order
//===------------------------------------------------------------------------------------------------------------===//

// Names that a node reads, also from inside its subgraphs.
static void collectReads(const NodeProto &node, SmallVectorImpl<StringRef> &reads) {
  for (const std::string &input : node.input())
    if (!input.empty())
      reads.push_back(input);
  forEachSubgraph(node, [&](const GraphProto &graph) {
    for (const NodeProto &inner : graph.node())
      collectReads(inner, reads);
    for (const ValueInfoProto &output : graph.output())
      reads.push_back(output.name());
  });
}

// ONNX wants nodes sorted, some writers do not. The order is the file's wherever that is possible: of the nodes that
// are ready, the first one comes next.
FailureOr<SmallVector<int>> GraphImporter::sortNodes(const Graph &graph) {
  llvm::StringMap<int> producer;
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string &output : graph.node(i).output())
      if (!output.empty())
        producer[output] = i;
  std::vector<SmallVector<int>> users(graph.node_size());
  std::vector<int> waiting(graph.node_size());
  for (int i = 0; i < graph.node_size(); ++i) {
    SmallVector<StringRef> reads;
    collectReads(graph.node(i), reads);
    for (StringRef name : reads)
      if (auto it = producer.find(name); it != producer.end()) {
        users[it->second].push_back(i);
        ++waiting[i];
      }
  }
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < graph.node_size(); ++i)
    if (!waiting[i])
      ready.push(i);
  SmallVector<int> order;
  while (!ready.empty()) {
    int node = ready.top();
    ready.pop();
    order.push_back(node);
    for (int user : users[node])
      if (--waiting[user] == 0)
        ready.push(user);
  }
  if (static_cast<int>(order.size()) == graph.node_size())
    return order;

  // Every node left over waits for one that is left over; going back along these ends in a cycle.
  int node = 0;
  while (!waiting[node])
    ++node;
  SmallVector<int> path;
  auto previous = [&](int of) {
    SmallVector<StringRef> reads;
    collectReads(graph.node(of), reads);
    for (StringRef name : reads)
      if (auto it = producer.find(name); it != producer.end() && waiting[it->second])
        return it->second;
    return of;
  };
  while (!llvm::is_contained(path, node)) {
    path.push_back(node);
    node = previous(node);
  }
  std::string cycle;
  size_t length = path.end() - llvm::find(path, node);
  for (size_t i = path.size() - length; i < path.size() && i < path.size() - length + 6; ++i)
    cycle += describe(graph.node(path[i])) + " reads a result of ";
  return fail("its nodes form a cycle: " + cycle + (length > 6 ? "… of " : "") + describe(graph.node(node)));
}
