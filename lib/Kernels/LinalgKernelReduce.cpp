// Reductions of linalg operations, at several points of their parallel dimensions at once.
//
// If the points are vectors of lanes, each lane is a reduction of its own and the loops are scalar. Otherwise the last
// reduction dimension whose elements are neighbours is cut into vectors: the accumulators are wide vectors (the loop
// over whole ones), one register (its remainder) and a scalar (what AVX-512 masks), combined at the end.
#include "LinalgKernelEvaluator.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

using Kind = arith::AtomicRMWKind;

std::optional<Kind> kindOfCombiner(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
      .Case([](arith::AddFOp) { return Kind::addf; })
      .Case([](arith::MulFOp) { return Kind::mulf; })
      .Case([](arith::MaximumFOp) { return Kind::maximumf; })
      .Case([](arith::MinimumFOp) { return Kind::minimumf; })
      .Case([](arith::MaxNumFOp) { return Kind::maxnumf; })
      .Case([](arith::MinNumFOp) { return Kind::minnumf; })
      .Case([](arith::AddIOp) { return Kind::addi; })
      .Case([](arith::MulIOp) { return Kind::muli; })
      .Case([](arith::MaxSIOp) { return Kind::maxs; })
      .Case([](arith::MinSIOp) { return Kind::mins; })
      .Case([](arith::MaxUIOp) { return Kind::maxu; })
      .Case([](arith::MinUIOp) { return Kind::minu; })
      .Case([](arith::AndIOp) { return Kind::andi; })
      .Case([](arith::OrIOp) { return Kind::ori; })
      .Default([](Operation *) { return std::nullopt; });
}

vector::CombiningKind vectorKind(Kind kind) {
  switch (kind) {
  case Kind::mulf:
  case Kind::muli:
    return vector::CombiningKind::MUL;
  case Kind::maximumf:
    return vector::CombiningKind::MAXIMUMF;
  case Kind::minimumf:
    return vector::CombiningKind::MINIMUMF;
  case Kind::maxnumf:
    return vector::CombiningKind::MAXNUMF;
  case Kind::minnumf:
    return vector::CombiningKind::MINNUMF;
  case Kind::maxs:
    return vector::CombiningKind::MAXSI;
  case Kind::mins:
    return vector::CombiningKind::MINSI;
  case Kind::maxu:
    return vector::CombiningKind::MAXUI;
  case Kind::minu:
    return vector::CombiningKind::MINUI;
  case Kind::andi:
    return vector::CombiningKind::AND;
  case Kind::ori:
    return vector::CombiningKind::OR;
  default:
    return vector::CombiningKind::ADD;
  }
}

/// What the accumulators start from: combining it changes nothing.
TypedAttr neutral(Kind kind, Type type) {
  Builder b(type.getContext());
  auto real = [&](double v) -> TypedAttr { return b.getFloatAttr(type, v); };
  auto integer = [&](const APInt &v) -> TypedAttr { return b.getIntegerAttr(type, v); };
  unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
  switch (kind) {
  case Kind::addf:
    return real(-0.0);
  case Kind::mulf:
    return real(1);
  case Kind::maximumf:
  case Kind::maxnumf:
    return real(-__builtin_inf());
  case Kind::minimumf:
  case Kind::minnumf:
    return real(__builtin_inf());
  case Kind::muli:
    return integer(APInt(bits, 1));
  case Kind::maxs:
    return integer(APInt::getSignedMinValue(bits));
  case Kind::mins:
    return integer(APInt::getSignedMaxValue(bits));
  case Kind::minu:
  case Kind::andi:
    return integer(APInt::getAllOnes(bits));
  default:
    return integer(APInt::getZero(bits));
  }
}

} // namespace

SmallVector<Combiner> combiners(linalg::LinalgOp op) {
  SmallVector<Combiner> result;
  Operation *yield = op.getBlock()->getTerminator();
  for (auto [i, argument] : llvm::enumerate(op.getRegionOutputArgs())) {
    Combiner c;
    Operation *combine = yield->getOperand(i).getDefiningOp();
    if (combine && combine->getBlock() == op.getBlock() && argument.hasOneUse() && *argument.user_begin() == combine &&
        combine->getResult(0).hasOneUse()) {
      c.kind = kindOfCombiner(combine);
      c.op = combine;
      c.input = combine->getOperand(combine->getOperand(0) == argument ? 1 : 0);
    }
    result.push_back(c);
  }
  return result;
}

