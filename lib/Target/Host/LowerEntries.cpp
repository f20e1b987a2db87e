// NAME.plan and NAME.run of every entry point: symbols from dimensions, the workspace, and the launches.
#include "MemoryPlan.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Runtime/Descriptor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace hadron::host {
namespace {

constexpr int64_t kAlignment = 64;

/// Emits code of one function: addresses, loads, and arithmetic on sizes.
class Emitter {
public:
  Emitter(LLVM::LLVMFuncOp function, const Entry &entry)
      : builder(OpBuilder::atBlockEnd(&function.getBody().back())), loc(function.getLoc()), entry(entry) {}

  Type i64() { return builder.getI64Type(); }
  Type pointer() { return LLVM::LLVMPointerType::get(builder.getContext()); }
  Value constant(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 64); }
  Value address(Value base, Value bytes) {
    return LLVM::GEPOp::create(builder, loc, pointer(), builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{bytes},
                               LLVM::GEPNoWrapFlags::inbounds);
  }
  Value address(Value base, int64_t bytes) { return bytes ? address(base, constant(bytes)) : base; }
  Value load(Type type, Value base, int64_t offset) {
    return LLVM::LoadOp::create(builder, loc, type, address(base, offset), 8);
  }
  void store(Value value, Value base, int64_t offset) {
    LLVM::StoreOp::create(builder, loc, value, address(base, offset), 8);
  }

  /// Symbols from dimensions, in the order in which they can be found.
  void bindSymbols(Value inDims, Value stateDims) {
    for (const Entry::Binding &binding : entry.bindings) {
      Value dimension = this->dimension(inDims, stateDims, binding.input, binding.axis);
      if (!binding.rest.isConstant(0))
        dimension = arith::SubIOp::create(builder, loc, dimension, size(binding.rest));
      values[binding.symbol] = dimension;
    }
  }

  /// A dimension as the caller gave it.
  Value dimension(Value inDims, Value stateDims, int64_t input, int64_t axis) {
    if (input < 0)
      return load(i64(), stateDims, (3 * (-1 - input) + axis) * 8);
    int64_t before = 0;
    for (int64_t i = 0; i < input; ++i)
      before += entry.inputs[i].shape.size();
    return load(i64(), inDims, (before + axis) * 8);
  }

  Value size(const SymbolicSize &size) {
    std::string text = size.str();
    if (auto found = values.find(text); found != values.end())
      return found->second;
    Value sum;
    for (const auto &[product, coefficient] : size.getTerms()) {
      Value term = coefficient == 1 && !product.empty() ? Value() : constant(coefficient);
      for (const std::string &symbol : product) {
        Value factor = values.at(symbol);
        term = term ? arith::MulIOp::create(builder, loc, term, factor).getResult() : factor;
      }
      sum = sum ? arith::AddIOp::create(builder, loc, sum, term).getResult() : term;
    }
    return values[text] = sum ? sum : constant(0);
  }

  /// Offsets of the workspace's slots, and behind them its size.
  SmallVector<Value> offsets(const MemoryPlan &plan) {
    SmallVector<Value> result{constant(0)};
    for (const SymbolicSize &bytes : plan.slots) {
      Value padded = arith::AddIOp::create(builder, loc, size(bytes), constant(kAlignment - 1));
      padded = arith::AndIOp::create(builder, loc, padded, constant(-kAlignment));
      result.push_back(arith::AddIOp::create(builder, loc, result.back(), padded));
    }
    return result;
  }

  OpBuilder builder;
  Location loc;

private:
  const Entry &entry;
  std::map<std::string, Value> values; // symbols, and sizes that were made
};

LLVM::LLVMFuncOp createFunction(ModuleOp code, Location loc, StringRef name, Type result, ArrayRef<Type> arguments) {
  OpBuilder builder = OpBuilder::atBlockEnd(code.getBody());
  auto function = LLVM::LLVMFuncOp::create(builder, loc, name, LLVM::LLVMFunctionType::get(result, arguments),
                                           LLVM::Linkage::Internal);
  function.addEntryBlock(builder);
  return function;
}

