// What an entry point takes: read from the attributes of its function.
#include "hadron/Target/Host.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Transforms/SizeAnalysis.h"
#include <set>

using namespace mlir;

namespace hadron::host {
namespace {

std::string nameOf(DictionaryAttr attributes, const Twine &otherwise) {
  auto name = attributes ? attributes.getAs<StringAttr>(HadronDialect::kName) : StringAttr();
  return name ? name.str() : otherwise.str();
}

FailureOr<std::vector<SymbolicSize>> shapeOf(func::FuncOp function, RankedTensorType type, DictionaryAttr attributes,
                                             StringRef name) {
  std::vector<SymbolicSize> shape;
  auto texts = attributes ? attributes.getAs<ArrayAttr>(HadronDialect::kShape) : ArrayAttr();
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis)) {
      shape.push_back(type.getDimSize(axis));
      continue;
    }
    auto size = texts ? SymbolicSize::parse(cast<StringAttr>(texts[axis]).getValue()) : std::nullopt;
    if (!size)
      return function.emitError() << "dimension " << axis << " of '" << name
                                  << "' is dynamic and has no size in hadron.shape";
    shape.push_back(*size);
  }
  return shape;
}

Entry::Tensor tensorOf(std::string name, Type type, std::vector<SymbolicSize> shape, unsigned position) {
  RotationAttr basis = ::hadron::getBasis(type);
  return {std::move(name),
          getTensor(type),
          std::move(shape),
          basis ? describeBasis(basis) : "",
          basis ? basis.getHash() : 0,
          position};
}

/// Finds out which dimension binds each symbol, and makes checks of all the others.
LogicalResult bindSymbols(Entry &entry) {
  struct Dimension {
    int64_t input, axis;
    SymbolicSize size;
    std::string text;
  };
  std::vector<Dimension> open;
  for (auto [i, state] : llvm::enumerate(entry.states)) {
    if (!state.batch.empty())
      open.push_back(
          {-1 - static_cast<int64_t>(i), 0, *SymbolicSize::parse(state.batch), "batch of state '" + state.group + "'"});
    if (!state.length.empty())
      open.push_back({-1 - static_cast<int64_t>(i), 1, *SymbolicSize::parse(state.length),
                      "length of state '" + state.group + "'"});
  }
  for (auto [i, input] : llvm::enumerate(entry.inputs))
    for (auto [axis, size] : llvm::enumerate(input.shape))
      if (!size.getConstant())
        open.push_back({static_cast<int64_t>(i), static_cast<int64_t>(axis), size,
                        ("dimension " + Twine(axis) + " of input '" + input.name + "'").str()});

  std::set<std::string> known;
  auto bind = [&](bool exact) {
    for (auto it = open.begin(); it != open.end(); ++it) {
      std::vector<std::string> unknown;
      for (const std::string &symbol : it->size.getSymbols())
        if (!known.count(symbol))
          unknown.push_back(symbol);
      if (unknown.size() != 1 || (exact && !it->size.getSymbol()))
        continue;
      SymbolicSize rest = it->size - SymbolicSize::symbol(unknown[0]);
      if (llvm::is_contained(rest.getSymbols(), unknown[0]))
        continue; // 2*n, n*m: not to be solved here
      entry.bindings.push_back({unknown[0], it->input, it->axis, rest});
      known.insert(unknown[0]);
      // A difference may be negative: then the dimension was too small.
      if (!rest.isConstant(0))
        entry.checks.push_back(
            {it->text + " is '" + it->size.str() + "'", it->input, it->axis, rest, /*lowerBound=*/true});
      open.erase(it);
      return true;
    }
    return false;
  };
  while (bind(true) || bind(false))
    ;
  for (const Dimension &dimension : open) {
    for (const std::string &symbol : dimension.size.getSymbols())
      if (!known.count(symbol))
        return entry.function.emitError()
               << "no input's dimension gives the symbol '" << symbol << "' of " << dimension.text;
    entry.checks.push_back(
        {dimension.text + " is '" + dimension.size.str() + "'", dimension.input, dimension.axis, dimension.size});
  }
  return success();
}

