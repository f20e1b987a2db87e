// The descriptor of a library as constants. Layouts: hadron/Runtime/Descriptor.h.
#include "hadron/Target/Host.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Runtime/Descriptor.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <variant>

using namespace mlir;

namespace hadron::host {
namespace {

/// One field of 8 bytes: a number, or the address of a symbol (empty: null).
using Cell = std::variant<int64_t, std::string>;

class Constants {
public:
  explicit Constants(ModuleOp code) : code(code), builder(OpBuilder::atBlockEnd(code.getBody())), loc(code.getLoc()) {}

  /// A text that ends with a zero byte; equal texts are one.
  Cell text(StringRef value) {
    auto [found, inserted] = texts.try_emplace(value, "text." + std::to_string(texts.size()));
    if (inserted) {
      std::string bytes = value.str() + '\0';
      LLVM::GlobalOp::create(builder, loc, LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size()),
                             /*isConstant=*/true, LLVM::Linkage::Internal, found->second, builder.getStringAttr(bytes));
    }
    return found->second;
  }

  /// A table of fields under a name of its own; null when empty.
  Cell table(ArrayRef<Cell> cells, StringRef name = "", bool hidden = false) {
    if (cells.empty())
      return std::string();
    std::string symbol = name.empty() ? "table." + std::to_string(tables++) : name.str();
    Type i64 = builder.getI64Type(), pointer = LLVM::LLVMPointerType::get(builder.getContext());
    SmallVector<Type> types = llvm::map_to_vector(
        cells, [&](const Cell &cell) { return std::holds_alternative<int64_t>(cell) ? i64 : pointer; });
    auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), types);
    auto global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                         hidden ? LLVM::Linkage::External : LLVM::Linkage::Internal, symbol,
                                         Attribute(), /*alignment=*/8);
    if (hidden)
      global.setVisibility_(LLVM::Visibility::Hidden);
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&global.getInitializerRegion());
    Value value = LLVM::UndefOp::create(builder, loc, type);
    for (auto [i, cell] : llvm::enumerate(cells)) {
      Value field;
      if (auto number = std::get_if<int64_t>(&cell))
        field = LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(*number));
      else if (const std::string &target = std::get<std::string>(cell); target.empty())
        field = LLVM::ZeroOp::create(builder, loc, pointer);
      else
        field = LLVM::AddressOfOp::create(builder, loc, pointer, target);
      value = LLVM::InsertValueOp::create(builder, loc, value, field, ArrayRef<int64_t>{static_cast<int64_t>(i)});
    }
    LLVM::ReturnOp::create(builder, loc, value);
    return symbol;
  }

private:
  ModuleOp code;
  OpBuilder builder;
  Location loc;
  llvm::StringMap<std::string> texts;
  unsigned tables = 0;
};

int64_t features(cpu::ISA isa) {
  switch (isa) {
  case cpu::ISA::X86_64:
    return HADRON_RT_X86_64;
  case cpu::ISA::X86_64_V3:
    return HADRON_RT_X86_64_V3;
  case cpu::ISA::X86_64_V4:
    return HADRON_RT_X86_64_V4;
  case cpu::ISA::X86_64_V4_VNNI:
    return HADRON_RT_X86_64_V4_VNNI;
  }
  return 0;
}

void append(std::vector<Cell> &cells, std::initializer_list<Cell> more) { cells.insert(cells.end(), more); }

Cell tensors(Constants &c, ArrayRef<Entry::Tensor> list) {
  std::vector<Cell> cells;
  for (const Entry::Tensor &tensor : list) {
    std::vector<Cell> dims, texts;
    for (const SymbolicSize &size : tensor.shape) {
      dims.push_back(size.getConstant().value_or(-1));
      texts.push_back(c.text(size.str()));
    }
    append(cells,
           {c.text(tensor.name), dataType(tensor.type.getElementType()), static_cast<int64_t>(tensor.shape.size()),
            c.table(dims), c.table(texts), static_cast<int64_t>(tensor.basisHash)});
  }
  return c.table(cells);
}

} // namespace