namespace {

/// A reduction to the first largest or smallest element and its index along the only reduction dimension:
///     c = x > best;  best = c ? x : best;  where = c ? index : where
struct FirstBest {
  Operation *compare = nullptr; // of the new element (operand `newOperand`) and the best one
  unsigned newOperand = 0;
};

std::optional<FirstBest> matchFirstBest(linalg::LinalgOp op) {
  auto arguments = op.getRegionOutputArgs();
  Operation *yield = op.getBlock()->getTerminator();
  if (arguments.size() != 2 || op.getNumReductionLoops() != 1)
    return std::nullopt;
  auto value = yield->getOperand(0).getDefiningOp<arith::SelectOp>();
  auto where = yield->getOperand(1).getDefiningOp<arith::SelectOp>();
  if (!value || !where || value.getCondition() != where.getCondition() || value.getFalseValue() != arguments[0] ||
      where.getFalseValue() != arguments[1] || !arguments[1].hasOneUse())
    return std::nullopt;
  Value index = where.getTrueValue();
  if (auto cast = index.getDefiningOp<arith::IndexCastOp>())
    index = cast.getIn();
  auto loopIndex = index.getDefiningOp<linalg::IndexOp>();
  if (!loopIndex || op.getIteratorTypesArray()[loopIndex.getDim()] != utils::IteratorType::reduction)
    return std::nullopt;
  FirstBest match;
  match.compare = value.getCondition().getDefiningOp();
  if (!isa_and_nonnull<arith::CmpFOp, arith::CmpIOp>(match.compare))
    return std::nullopt;
  match.newOperand = match.compare->getOperand(0) == arguments[0] ? 1 : 0;
  if (match.compare->getOperand(match.newOperand) != value.getTrueValue() ||
      match.compare->getOperand(1 - match.newOperand) != arguments[0] || match.compare->getBlock() != op.getBlock())
    return std::nullopt;
  // Strict comparisons: an equal element later does not replace the best. Which of two it is does not matter here.
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  bool strict = false;
  if (auto c = dyn_cast<arith::CmpFOp>(match.compare))
    strict = c.getPredicate() == F::OGT || c.getPredicate() == F::OLT;
  if (auto c = dyn_cast<arith::CmpIOp>(match.compare))
    strict = llvm::is_contained({I::sgt, I::slt, I::ugt, I::ult}, c.getPredicate());
  return strict ? std::optional<FirstBest>(match) : std::nullopt;
}

} // namespace

/// One emission of a reduction. State, in this order: accumulators of wide vectors, of registers, scalars; in each,
/// point after point, result after result.
struct Reduction {
  Evaluator &e;
  Pieces &p;
  linalg::LinalgOp op;
  ArrayRef<Index> points;
  SmallVector<Combiner> combine;
  std::optional<FirstBest> firstBest;
  SmallVector<Value> sizes;
  SmallVector<unsigned> loops; // outer to inner
  std::optional<unsigned> vectorLoop;
  SmallVector<Index> iterations;
  int64_t wide = 1, native = 1;
  Width outer;

  unsigned results() const { return op->getNumResults(); }
  unsigned count() const { return points.size() * results(); }
  Type element(unsigned r) const { return cast<ShapedType>(op->getResult(r).getType()).getElementType(); }

  Reduction(Evaluator &e, linalg::LinalgOp op, ArrayRef<Index> points)
      : e(e), p(e.p), op(op), points(points), combine(combiners(op)), firstBest(matchFirstBest(op)),
        sizes(e.loopSizes(op)), outer(e.width) {
    for (const Index &point : points)
      iterations.push_back(e.iterationOf(op, 0, point));
    bool uniform = llvm::all_of(points[0], [](const Lanes &l) { return l.uniform(); });
    bool associative = firstBest || llvm::all_of(combine, [](const Combiner &c) { return c.kind.has_value(); });
    for (auto [d, type] : llvm::enumerate(op.getIteratorTypesArray())) {
      if (type != utils::IteratorType::reduction)
        continue;
      loops.push_back(d);
      if (uniform && associative && e.contiguity.alongLoop(op, d))
        vectorLoop = d;
    }
    if (!vectorLoop)
      return;
    llvm::erase(loops, *vectorLoop);
    native = p.target.lanes();
    wide = points.size() > 1 ? native : e.mainLanes();
  }