FailureOr<Entry> readEntry(func::FuncOp function) {
  Entry entry;
  entry.name = function.getSymName().str();
  entry.function = function;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    DictionaryAttr attributes = function.getArgAttrDict(i);
    if (auto state = dyn_cast<StateType>(type)) {
      auto argument = function.getArgument(i);
      Entry::State slot;
      slot.past = stateSymbol(argument, "past");
      slot.present = stateSymbol(argument, "present");
      slot.group = stateSymbol(argument, "group");
      slot.batch = stateSymbol(argument, "batch");
      slot.length = stateSymbol(argument, "length");
      auto newLength = SymbolicSize::parse(stateSymbol(argument, "new_length"));
      if (slot.past.empty() || slot.present.empty() || slot.group.empty() || slot.batch.empty() ||
          slot.length.empty() || !newLength)
        return function.emitError()
               << "argument " << i
               << " is a state and needs hadron.state = {past, present, group, batch, length, new_length}";
      slot.newLength = *newLength;
      slot.heads = state.getHeads();
      slot.dim = state.getDim();
      slot.element = state.getElement();
      slot.basisHash = state.getBasis() ? state.getBasis().getHash() : 0;
      slot.argument = i;
      entry.states.push_back(slot);
      continue;
    }
    std::string name = nameOf(attributes, "input" + Twine(i));
    if (!getTensor(type))
      return function.emitError() << "entry points take tensors and states; argument " << i << " is " << type;
    auto shape = shapeOf(function, getTensor(type), attributes, name);
    if (failed(shape))
      return failure();
    entry.inputs.push_back(tensorOf(name, type, *shape, i));
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    std::string name = nameOf(function.getResultAttrDict(i), "output" + Twine(i));
    if (!getTensor(type))
      return function.emitError() << "entry points give tensors; result " << i << " is " << type;
    auto shape = shapeOf(function, getTensor(type), function.getResultAttrDict(i), name);
    if (failed(shape))
      return failure();
    entry.outputs.push_back(tensorOf(name, type, *shape, i));
  }
  if (failed(bindSymbols(entry)))
    return failure();
  return entry;
}

} // namespace

FailureOr<std::vector<Entry>> readEntries(ModuleOp program) {
  std::vector<Entry> entries;
  for (auto function : program.getOps<func::FuncOp>()) {
    if (!function->hasAttr(HadronDialect::kEntry))
      continue;
    auto entry = readEntry(function);
    if (failed(entry))
      return failure();
    entries.push_back(std::move(*entry));
  }
  if (entries.empty())
    return program.emitError("there is no entry point: a function with the attribute hadron.entry");
  return entries;
}

int64_t dataType(Type element) {
  if (element.isF32())
    return 1;
  if (element.isF16())
    return 10;
  if (element.isF64())
    return 11;
  if (element.isBF16())
    return 16;
  if (auto integer = dyn_cast<IntegerType>(element)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 1:
      return 9;
    case 8:
      return isUnsigned ? 2 : 3;
    case 16:
      return isUnsigned ? 4 : 5;
    case 32:
      return isUnsigned ? 12 : 6;
    case 64:
      return isUnsigned ? 13 : 7;
    default:
      return 0;
    }
  }
  return 0;
}

int64_t elementBytes(Type element) { return (element.getIntOrFloatBitWidth() + 7) / 8; }

std::string identifier(StringRef name) {
  std::string text = name.str();
  for (char &c : text)
    if (!llvm::isAlnum(c))
      c = '_';
  return text.empty() || llvm::isDigit(text[0]) ? "_" + text : text;
}

StringRef version() { return "0.1.0"; }

} // namespace hadron::host
