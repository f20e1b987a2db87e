#include "Infer.h"

#include "hadron/Import/ONNX.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

LogicalResult hadron::onnx::inferShapes(GraphOp graph) { return Inference(graph).run(); }

//===------------------------------------------------------------------------------------------------------------===//
// Rules by (domain, operator)
//===------------------------------------------------------------------------------------------------------------===//

static Rule findRule(StringRef domain, StringRef opType) {
  static const llvm::StringMap<Rule> *rules = [] {
    auto *map = new llvm::StringMap<Rule>;
    for (ArrayRef<RuleRow> rows : {getElementwiseRules(), getShapeRules(), getIndexingRules(), getReductionRules(),
                                   getMatmulRules(), getAttentionRules(), getControlFlowRules()})
      for (const RuleRow &row : rows)
        (*map)[(row.domain + ":" + row.opType).str()] = row.rule;
    return map;
  }();
  return rules->lookup((domain + ":" + opType).str());
}

//===------------------------------------------------------------------------------------------------------------===//
// Sizes
//===------------------------------------------------------------------------------------------------------------===//

SymbolicSize hadron::onnx::product(ArrayRef<SymbolicSize> dims) {
  SymbolicSize result(1);
  for (const SymbolicSize &dim : dims)
    result *= dim;
  return result;
}

