// The kernels phase: which emitter takes which operation. One row of the table at the end for each family.
#include "hadron/Kernels/LowerKernels.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Kernels/Attention.h"
#include "hadron/Kernels/Body.h"
#include "hadron/Kernels/Embedding.h"
#include "hadron/Kernels/LinalgKernel.h"
#include "hadron/Kernels/Matmul.h"
#include "hadron/Kernels/Rotary.h"
#include "hadron/Kernels/RowKernel.h"
#include "hadron/Support/SymbolicSize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace hadron::kernels;

namespace hadron {
namespace {

using SlotValues = ArrayRef<Value>;
using BodyEmitter = std::function<LogicalResult(Body &)>;
using WorkEmitter = std::function<Value(OpBuilder &, Location, SlotValues)>;

/// How one kernel is emitted.
struct Plan {
  BodyEmitter body;
  WorkEmitter work;
};

/// The slots of one kernel function: arguments, then tensor results.
class Slots {
public:
  explicit Slots(func::FuncOp kernel) : kernel(kernel) {}

  unsigned of(Value argument) const { return cast<BlockArgument>(argument).getArgNumber(); }
  /// The slot of result `i` of the kernel's operation: what the function returns at the position of that result.
  unsigned ofResult(unsigned result) const {
    unsigned slot = kernel.getNumArguments();
    for (unsigned i = 0; i < result; ++i)
      slot += isa<RankedTensorType>(kernel.getResultTypes()[i]);
    return slot;
  }

  /// An index operand as i64: an argument, or a constant that the kernel repeats.
  Value index(OpBuilder &builder, Location loc, SlotValues slots, Value operand) const {
    if (std::optional<int64_t> constant = getConstantIntValue(operand))
      return arith::ConstantIntOp::create(builder, loc, *constant, 64);
    return slots[of(operand)];
  }

  /// Size of one axis of an argument as i64.
  Value size(OpBuilder &builder, Location loc, SlotValues slots, Value argument, unsigned axis) const {
    auto type = getTensor(argument.getType()); // null: a state, which has a capacity
    if (type && !type.isDynamicDim(axis))
      return arith::ConstantIntOp::create(builder, loc, type.getDimSize(axis), 64);
    auto shape = kernel.getArgAttrOfType<ArrayAttr>(of(argument), HadronDialect::kShape);
    StringRef text = cast<StringAttr>(shape[axis]).getValue();
    unsigned index = 0;
    if (!text.consume_front("s") || text.getAsInteger(10, index))
      return {};
    return slots[index];
  }