  /// acc ∘ x in the operation's own type.
  Value combineValues(unsigned r, Value acc, Value x) {
    Operation *copy = p.b.clone(*combine[r].op);
    copy->setOperands({acc, x});
    copy->getResult(0).setType(acc.getType());
    return e.rounded(copy->getResult(0), element(r));
  }

  /// The next accumulators, with the iteration as it stands.
  SmallVector<Value> step(ArrayRef<Value> accumulators) {
    SmallVector<Value> next;
    for (auto [n, iteration] : llvm::enumerate(iterations)) {
      Frame frame{op, iteration, sizes};
      ArrayRef<Value> acc = accumulators.slice(n * results(), results());
      bool vector = e.width.lanes > 1 && isa<VectorType>(acc[0].getType());
      for (auto [argument, a] : llvm::zip(op.getRegionOutputArgs(), acc))
        frame.values[argument] = {a, 0, vector};
      // What a combiner yields is computed here, and a product that only it uses with it.
      Operation *yield = op.getBlock()->getTerminator();
      SmallVector<arith::MulFOp> products(results());
      for (unsigned r = 0; r < results(); ++r) {
        if (!combine[r].kind)
          continue;
        frame.values[yield->getOperand(r)] = {acc[r], 0, vector}; // replaced below
        auto product = combine[r].input.getDefiningOp<arith::MulFOp>();
        if (product && product->hasOneUse() && product->getBlock() == op.getBlock() && *combine[r].kind == Kind::addf &&
            (element(r).isF32() || element(r).isF64())) {
          products[r] = product;
          frame.values[product.getResult()] = {};
        }
      }
      e.loadOperands(frame, false);
      e.runBlock(*op.getBlock(), frame);
      for (unsigned r = 0; r < results(); ++r) {
        auto value = [&](Value v) {
          Lanes l = e.valueIn(frame, v);
          return vector ? e.materialize(l) : l.value;
        };
        Value now;
        if (!combine[r].kind)
          now = value(yield->getOperand(r));
        else if (products[r])
          now = p.mulAdd(value(products[r].getLhs()), value(products[r].getRhs()), acc[r]);
        else
          now = combineValues(r, acc[r], value(combine[r].input));
        if (vectorLoop && e.width.mask)
          now = arith::SelectOp::create(p.b, p.loc, e.materialize(e.width.mask), now, acc[r]);
        next.push_back(now);
      }
    }
    return next;
  }

  void setLoop(unsigned loop, Lanes i) {
    for (Index &iteration : iterations)
      iteration[loop] = i;
  }

  /// All loops from the `depth`-th on.
  SmallVector<Value> nest(unsigned depth, SmallVector<Value> state) {
    if (depth < loops.size())
      return loopOver(p.i64(0), sizes[loops[depth]], 1, state, [&](Value i, SmallVector<Value> inner) {
        setLoop(loops[depth], {i});
        return nest(depth + 1, inner);
      });
    return vectorLoop ? vectorSegments(state) : step(state);
  }

  SmallVector<Value> loopOver(Value begin, Value end, int64_t by, ArrayRef<Value> state,
                              llvm::function_ref<SmallVector<Value>(Value, SmallVector<Value>)> body) {
    return p.loop(begin, end, by, state, [&](Value i, ValueRange args) {
      Pieces::Values next;
      e.scoped([&] { next = body(i, SmallVector<Value>(args)); });
      return next;
    });
  }