/// int64_t plan(const int64_t *in_dims, const int64_t *state_dims, int64_t *out_dims), see Descriptor.h.
void emitPlan(const Entry &entry, const MemoryPlan &memory, ModuleOp code) {
  MLIRContext *context = code.getContext();
  Type i64 = IntegerType::get(context, 64), pointer = LLVM::LLVMPointerType::get(context);
  auto function = createFunction(code, entry.function.getLoc(), entry.name + ".plan", i64, {pointer, pointer, pointer});
  Block &block = function.getBody().front();
  Value inDims = block.getArgument(0), stateDims = block.getArgument(1), outDims = block.getArgument(2);
  Emitter e(function, entry);
  e.bindSymbols(inDims, stateDims);
  // The first check that fails: from the last to the first, each overriding those behind it.
  Value failed = e.constant(-1), wanted = e.constant(-1), found = e.constant(-1);
  for (size_t i = entry.checks.size(); i-- > 0;) {
    const Check &check = entry.checks[i];
    Value want = e.size(check.wanted), have = e.dimension(inDims, stateDims, check.input, check.axis);
    Value bad = arith::CmpIOp::create(
        e.builder, e.loc, check.lowerBound ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ne, have, want);
    failed = arith::SelectOp::create(e.builder, e.loc, bad, e.constant(i), failed);
    wanted = arith::SelectOp::create(e.builder, e.loc, bad, want, wanted);
    found = arith::SelectOp::create(e.builder, e.loc, bad, have, found);
  }
  Value bad = arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::sge, failed, e.constant(0));
  auto branch = scf::IfOp::create(e.builder, e.loc, i64, bad, /*withElseRegion=*/true);
  e.builder.setInsertionPointToStart(branch.thenBlock());
  e.store(wanted, outDims, 0);
  e.store(found, outDims, 8);
  scf::YieldOp::create(e.builder, e.loc, arith::SubIOp::create(e.builder, e.loc, e.constant(-1), failed).getResult());
  e.builder.setInsertionPointToStart(branch.elseBlock());
  int64_t next = 0;
  for (const Entry::Tensor &output : entry.outputs)
    for (const SymbolicSize &size : output.shape)
      e.store(e.size(size), outDims, 8 * next++);
  for (const Entry::State &state : entry.states)
    e.store(e.size(state.newLength), outDims, 8 * next++);
  scf::YieldOp::create(e.builder, e.loc, e.offsets(memory).back());
  e.builder.setInsertionPointAfter(branch);
  LLVM::ReturnOp::create(e.builder, e.loc, branch.getResult(0));
}

/// What one thread reads and writes in the time that another one takes to begin and to be waited for, 0.5 to 1 us:
/// tensors, which the launch before has left in a cache, and parameters and states, which come from memory at about a
/// quarter of the speed (benchmarks/launch.py).
constexpr int64_t kBytesPerThread = 64 << 10, kMemoryCost = 4;

/// int32_t run(hadron_rt_call *call).
class RunEmitter {
public:
  RunEmitter(const Entry &entry, const MemoryPlan &memory, const Weights &weights, SizeAnalysis &sizes,
             LLVM::LLVMFuncOp function)
      : entry(entry), memory(memory), weights(weights), sizes(sizes), e(function, entry),
        call(function.getArgument(0)) {}

  LogicalResult emit() {
    inputs = field(offsetof(hadron_rt_call, inputs));
    outputs = field(offsetof(hadron_rt_call, outputs));
    inDims = field(offsetof(hadron_rt_call, in_dims));
    stateDims = field(offsetof(hadron_rt_call, state_dims));
    stateData = field(offsetof(hadron_rt_call, state_data));
    weightBase = field(offsetof(hadron_rt_call, weights));
    workspace = field(offsetof(hadron_rt_call, workspace));
    e.bindSymbols(inDims, stateDims);
    offsets = e.offsets(memory);
    int64_t most = 1;
    for (auto launch : entry.function.getOps<LaunchOp>())
      most = std::max<int64_t>(most, launch->getNumOperands() + launch->getNumResults());
    slots = LLVM::AllocaOp::create(e.builder, e.loc, e.pointer(), e.i64(), e.constant(most), 8);
    for (auto launch : entry.function.getOps<LaunchOp>())
      if (failed(emitLaunch(launch)))
        return failure();
    for (const Copy &copy : memory.copies)
      LLVM::MemcpyOp::create(e.builder, e.loc, e.load(e.pointer(), outputs, 8 * copy.output), addressOf(copy.from),
                             e.size(copy.bytes), /*isVolatile=*/false);
    LLVM::ReturnOp::create(e.builder, e.loc, arith::ConstantIntOp::create(e.builder, e.loc, 0, 32).getResult());
    return success();
  }

private:
  Value field(int64_t offset) { return e.load(e.pointer(), call, offset); }

  Value addressOf(Value value) {
    Value root = MemoryPlan::root(value);
    auto found = memory.places.find(root);
    if (found == memory.places.end())
      return {};
    Place place = found->second;
    switch (place.kind) {
    case Place::Input:
      return e.load(e.pointer(), inputs, 8 * place.index);
    case Place::Output:
      return e.load(e.pointer(), outputs, 8 * place.index);
    case Place::State:
      return e.load(e.pointer(), stateData, 8 * place.index);
    case Place::Parameter:
      return e.address(weightBase, weights.parameters[place.index].offset);
    case Place::Workspace:
      return e.address(workspace, offsets[place.index]);
    }
    return {};
  }