  /// The product of all axes but the last `drop`.
  Value rows(OpBuilder &builder, Location loc, SlotValues slots, Value argument, unsigned drop = 1) const {
    Value product;
    for (unsigned axis = 0, rank = getTensor(argument.getType()).getRank(); axis + drop < rank; ++axis) {
      Value n = size(builder, loc, slots, argument, axis);
      product = product ? arith::MulIOp::create(builder, loc, product, n).getResult() : n;
    }
    return product ? product : arith::ConstantIntOp::create(builder, loc, 1, 64).getResult();
  }

private:
  mutable func::FuncOp kernel; // MLIR handles are not const-correct
};

/// An emitter's own slots, from those of the kernel function.
using SlotMap = std::function<SmallVector<Value>(OpBuilder &, Location, SlotValues)>;

template <typename Emit, typename Work>
Plan planWith(SlotMap map, Emit emit, Work work) {
  return {
      [=](Body &body) {
        SmallVector<Value> slots = map(body.builder, body.loc, body.slots);
        Body inner{body.builder, body.loc, body.target, body.begin, body.end, slots};
        return emit(inner);
      },
      [=](OpBuilder &builder, Location loc, SlotValues outer) { return work(builder, loc, map(builder, loc, outer)); }};
}

std::optional<FloatKind> floatKind(Type type) {
  if (type.isF32())
    return FloatKind::F32;
  if (type.isF16())
    return FloatKind::F16;
  if (type.isBF16())
    return FloatKind::BF16;
  return std::nullopt;
}

FloatKind elementKind(Value tensor) { return *floatKind(getTensor(tensor.getType()).getElementType()); }

LogicalResult requireFloat(Operation *op) {
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (RankedTensorType tensor = getTensor(type);
        tensor && isa<FloatType>(tensor.getElementType()) && !floatKind(tensor.getElementType()))
      return op->emitOpError() << "has a CPU kernel for f32, f16 and bf16; found " << tensor;
  return success();
}

WeightFormat weightFormat(PackedType type) {
  if (auto dense = dyn_cast<DenseFormatAttr>(type.getFormat()))
    return WeightFormat::dense(*floatKind(dense.getElement()));
  auto format = cast<IntFormatAttr>(type.getFormat());
  ZeroPoint zero = format.getZero() == ZeroKind::Symmetric ? ZeroPoint::Symmetric
                   : format.getZero() == ZeroKind::Integer ? ZeroPoint::U8
                                                           : ZeroPoint::Float;
  return WeightFormat::integer(format.getBits(), format.getGroup(), zero, *floatKind(format.getScale()));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

FailureOr<Plan> planMatmul(MatmulOp op, Slots slots) {
  auto weight = cast<PackedType>(op.getWeight().getType());
  if (!op.getTerms().empty())
    return op.emitOpError("has no CPU kernel with further terms yet; multiply them one by one");
  MatmulSpec spec;
  spec.K = weight.getInputs();
  spec.N = weight.getOutputs();
  spec.format = weightFormat(weight);
  spec.activation = op.getArithmetic() == Arithmetic::F32       ? kernels::Activation::Float
                    : op.getArithmetic() == Arithmetic::Int8Row ? kernels::Activation::Int8Row
                                                                : kernels::Activation::Int8Group;
  if (spec.activation == kernels::Activation::Float)
    spec.activationType = elementKind(op.getInput());
  spec.outputType = elementKind(op.getOutput());
  spec.bias = static_cast<bool>(op.getBias());
  spec.residual = static_cast<bool>(op.getResidual());
  if (op.getGate()) {
    if (op.getActivation() != Activation::SiLU || op.getBias())
      return op.emitOpError("has a CPU kernel for a gate with SiLU and without a bias");
    spec.epilogue = Epilogue::SiLUMul;
  } else {
    static constexpr Epilogue epilogues[] = {Epilogue::None, Epilogue::SiLU, Epilogue::GELU, Epilogue::GELUTanh,
                                             Epilogue::ReLU};
    spec.epilogue = epilogues[static_cast<int>(op.getActivation())];
  }
  SlotMap map = [=](OpBuilder &builder, Location loc, SlotValues in) mutable {
    SmallVector<Value> out{slots.rows(builder, loc, in, op.getInput()), in[slots.of(op.getInput())]};
    auto add = [&](Value operand) {
      if (operand)
        out.push_back(in[slots.of(operand)]);
    };
    add(op.getScales());
    add(op.getSums());
    add(op.getGate());
    add(op.getWeight());
    add(op.getBias());
    add(op.getResidual());
    out.push_back(in[slots.ofResult(0)]);
    return out;
  };
  return planWith(
      map, [=](Body &body) { return emitMatmul(body, spec); },
      [=](OpBuilder &b, Location loc, SlotValues s) { return matmulWork(b, loc, spec, s); });
}

FailureOr<Plan> planEmbedding(EmbeddingOp op, Slots slots) {
  auto table = cast<PackedType>(op.getTable().getType());
  EmbeddingSpec spec;
  spec.K = table.getInputs();
  spec.N = table.getOutputs();
  spec.format = weightFormat(table);
  spec.outputType = elementKind(op.getOutput());
  spec.idBits = cast<RankedTensorType>(op.getIds().getType()).getElementTypeBitWidth();
  SlotMap map = [=](OpBuilder &builder, Location loc, SlotValues in) mutable {
    return SmallVector<Value>{slots.rows(builder, loc, in, op.getIds(), 0), in[slots.of(op.getIds())],
                              in[slots.of(op.getTable())], in[slots.ofResult(0)]};
  };
  return planWith(
      map, [=](Body &body) { return emitEmbedding(body, spec); },
      [=](OpBuilder &b, Location loc, SlotValues s) { return embeddingWork(b, loc, spec, s); });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// The address of a constant: the signs of a whole row, bit-packed.
Value signsAddress(OpBuilder &builder, Location loc, SignsAttr signs, int64_t width) {
  std::vector<uint8_t> period = signs.getPacked(), bytes((width + 7) / 8);
  for (int64_t i = 0; i < width; ++i)
    if (int64_t j = i % signs.getWidth(); (period[j / 8] >> (j % 8)) & 1)
      bytes[i / 8] |= 1 << (i % 8);
  StringRef data(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  std::string name = "signs." + llvm::utohexstr(llvm::xxh3_64bits(data)) + "." + std::to_string(width);
  auto module = builder.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    LLVM::GlobalOp::create(builder, loc, LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size()),
                           /*isConstant=*/true, LLVM::Linkage::Internal, name, builder.getStringAttr(data),
                           /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), name);
}

/// A rotation as rounds: signs before a transform belong to it, signs at the end to the last.
FailureOr<SmallVector<std::pair<RowSpec::Round, SmallVector<SignsAttr>>>> roundsOf(Operation *op,
                                                                                   RotationAttr rotation) {
  SmallVector<std::pair<RowSpec::Round, SmallVector<SignsAttr>>> rounds;
  SignsAttr pending;
  for (Attribute factor : rotation.getFactors()) {
    if (auto signs = dyn_cast<SignsAttr>(factor)) {
      if (pending) // two sign factors in a row: an empty transform between them
        rounds.push_back({{{}, true, false}, {pending}});
      pending = signs;
      continue;
    }
    RowSpec::Round round;
    if (auto wht = dyn_cast<WHTAttr>(factor))
      round.transform = {1, "", static_cast<int>(llvm::Log2_64(wht.getBlock())), false};
    else if (auto hadamard = dyn_cast<HadamardAttr>(factor))
      round.transform = {hadamard.getOrder(), hadamard.getTable().str(),
                         static_cast<int>(llvm::Log2_64(hadamard.getInner())), hadamard.getTransposed()};
    else
      return op->emitOpError() << "has a CPU kernel for signs and Hadamard transforms; found " << factor;
    round.signs = static_cast<bool>(pending);
    rounds.push_back({round, pending ? SmallVector<SignsAttr>{pending} : SmallVector<SignsAttr>{}});
    pending = {};
  }
  if (pending) {
    if (rounds.empty() || rounds.back().first.signsAfter)
      rounds.push_back({{{}, true, false}, {}});
    else
      rounds.back().first.signsAfter = true;
    rounds.back().second.push_back(pending);
  }
  return rounds;
}

FailureOr<Plan> planPrologue(PrologueOp op, Slots slots) {
  if (failed(requireFloat(op)))
    return failure();
  RowSpec spec;
  spec.width = cast<RankedTensorType>(op.getInput().getType()).getShape().back();
  spec.input = elementKind(op.getInput());
  spec.act = op.getUp() ? RowSpec::Act::SiLUMul : RowSpec::Act::None;
  spec.residual = static_cast<bool>(op.getResidual());
  if (op.getSum())
    spec.storeSum = elementKind(op.getSum());
  spec.norm = op.getNorm() == NormKind::RMS     ? RowSpec::Norm::RMS
              : op.getNorm() == NormKind::Layer ? RowSpec::Norm::Layer
                                                : RowSpec::Norm::None;
  spec.epsilon = op.getEpsilon().convertToDouble();
  if (op.getGain())
    spec.gain = elementKind(op.getGain());
  if (op.getBias())
    spec.bias = elementKind(op.getBias());
  spec.output = op.getOutput() ? std::optional(elementKind(op.getOutput())) : std::nullopt;
  if (op.getCodes())
    spec.quantize = RowSpec::Quantize{static_cast<int64_t>(op.getGroup()), op.getArithmetic() == Arithmetic::Int8Group};
  SmallVector<SignsAttr> signs;
  if (RotationAttr rotation = op.getRotationAttr()) {
    auto rounds = roundsOf(op, op.getInverse() ? rotation.getInverse() : rotation);
    if (failed(rounds))
      return failure();
    for (auto &[round, roundSigns] : *rounds) {
      spec.rounds.push_back(round);
      llvm::append_range(signs, roundSigns);
    }
  }
  SlotMap map = [=](OpBuilder &builder, Location loc, SlotValues in) mutable {
    SmallVector<Value> out{slots.rows(builder, loc, in, op.getInput())};
    for (Value operand : {op.getInput(), op.getUp(), op.getResidual(), op.getGain(), op.getBias()})
      if (operand)
        out.push_back(in[slots.of(operand)]);
    for (SignsAttr attribute : signs)
      out.push_back(signsAddress(builder, loc, attribute, spec.width));
    for (unsigned i = 0; i < op->getNumResults(); ++i)
      out.push_back(in[slots.ofResult(i)]);
    return out;
  };
  return planWith(
      map, [=](Body &body) { return emitRow(body, spec); },
      [=](OpBuilder &b, Location loc, SlotValues s) { return rowWork(b, loc, s); });
}

FailureOr<Plan> planRotary(RotaryOp op, Slots slots) {
  if (failed(requireFloat(op)))
    return failure();
  auto input = cast<RankedTensorType>(op.getInput().getType());
  RotarySpec spec;
  spec.heads = input.getDimSize(op.getHeadsFirst() ? 1 : 2);
  spec.headSize = input.getDimSize(3);
  spec.rotaryDim = 2 * cast<RankedTensorType>(op.getCos().getType()).getShape().back();
  spec.interleaved = op.getInterleaved();
  spec.positions = static_cast<bool>(op.getPositions());
  spec.input = spec.output = op.getHeadsFirst() ? RotarySpec::Layout::BHSD : RotarySpec::Layout::BSHD;
  spec.type = elementKind(op.getInput());
  spec.tableType = elementKind(op.getCos());
  if (auto cos = cast<RankedTensorType>(op.getCos().getType()); op.getPositions() && !cos.isDynamicDim(0))
    spec.tableRows = cos.getDimSize(0);
  SlotMap map = [=](OpBuilder &builder, Location loc, SlotValues in) mutable {
    SmallVector<Value> out{slots.size(builder, loc, in, op.getInput(), 0),
                           slots.size(builder, loc, in, op.getInput(), op.getHeadsFirst() ? 2 : 1),
                           in[slots.of(op.getInput())], in[slots.of(op.getCos())], in[slots.of(op.getSin())]};
    if (op.getPositions())
      out.push_back(in[slots.of(op.getPositions())]);
    out.push_back(in[slots.ofResult(0)]);
    return out;
  };
  return planWith(
      map, [=](Body &body) { return emitRotary(body, spec); },
      [=](OpBuilder &b, Location loc, SlotValues s) { return rotaryWork(b, loc, s); });
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Element type of a state or a tensor that holds keys or values.
FloatKind cacheKind(Value cache) {
  if (auto state = dyn_cast<StateType>(cache.getType()))
    return *floatKind(state.getElement());
  return elementKind(cache);
}

/// Tokens that a state or a tensor [B, Hkv, T, d] has room for.
Value capacityOf(OpBuilder &builder, Location loc, const Slots &slots, SlotValues in, Value cache) {
  return slots.size(builder, loc, in, cache, isa<StateType>(cache.getType()) ? 0 : 2);
}

FailureOr<Plan> planAttend(AttendOp op, Slots slots) {
  if (failed(requireFloat(op)))
    return failure();
  auto query = cast<RankedTensorType>(op.getQuery().getType()),
       output = cast<RankedTensorType>(op.getOutput().getType());
  bool headsFirst = op.getHeadsFirst();
  AttentionSpec spec;
  spec.queryHeads = query.getDimSize(headsFirst ? 1 : 2);
  spec.kvHeads = isa<StateType>(op.getKeys().getType()) ? cast<StateType>(op.getKeys().getType()).getHeads()
                                                        : cast<RankedTensorType>(op.getKeys().getType()).getDimSize(1);
  spec.headDim = query.getDimSize(3);
  spec.valueDim = output.getDimSize(3);
  spec.query = elementKind(op.getQuery());
  spec.output = elementKind(op.getOutput());
  spec.cache = cacheKind(op.getKeys());
  spec.queryLayout = spec.outputLayout = headsFirst ? HeadLayout::BHSD : HeadLayout::BSHD;
  spec.scale = op.getScale().convertToDouble();
  spec.softcap = op.getSoftcap().convertToDouble();
  spec.causal = op.getCausal();
  // The operation counts the keys before the query, the kernel the query too.
  spec.window = static_cast<int64_t>(op.getWindow()) < 0 ? -1 : static_cast<int64_t>(op.getWindow()) + 1;
  spec.lengths = static_cast<bool>(op.getLengths());
  if (Value mask = op.getMask()) {
    auto type = cast<RankedTensorType>(mask.getType());
    if (type.getRank() > 4 || type.getRank() < 1)
      return op.emitOpError() << "has a CPU kernel for masks of rank 1 to 4; found " << type;
    Type element = type.getElementType();
    if (!element.isInteger(1) && !element.isF32() && !element.isF16())
      return op.emitOpError() << "has a CPU kernel for masks of bool, f32 and f16; found " << type;
    spec.mask = element.isInteger(1) ? AttentionMask::Bool : element.isF16() ? AttentionMask::F16 : AttentionMask::F32;
    // Axes from the right: tokens seen, query, head, batch.
    auto full = [&](int64_t fromRight) {
      return type.getRank() > fromRight && type.getDimSize(type.getRank() - 1 - fromRight) != 1;
    };
    spec.maskQuery = full(1);
    spec.maskHead = full(2);
    spec.maskBatch = full(3);
  }
  SlotMap map = [=](OpBuilder &builder, Location loc, SlotValues in) mutable {
    Value sequence = slots.size(builder, loc, in, op.getQuery(), headsFirst ? 2 : 1),
          total = slots.index(builder, loc, in, op.getTotal());
    SmallVector<Value> out{slots.size(builder, loc, in, op.getQuery(), 0), sequence, total,
                           capacityOf(builder, loc, slots, in, op.getKeys()),
                           arith::SubIOp::create(builder, loc, total, sequence)};
    for (Value operand :
         std::initializer_list<Value>{op.getQuery(), op.getKeys(), op.getValues(), op.getMask(), op.getLengths()})
      if (operand)
        out.push_back(in[slots.of(operand)]);
    out.push_back(in[slots.ofResult(0)]);
    return out;
  };
  return planWith(
      map, [=](Body &body) { return emitAttention(spec, body); },
      [=](OpBuilder &b, Location loc, SlotValues s) { return emitAttentionWork(spec, b, loc, s); });
}

FailureOr<Plan> planAppend(AppendOp op, Slots slots) {
  if (failed(requireFloat(op)))
    return failure();
  auto state = cast<StateType>(op.getState().getType());
  bool headsFirst = op.getHeadsFirst();
  AppendSpec spec;
  spec.kvHeads = state.getHeads();
  spec.headDim = state.getDim();
  spec.source = elementKind(op.getInput());
  spec.cache = *floatKind(state.getElement());
  spec.layout = headsFirst ? HeadLayout::BHSD : HeadLayout::BSHD;
  SlotMap map = [=](OpBuilder &builder, Location loc, SlotValues in) mutable {
    return SmallVector<Value>{slots.size(builder, loc, in, op.getInput(), 0),
                              slots.size(builder, loc, in, op.getInput(), headsFirst ? 2 : 1),
                              capacityOf(builder, loc, slots, in, op.getState()),
                              slots.index(builder, loc, in, op.getPast()),
                              in[slots.of(op.getInput())],
                              in[slots.of(op.getState())]};
  };
  return planWith(
      map, [=](Body &body) { return emitAppend(spec, body); },
      [=](OpBuilder &b, Location loc, SlotValues s) { return emitAppendWork(spec, b, loc, s); });
}

//===----------------------------------------------------------------------===//
// Everything else
//===----------------------------------------------------------------------===//

FailureOr<Plan> planLinalg(func::FuncOp kernel) {
  if (std::string reason = unsupportedReason(kernel); !reason.empty())
    return kernel.emitError() << "no CPU kernel: " << reason;
  return Plan{[=](Body &body) { return emitLinalgKernel(kernel, body); },
              [=](OpBuilder &b, Location loc, SlotValues s) { return emitLinalgWork(kernel, b, loc, s); }};
}

FailureOr<Plan> planOf(func::FuncOp kernel) {
  Operation *op = nullptr;
  for (Operation &o : kernel.getBody().front())
    if (isa<HadronDialect>(o.getDialect()))
      op = &o;
  Slots slots(kernel);
  if (!op)
    return planLinalg(kernel);
  return llvm::TypeSwitch<Operation *, FailureOr<Plan>>(op)
      .Case([&](MatmulOp o) { return planMatmul(o, slots); })
      .Case([&](EmbeddingOp o) { return planEmbedding(o, slots); })
      .Case([&](PrologueOp o) { return planPrologue(o, slots); })
      .Case([&](RotaryOp o) { return planRotary(o, slots); })
      .Case([&](AttendOp o) { return planAttend(o, slots); })
      .Case([&](AppendOp o) { return planAppend(o, slots); })
      .Default([&](Operation *o) -> FailureOr<Plan> { return o->emitOpError("has no CPU kernel"); });
}

} // namespace

LogicalResult lowerKernels(ModuleOp program, ModuleOp code, ArrayRef<const cpu::Target *> targets) {
  for (auto kernel : program.getOps<func::FuncOp>()) {
    if (!kernel->hasAttr(HadronDialect::kKernel))
      continue;
    auto plan = planOf(kernel);
    if (failed(plan))
      return failure();
    Kernel k;
    k.name = kernel.getSymName().str();
    for (Type type : kernel.getArgumentTypes())
      k.slotIsIndex.push_back(type.isIndex());
    for (Type type : kernel.getResultTypes())
      if (isa<RankedTensorType>(type))
        k.slotIsIndex.push_back(false);
    k.emitBody = plan->body;
    k.emitWork = plan->work;
    if (failed(emitKernel(code, k, targets)))
      return kernel.emitError("emitting this kernel failed");
  }
  return success();
}

} // namespace hadron