std::optional<SmallVector<int64_t>> hadron::onnx::toNumbers(ArrayRef<SymbolicSize> dims) {
  SmallVector<int64_t> numbers;
  for (const SymbolicSize &dim : dims) {
    std::optional<int64_t> number = dim.getConstant();
    if (!number)
      return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<bool> hadron::onnx::isLess(const SymbolicSize &a, const SymbolicSize &b) {
  if ((a + 1).isCoefficientwiseAtMost(b))
    return true;
  if (b.isCoefficientwiseAtMost(a))
    return false;
  return std::nullopt;
}

std::optional<bool> hadron::onnx::isEqual(const SymbolicSize &a, const SymbolicSize &b) {
  if (a == b)
    return true;
  if (isLess(a, b) == true || isLess(b, a) == true)
    return false;
  return std::nullopt;
}

//===------------------------------------------------------------------------------------------------------------===//
// Equations
//===------------------------------------------------------------------------------------------------------------===//

// difference = 0. Solved for a symbol that occurs once, with coefficient 1 or -1, when what it then equals cannot be
// negative: total - past - seq = 0 gives total = past + seq, not past = total - seq. Of several the latest symbol goes.
bool Inference::substitute(const SymbolicSize &difference) {
  std::string best;
  SymbolicSize bestValue;
  ptrdiff_t bestRank = -1;
  for (const auto &[factors, coefficient] : difference.getTerms()) {
    if (factors.size() != 1 || (coefficient != 1 && coefficient != -1))
      continue;
    const std::string &symbol = factors.front();
    SymbolicSize rest = difference - SymbolicSize::symbol(symbol) * coefficient;
    SymbolicSize value = coefficient == 1 ? -rest : rest;
    if (!value.isValid() || llvm::is_contained(value.getSymbols(), symbol) ||
        !SymbolicSize(0).isCoefficientwiseAtMost(value))
      continue;
    ptrdiff_t rank = llvm::find(order, symbol) - order.begin();
    if (rank > bestRank)
      best = symbol, bestValue = value, bestRank = rank;
  }
  if (bestRank < 0)
    return false;
  std::map<std::string, SymbolicSize> single{{best, bestValue}};
  for (auto &[symbol, value] : substitutions)
    value = value.substitute(single);
  substitutions[best] = bestValue;
  hasNewSubstitution = true;
  return true;
}

// The two sides of a relation without what they share and without minus signs: 0 <= s - 1 is 1 <= s.
static std::string relation(const SymbolicSize &a, const char *sign, const SymbolicSize &b) {
  SymbolicSize left, right, difference = a - b;
  for (const auto &[factors, coefficient] : difference.getTerms()) {
    SymbolicSize term(coefficient);
    for (const std::string &factor : factors)
      term *= SymbolicSize::symbol(factor);
    coefficient > 0 ? left += term : right -= term;
  }
  return left.str() + sign + right.str();
}

SymbolicSize Inference::requireEqual(NodeOp node, const SymbolicSize &first, const SymbolicSize &second) {
  SymbolicSize a = normalise(first), b = normalise(second);
  if (a == b || !a.isValid() || !b.isValid() || conditionalDepth)
    return a;
  if (isEqual(a, b) == false) {
    fail(node, "needs equal sizes, got " + a.str() + " and " + b.str());
    return a;
  }
  if (substitute(a - b))
    return normalise(a);
  constraints.insert(relation(a, " == ", b));
  return a;
}

void Inference::requireAtMost(const SymbolicSize &first, const SymbolicSize &second) {
  SymbolicSize a = normalise(first), b = normalise(second);
  if (a.isValid() && b.isValid() && !conditionalDepth && !a.isCoefficientwiseAtMost(b))
    constraints.insert(relation(a, " <= ", b));
}

SymbolicSize Inference::makeFresh(StringRef name) {
  std::string symbol;
  for (char c : name)
    symbol += llvm::isAlnum(c) || c == '_' || c == '.' ? c : '_';
  if (!SymbolicSize::isSymbolName(symbol))
    symbol.insert(0, "_");
  std::string unique = symbol;
  for (int i = 1; !usedSymbols.insert(unique).second; ++i)
    unique = symbol + "_" + std::to_string(i);
  dataDependent.insert(unique);
  order.push_back(unique);
  return SymbolicSize::symbol(unique);
}

void Inference::fail(NodeOp node, const llvm::Twine &text) {
  if (conditionalDepth) // exporters guard what would be wrong
    return;
  if (!hasFailed) // what follows from a contradiction is of no interest
    node.emitError() << (graph.getSource() ? "'" + graph.getSource()->str() + "': " : "") << node.describe() << " "
                     << text << "; the model contradicts itself here";
  hasFailed = true;
}

//===------------------------------------------------------------------------------------------------------------===//
// The passes over the graph
//===------------------------------------------------------------------------------------------------------------===//

const Facts &Inference::getFacts(Value value) {
  auto [entry, isNew] = known.try_emplace(value.getAsOpaquePointer());
  if (!isNew)
    return entry->second;
  Facts facts;
  if (auto type = dyn_cast<OnnxTensorType>(value.getType())) {
    if (type.hasElementType())
      facts.elementType = type.getElementType();
    if (type.hasRank()) {
      facts.dims = type.getDims();
      for (SymbolicSize &dim : *facts.dims)
        dim = normalise(dim);
    }
  }
  if (value.getDefiningOp<InitializerOp>())
    if (auto values = getKnownValues(value))
      facts.values = std::move(*values);
  return entry->second = std::move(facts);
}

void Inference::inferNode(NodeOp node) {
  NodeInference view(node, *this);
  if (Rule rule = findRule(node.getDomain(), node.getOpType()))
    rule(view);
}

void Inference::inferBlock(Block &block) {
  for (Operation &op : block) {
    if (hasFailed)
      return;
    if (auto node = dyn_cast<NodeOp>(op))
      inferNode(node);
  }
}

void Inference::inferConditionalBlock(Block &block) {
  ++conditionalDepth;
  inferBlock(block);
  --conditionalDepth;
}

void Inference::inferOnce() {
  known.clear();
  constraints.clear();
  dataDependent.clear();
  usedSymbols.clear();
  order.clear();
  if (auto symbols = graph.getSymbols())
    for (StringRef symbol : symbols->getAsValueRange<StringAttr>())
      order.push_back(symbol.str());
  for (BlockArgument argument : graph.getBody()->getArguments())
    if (auto type = cast<OnnxTensorType>(argument.getType()); type.hasRank())
      for (const SymbolicSize &dim : type.getDims())
        for (const std::string &symbol : dim.getSymbols())
          if (!llvm::is_contained(order, symbol))
            order.push_back(symbol);
  for (const std::string &symbol : order)
    usedSymbols.insert(symbol);
  hasNewSubstitution = false;
  inferBlock(*graph.getBody());
}

LogicalResult Inference::run() {
  // An equation found late in the graph can decide a size early in it, so the graph is inferred again with what is
  // known. Each pass replaces at least one symbol.
  constexpr int maxPasses = 100;
  for (int pass = 0; pass < maxPasses; ++pass) {
    inferOnce();
    if (hasFailed)
      return failure();
    if (!hasNewSubstitution)
      break;
  }
  writeBack();
  return success();
}

void Inference::writeBack(Block &block) {
  Builder b(graph.getContext());
  auto write = [&](Value value) {
    if (!isa<OnnxTensorType>(value.getType()))
      return;
    const Facts &facts = getFacts(value);
    if (facts.dims)
      for (const SymbolicSize &dim : *facts.dims)
        for (const std::string &symbol : dim.getSymbols())
          if (dataDependent.contains(symbol))
            writtenSymbols.insert(symbol);
    Type elementType = facts.elementType ? facts.elementType : b.getNoneType();
    if (facts.dims && llvm::all_of(*facts.dims, [](const SymbolicSize &dim) { return dim.isValid(); }))
      value.setType(OnnxTensorType::get(b.getContext(), *facts.dims, elementType));
    else
      value.setType(OnnxTensorType::get(b.getContext(), elementType));
  };
  for (BlockArgument argument : block.getArguments())
    write(argument);
  for (Operation &op : block) {
    auto node = dyn_cast<NodeOp>(op);
    if (!node)
      continue;
    SmallVector<Attribute> values;
    bool any = false;
    for (Value result : node.getResults()) {
      write(result);
      const Facts &facts = getFacts(result);
      if (!facts.values || !facts.dims) {
        values.push_back(b.getUnitAttr());
        continue;
      }
      any = true;
      SmallVector<Attribute> texts;
      for (const SymbolicSize &value : *facts.values)
        texts.push_back(b.getStringAttr(value.str()));
      values.push_back(b.getArrayAttr(texts));
    }
    if (any)
      node.setValuesAttr(b.getArrayAttr(values));
    else
      node.removeValuesAttr();
    for (Region &body : node.getBodies())
      writeBack(body.front());
  }
}

void Inference::writeBack() {
  writeBack(*graph.getBody());
  Builder b(graph.getContext());
  auto list = [&](auto &&texts) {
    SmallVector<StringRef> refs(texts.begin(), texts.end());
    return b.getStrArrayAttr(refs);
  };
  std::vector<std::string> symbols;
  for (const std::string &symbol : order)
    if (!substitutions.count(symbol) && !dataDependent.contains(symbol))
      symbols.push_back(symbol);
  graph.setSymbolsAttr(list(symbols));
  NamedAttrList replaced;
  for (const auto &[symbol, value] : substitutions)
    replaced.append(symbol, b.getStringAttr(value.str()));
  if (!replaced.empty())
    graph.setSubstitutionsAttr(replaced.getDictionary(b.getContext()));
  if (!constraints.empty())
    graph.setConstraintsAttr(list(constraints));
  if (!dataDependent.empty()) {
    std::vector<std::string> left;
    for (const std::string &symbol : dataDependent)
      if (writtenSymbols.contains(symbol))
        left.push_back(symbol);
    if (!left.empty())
      graph.setDataDependentAttr(list(left));
  }
}

//===------------------------------------------------------------------------------------------------------------===//
// NodeInference
//===------------------------------------------------------------------------------------------------------------===//

Type NodeInference::elementType(unsigned i) { return has(i) ? engine.getFacts(node.getInput(i)).elementType : Type(); }

const Dims *NodeInference::dims(unsigned i) {
  if (!has(i))
    return nullptr;
  const Facts &facts = engine.getFacts(node.getInput(i));
  return facts.dims ? &*facts.dims : nullptr;
}

const Dims *NodeInference::values(unsigned i) {
  if (!has(i))
    return nullptr;
  const Facts &facts = engine.getFacts(node.getInput(i));
  return facts.values && facts.dims && toNumbers(*facts.dims) ? &*facts.values : nullptr;
}

std::optional<SmallVector<int64_t>> NodeInference::constants(unsigned i) {
  const Dims *known = values(i);
  return known ? toNumbers(*known) : std::nullopt;
}

std::optional<int64_t> NodeInference::constant(unsigned i) {
  std::optional<SmallVector<int64_t>> list = constants(i);
  return list && list->size() == 1 ? std::optional<int64_t>(list->front()) : std::nullopt;
}

void NodeInference::set(unsigned out, Type elementType, std::optional<Dims> dims) {
  Value result = node.getOutput(out);
  if (!result)
    return;
  Facts facts = engine.getFacts(result); // what the file declares stays where nothing better is known
  if (elementType)
    facts.elementType = elementType;
  if (dims) {
    // What only the data would say, the file may say.
    if (facts.dims && facts.dims->size() == dims->size())
      for (auto [dim, declared] : llvm::zip(*dims, *facts.dims))
        if (std::optional<std::string> symbol = dim.getSymbol(); symbol && llvm::is_contained(freshSymbols, *symbol))
          dim = declared;
    for (const SymbolicSize &dim : *dims)
      if (std::optional<int64_t> number = dim.getConstant(); number && *number < 0)
        return fail("has a result of shape with the negative dimension " + llvm::Twine(*number));
    facts.dims = std::move(dims);
  }
  facts.values.reset();
  engine.setFacts(result, std::move(facts));
}

void NodeInference::setValues(unsigned out, Dims values) {
  Value result = node.getOutput(out);
  if (!result || values.size() > maxKnownValues ||
      !llvm::all_of(values, [](const SymbolicSize &value) { return value.isValid(); }))
    return;
  Facts facts = engine.getFacts(result);
  std::optional<SmallVector<int64_t>> shape = facts.dims ? toNumbers(*facts.dims) : std::nullopt;
  if (!shape || product(*facts.dims) != SymbolicSize(static_cast<int64_t>(values.size())))
    return;
  facts.values = std::move(values);
  engine.setFacts(result, std::move(facts));
}

SymbolicSize NodeInference::fresh(unsigned out, unsigned axis) {
  StringRef name = node.getOutputName(out);
  SymbolicSize size = engine.makeFresh((name.empty() ? node.getOpType() : name).str() + "_d" + std::to_string(axis));
  freshSymbols.push_back(*size.getSymbol());
  return size;
}

Dims NodeInference::freshDims(unsigned out, unsigned rank) {
  Dims dims;
  for (unsigned i = 0; i < rank; ++i)
    dims.push_back(fresh(out, i));
  return dims;
}

std::optional<int64_t> NodeInference::axis(int64_t axis, int64_t rank) {
  int64_t result = axis < 0 ? axis + rank : axis;
  if (result >= 0 && result < rank)
    return result;
  fail("has the axis " + llvm::Twine(axis) + " for a tensor of rank " + llvm::Twine(rank));
  return std::nullopt;
}

SymbolicSize NodeInference::broadcastDim(const SymbolicSize &a, const SymbolicSize &b) {
  if (a.isConstant(1))
    return b;
  if (b.isConstant(1))
    return a;
  return equal(a, b);
}

Dims NodeInference::broadcast(ArrayRef<SymbolicSize> a, ArrayRef<SymbolicSize> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Dims result(a.begin(), a.end());
  size_t offset = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i)
    result[offset + i] = broadcastDim(a[offset + i], b[i]);
  return result;
}

std::optional<Dims> NodeInference::broadcastInputs(unsigned first, unsigned last) {
  Dims result;
  for (unsigned i = first; i < last; ++i) {
    if (!has(i))
      continue;
    const Dims *input = dims(i);
    if (!input)
      return std::nullopt;
    result = broadcast(result, *input);
  }
  return result;
}