  FailureOr<Value> indexValue(Value index) {
    if (auto capacity = index.getDefiningOp<StateCapacityOp>())
      return e.load(e.i64(), stateDims, 8 * (3 * memory.places.at(MemoryPlan::root(capacity.getState())).index + 2));
    SymbolicSize size = sizes.value(index);
    if (!size.isValid())
      return entry.function.emitError() << "a kernel needs a size that is no arithmetic on the sizes of the inputs: "
                                        << index;
    return e.size(size);
  }

  LogicalResult emitLaunch(LaunchOp launch) {
    e.loc = launch.getLoc();
    int64_t slot = 0;
    for (Value operand : launch.getArguments()) {
      Value value;
      if (operand.getType().isIndex()) {
        auto index = indexValue(operand);
        if (failed(index))
          return failure();
        value = *index;
      } else {
        value = addressOf(operand);
        if (!value)
          return launch.emitError() << "operand " << slot << " has no place in memory; found " << operand;
      }
      e.store(value, slots, 8 * slot++);
    }
    for (Value result : launch.getResults())
      if (isa<RankedTensorType>(result.getType()))
        e.store(addressOf(result), slots, 8 * slot++);
    std::string kernel = launch.getKernel().str();
    Value work = LLVM::CallOp::create(e.builder, e.loc, e.i64(), kernel + ".work", slots).getResult();
    Value table = LLVM::AddressOfOp::create(e.builder, e.loc, e.pointer(), kernel + ".table");
    LLVM::CallOp::create(e.builder, e.loc, TypeRange{}, "hadron_rt_launch",
                         ValueRange{call, table, slots, work, grain(launch, work)});
    return success();
  }

  /// Work items that are worth a thread: as many as read and write kBytesPerThread, were the bytes of all operands and
  /// results spread evenly. Of a state that is only appended to, few bytes are touched.
  Value grain(LaunchOp launch, Value work) {
    SymbolicSize bytes = 0;
    bool appends = llvm::any_of(launch.getResultTypes(), llvm::IsaPred<StateType>);
    for (Value value : llvm::concat<Value>(launch.getArguments(), launch.getResults())) {
      SymbolicSize size = 0;
      if (auto tensor = dyn_cast<RankedTensorType>(value.getType())) {
        size = elementBytes(tensor.getElementType());
        for (const SymbolicSize &axis : sizes.shape(value))
          size *= axis;
      } else if (isa<PackedType>(value.getType())) {
        size = kMemoryCost * weights.parameters[memory.places.at(MemoryPlan::root(value)).index].bytes;
      } else if (auto state = dyn_cast<StateType>(value.getType()); state && !appends) {
        size = entry.states[memory.places.at(MemoryPlan::root(value)).index].newLength;
        size *= kMemoryCost * state.getHeads() * state.getDim() * elementBytes(state.getElement());
      }
      if (!size.isValid())
        return e.constant(1);
      bytes += size;
    }
    Value total = arith::MaxSIOp::create(e.builder, e.loc, e.size(bytes), e.constant(1));
    Value scaled = arith::MulIOp::create(e.builder, e.loc, work, e.constant(kBytesPerThread));
    return arith::DivUIOp::create(e.builder, e.loc, scaled, total);
  }

  const Entry &entry;
  const MemoryPlan &memory;
  const Weights &weights;
  SizeAnalysis &sizes;
  Emitter e;
  Value call, inputs, outputs, inDims, stateDims, stateData, weightBase, workspace, slots;
  SmallVector<Value> offsets;
};

} // namespace

LogicalResult lowerEntries(ArrayRef<Entry> entries, const Weights &weights, ModuleOp code) {
  MLIRContext *context = code.getContext();
  Type i64 = IntegerType::get(context, 64), pointer = LLVM::LLVMPointerType::get(context);
  OpBuilder builder = OpBuilder::atBlockEnd(code.getBody());
  auto launch = LLVM::LLVMFuncOp::create(
      builder, code.getLoc(), "hadron_rt_launch",
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, pointer, pointer, i64, i64}));
  launch.setVisibility_(LLVM::Visibility::Hidden);
  for (const Entry &entry : entries) {
    SizeAnalysis sizes(entry.function);
    auto memory = planMemory(entry, weights, sizes);
    if (failed(memory))
      return failure();
    emitPlan(entry, *memory, code);
    auto function =
        createFunction(code, entry.function.getLoc(), entry.name + ".run", IntegerType::get(context, 32), {pointer});
    if (failed(RunEmitter(entry, *memory, weights, sizes, function).emit()))
      return failure();
  }
  return success();
}

} // namespace hadron::host