  SmallVector<Value> vectorSegments(SmallVector<Value> state) {
    Value n = sizes[*vectorLoop], from = p.i64(0);
    std::optional<int64_t> left = getConstantIntValue(n);
    struct Segment {
      int64_t lanes;
      bool masked;
    };
    Segment segments[] = {{wide, false}, {native, p.target.avx512}, {1, false}};
    for (auto [s, segment] : llvm::enumerate(segments)) {
      int64_t lanes = segment.lanes;
      bool masked = segment.masked, rest = masked || lanes == 1;
      bool repeated = s == 1 && wide == native && !masked, done = s == 2 && p.target.avx512;
      if (repeated || done || (left && (*left == 0 || (!masked && *left < lanes))))
        continue;
      Value to = rest ? n : p.mul(p.div(n, lanes), lanes);
      if (left)
        left = rest ? 0 : *left % lanes;
      unsigned base = s * count();
      SmallVector<Value> mine(ArrayRef<Value>(state).slice(base, count()));
      mine = loopOver(from, to, lanes, mine, [&](Value i, SmallVector<Value> acc) {
        e.width.lanes = lanes;
        e.width.mask = masked ? Lanes{p.maskBelow(p.sub(n, i), lanes), 0, true} : Lanes{};
        if (outer.mask && !outer.mask.vector)
          e.width.mask = e.maskAnd(outer.mask, e.width.mask);
        setLoop(*vectorLoop, {i, lanes > 1 ? 1 : 0});
        return step(acc);
      });
      llvm::copy(mine, state.begin() + base);
      from = to;
    }
    return state;
  }

  /// The results of one point from two sets of accumulators.
  SmallVector<Value> merge(ArrayRef<Value> x, ArrayRef<Value> y) {
    SmallVector<Value> both;
    if (!firstBest) {
      for (unsigned r = 0; r < results(); ++r)
        both.push_back(combineValues(r, x[r], y[r]));
      return both;
    }
    // y replaces x if it is better, or as good and earlier.
    auto better = [&](Value a, Value b) -> Value {
      Operation *copy = p.b.clone(*firstBest->compare);
      copy->setOperand(firstBest->newOperand, a);
      copy->setOperand(1 - firstBest->newOperand, b);
      auto type = dyn_cast<VectorType>(a.getType());
      copy->getResult(0).setType(type ? Type(type.clone(p.b.getI1Type())) : Type(p.b.getI1Type()));
      return copy->getResult(0);
    };
    Value yBetter = better(y[0], x[0]), xBetter = better(x[0], y[0]);
    Value earlier = arith::CmpIOp::create(p.b, p.loc, arith::CmpIPredicate::slt, y[1], x[1]);
    auto type = dyn_cast<VectorType>(xBetter.getType());
    Value never = p.integer(0, 1, type ? type.getNumElements() : 0);
    Value take = arith::SelectOp::create(p.b, p.loc, xBetter, never, p.bitOr(yBetter, earlier));
    for (unsigned r = 0; r < results(); ++r)
      both.push_back(arith::SelectOp::create(p.b, p.loc, take, y[r], x[r]));
    return both;
  }

  /// One point: wide vectors → registers → scalars; `starts` are what the operation starts from.
  SmallVector<Value> finish(ArrayRef<Value> wideAcc, ArrayRef<Value> nativeAcc, ArrayRef<Value> scalarAcc,
                            ArrayRef<Value> starts) {
    auto halve = [&](ArrayRef<Value> acc, int64_t half) {
      SmallVector<Value> low, high;
      for (Value v : acc) {
        low.push_back(p.slice(v, 0, half));
        high.push_back(p.slice(v, half, half));
      }
      return merge(low, high);
    };
    SmallVector<Value> all(wideAcc);
    for (int64_t lanes = wide; lanes > native; lanes /= 2)
      all = halve(all, lanes / 2);
    all = merge(all, nativeAcc);
    if (firstBest)
      for (int64_t lanes = native; lanes > 1; lanes /= 2)
        all = halve(all, lanes / 2);
    SmallVector<Value> ones;
    for (unsigned r = 0; r < results(); ++r)
      ones.push_back(
          firstBest
              ? Value(vector::ExtractOp::create(p.b, p.loc, all[r], 0))
              : e.rounded(vector::ReductionOp::create(p.b, p.loc, vectorKind(*combine[r].kind), all[r]), element(r)));
    return merge(starts, merge(ones, scalarAcc));
  }

  /// The initial value of result `r` at `point`.
  Lanes start(unsigned r, const Index &iteration) {
    Index index;
    OpOperand *init = op.getDpsInitOperand(r);
    for (AffineExpr expr : op.getMatchingIndexingMap(init).getResults())
      index.push_back(e.apply(expr, iteration));
    return e.evaluate(init->get(), index);
  }