void emitDescriptor(StringRef library, StringRef manifest, ArrayRef<Entry> entries, const Weights &weights,
                    ArrayRef<const cpu::Target *> targets, ModuleOp code) {
  Constants c(code);
  std::vector<Cell> isas;
  for (const cpu::Target *target : targets)
    append(isas, {c.text(target->name), features(target->isa)});

  // States with one group are one object; members are named by their past input.
  std::vector<std::pair<std::string, std::vector<const Entry::State *>>> groups;
  auto placeOf = [&](const Entry::State &state) {
    auto group = llvm::find_if(groups, [&](auto &g) { return g.first == state.group; });
    if (group == groups.end())
      group = groups.insert(groups.end(), {state.group, {}});
    auto member = llvm::find_if(group->second, [&](const Entry::State *s) { return s->past == state.past; });
    if (member == group->second.end())
      member = group->second.insert(group->second.end(), &state);
    return std::pair<int64_t, int64_t>(group - groups.begin(), member - group->second.begin());
  };

  std::vector<Cell> entryCells;
  for (const Entry &entry : entries) {
    std::vector<Cell> slots, checks;
    for (const Entry::State &state : entry.states) {
      auto [group, member] = placeOf(state);
      append(slots, {c.text(state.past), c.text(state.present), group, member});
    }
    for (const Check &check : entry.checks)
      append(checks, {c.text(check.text), std::max<int64_t>(check.input, -1), check.axis});
    append(entryCells,
           {c.text(entry.name), static_cast<int64_t>(entry.inputs.size()), tensors(c, entry.inputs),
            static_cast<int64_t>(entry.outputs.size()), tensors(c, entry.outputs),
            static_cast<int64_t>(entry.states.size()), c.table(slots), static_cast<int64_t>(entry.checks.size()),
            c.table(checks), entry.name + ".plan", entry.name + ".run"});
  }

  std::vector<Cell> stateCells;
  for (auto &[name, members] : groups) {
    std::vector<Cell> cells;
    for (const Entry::State *state : members)
      append(cells, {c.text(state->past), dataType(state->element), state->heads, state->dim,
                     state->dim * elementBytes(state->element), static_cast<int64_t>(state->basisHash)});
    append(stateCells, {c.text(name), static_cast<int64_t>(members.size()), c.table(cells)});
  }

  Cell weightCell = std::string();
  if (!weights.file.empty()) {
    std::vector<Cell> params;
    for (const Parameter &parameter : weights.parameters)
      append(params, {c.text(parameter.name), parameter.offset, parameter.bytes});
    weightCell = c.table({c.text(weights.file), weights.bytes, weights.headerHash,
                          static_cast<int64_t>(weights.parameters.size()), c.table(params)});
  }

  c.table({static_cast<int64_t>(HADRON_RT_ABI), c.text(library), c.text(version()), c.text(manifest),
           static_cast<int64_t>(manifest.size()), static_cast<int64_t>(targets.size()), c.table(isas),
           static_cast<int64_t>(entries.size()), c.table(entryCells), static_cast<int64_t>(groups.size()),
           c.table(stateCells), weightCell},
          "hadron_descriptor", /*hidden=*/true);

  OpBuilder builder = OpBuilder::atBlockEnd(code.getBody());
  auto pointer = LLVM::LLVMPointerType::get(code.getContext());
  auto function = LLVM::LLVMFuncOp::create(builder, code.getLoc(), identifier(library) + "_hadron_descriptor",
                                           LLVM::LLVMFunctionType::get(pointer, {}));
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  LLVM::ReturnOp::create(builder, code.getLoc(),
                         LLVM::AddressOfOp::create(builder, code.getLoc(), pointer, "hadron_descriptor").getResult());
}

} // namespace hadron::host