  void run() {
    bool lanes = llvm::any_of(points[0], [](const Lanes &l) { return !l.uniform(); });
    SmallVector<Value> starts, state;
    for (const Index &iteration : iterations)
      for (unsigned r = 0; r < results(); ++r) {
        Lanes s = start(r, iteration);
        starts.push_back(lanes ? e.materialize(s) : s.value);
      }
    if (!vectorLoop) {
      if (!lanes)
        e.width = {1, outer.mask && !outer.mask.vector ? outer.mask : Lanes{}};
      state = nest(0, starts);
    } else {
      for (int64_t width : {wide, native, int64_t(1)})
        for (unsigned i = 0; i < count(); ++i) {
          e.width = {width, {}};
          unsigned r = i % results();
          Value first = firstBest ? e.materialize({starts[i]})
                                  : e.lanesConstant(neutral(*combine[r].kind, e.laneType(element(r))), width > 1);
          state.push_back(first);
        }
      e.width = {};
      state = nest(0, state);
      SmallVector<Value> folded;
      for (unsigned n = 0; n < points.size(); ++n) {
        auto at = [&](unsigned set) { return ArrayRef<Value>(state).slice(set * count() + n * results(), results()); };
        llvm::append_range(folded, finish(at(0), at(1), at(2), ArrayRef(starts).slice(n * results(), results())));
      }
      state = folded;
    }
    e.width = outer;
    for (unsigned n = 0; n < points.size(); ++n)
      for (unsigned r = 0; r < results(); ++r)
        e.remember(op->getResult(r), points[n], {state[n * results() + r], 0, lanes && outer.lanes > 1});
  }
};

void Evaluator::reduce(linalg::LinalgOp op, ArrayRef<Index> points) {
  SmallVector<Index> missing;
  for (const Index &point : points)
    if (!find(op->getResult(0), point))
      missing.push_back(point);
  if (!missing.empty())
    Reduction(*this, op, missing).run();
}

bool Contiguity::alongLoop(linalg::LinalgOp op, unsigned loop) {
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
    auto type = dyn_cast<RankedTensorType>(operand->get().getType());
    if (!type)
      return true;
    int64_t where = -1;
    for (auto [i, expr] : llvm::enumerate(op.getMatchingIndexingMap(operand).getResults())) {
      if (!expr.isFunctionOfDim(loop))
        continue;
      if (where >= 0 || !isa<AffineDimExpr>(expr))
        return false;
      where = i;
    }
    return where < 0 || along(operand->get(), where);
  });
}

bool Contiguity::along(Value tensor, int64_t dim) {
  auto [it, added] = known.try_emplace({tensor, dim}, false);
  if (!added)
    return it->second;
  bool result = compute(tensor, dim);
  return known[{tensor, dim}] = result;
}

bool Contiguity::compute(Value tensor, int64_t dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  bool last = llvm::all_of(type.getShape().drop_front(dim + 1), [](int64_t n) { return n == 1; });
  Operation *op = tensor.getDefiningOp();
  if (!op)
    return last;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    unsigned result = cast<OpResult>(tensor).getResultNumber();
    AffineMap map = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(result));
    auto expr = dyn_cast<AffineDimExpr>(map.getResult(dim));
    return expr && alongLoop(linalgOp, expr.getPosition());
  }
  if (isa<tensor::EmptyOp, tensor::SplatOp, arith::ConstantOp>(op))
    return true;
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    auto source = cast<RankedTensorType>(slice.getSource().getType());
    bool unit = isConstantIntValue(slice.getMixedStrides().back(), 1);
    return last && unit && along(slice.getSource(), source.getRank() - 1);
  }
  if (op->getNumOperands() == 0 || !isa<RankedTensorType>(op->getOperand(0).getType()))
    return last;
  auto source = cast<RankedTensorType>(op->getOperand(0).getType());
  if (source.getRank() == type.getRank())
    return along(op->getOperand(0), dim);
  return last && source.getRank() > 0 && along(op->getOperand(0), source.getRank() - 1);
}

} // namespace hadron::kernels
