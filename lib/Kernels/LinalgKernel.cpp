// Loops over the work items of a linalg kernel.
#include "hadron/Kernels/LinalgKernel.h"

#include "LinalgKernelEvaluator.h"
#include "LinalgKernelPlan.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// Extents of the item space of a group: the product of `outer` points (those that are not 1), then what its mode cuts.
struct Items {
  SmallVector<Value> extents;
  Value total;
};

struct Emitter {
  func::FuncOp kernel;
  Evaluator e;
  Pieces &p;
  ArrayRef<Value> slots;
  SmallVector<Group> groups;

  Emitter(func::FuncOp kernel, OpBuilder &builder, Location loc, const cpu::Target &target, ArrayRef<Value> slots)
      : kernel(kernel), e(kernel, builder, loc, target, slots), p(e.p), slots(slots), groups(planKernel(kernel)) {
    e.heavy = isHeavy(kernel);
  }

  SmallVector<Value> sizesOf(const Root &root) {
    SmallVector<Value> sizes;
    for (int64_t d = 0; d < root.type.getRank(); ++d)
      sizes.push_back(e.resultSize(root.result, d));
    return sizes;
  }

  bool isUnit(const Root &root, unsigned d) const { return root.type.getDimSize(d) == 1; }

  /// Rows of a tile: the dimension before the last, if rows share operands.
  static std::optional<unsigned> rowDim(const Group &group) {
    const Root &root = group.roots[0];
    if (group.mode != Mode::Tile || !group.reuse || root.type.getRank() < 2)
      return std::nullopt;
    return root.type.getRank() - 2;
  }

  Items itemsOf(const Group &group) {
    const Root &root = group.roots[0];
    SmallVector<Value> sizes = sizesOf(root);
    Items items;
    unsigned last = root.type.getRank() - 1;
    if (group.mode == Mode::Blocks) {
      Value n = p.i64(1);
      for (Value s : sizes)
        n = p.mul(n, s);
      items.extents.push_back(p.ceilDiv(n, kBlock));
    } else {
      for (unsigned d : root.outer) {
        bool tiled = group.mode != Mode::Rows && (d == last || d == rowDim(group));
        if (!tiled && !isUnit(root, d))
          items.extents.push_back(sizes[d]);
      }
      if (group.mode != Mode::Rows) {
        if (rowDim(group))
          items.extents.push_back(p.ceilDiv(sizes[*rowDim(group)], kTileRows));
        items.extents.push_back(p.ceilDiv(sizes[last], group.mode == Mode::Tile ? kTileColumns : kColumns));
      }
    }
    items.total = p.i64(1);
    for (Value n : items.extents)
      items.total = p.mul(items.total, n);
    return items;
  }

  /// `body` for the items [begin, end), with the coordinates in `extents` carried from one to the next.
  void forItems(const Items &items, Value begin, Value end, llvm::function_ref<void(ArrayRef<Value>)> body) {
    unsigned n = items.extents.size();
    SmallVector<Value> start(n);
    Value rest = begin;
    auto extent = [&](unsigned d) { // not 0: without items, nothing is divided
      return p.b.createOrFold<arith::MaxSIOp>(p.loc, items.extents[d], p.i64(1));
    };
    for (unsigned d = n; d-- > 0;) {
      if (d == 0) {
        start[0] = rest;
        break;
      }
      start[d] = p.b.createOrFold<arith::RemUIOp>(p.loc, rest, extent(d));
      rest = p.b.createOrFold<arith::DivUIOp>(p.loc, rest, extent(d));
    }
    if (n == 0)
      return p.loop(begin, end, 1, [&](Value) { e.scoped([&] { body({}); }); });
    p.loop(begin, end, 1, start, [&](Value, ValueRange at) {
      e.scoped([&] { body(SmallVector<Value>(at)); });
      Pieces::Values next(at);
      Value carry = p.integer(1, 1);
      for (unsigned d = n; d-- > 0;) {
        Value up = p.add(at[d], arith::ExtUIOp::create(p.b, p.loc, p.b.getI64Type(), carry));
        if (d == 0) {
          next[0] = up;
          break;
        }
        Value wraps = p.bitAnd(carry, p.equal(up, items.extents[d]));
        next[d] = arith::SelectOp::create(p.b, p.loc, wraps, p.i64(0), up);
        carry = wraps;
      }
      return next;
    });
  }

  void storeAt(const Root &root, ArrayRef<Lanes> index, ArrayRef<Value> sizes) {
    Value out = slots[kernel.getNumArguments() + root.result];
    e.store(e.evaluate(root.tensor, index), out, root.type.getElementType(), index, sizes);
  }

  /// Reductions of `root` whose index is known from the dimensions that `index` holds, at each of the points.
  void reduceAhead(const Root &root, ArrayRef<Index> points) {
    for (const Use &use : root.uses) {
      SmallVector<Index> at;
      for (const Index &point : points) {
        Index index;
        for (AffineExpr expr : use.index)
          index.push_back(e.apply(expr, point));
        if (llvm::all_of(index, [](const Lanes &l) { return static_cast<bool>(l); }))
          at.push_back(index);
      }
      if (at.size() == points.size())
        e.reduce(use.op, at);
    }
  }

  /// Scalar loops over `dims`, then `body`.
  void nest(ArrayRef<unsigned> dims, Index &index, ArrayRef<Value> sizes, llvm::function_ref<void()> body) {
    if (dims.empty())
      return body();
    e.forEach(p.i64(0), sizes[dims[0]], 1, [&](Value i) {
      index[dims[0]] = {i};
      nest(dims.drop_front(), index, sizes, body);
    });
  }

  void emitBlocks(const Group &group, Value begin, Value end) {
    SmallVector<Value> sizes = sizesOf(group.roots[0]);
    Value n = p.i64(1);
    for (Value s : sizes)
      n = p.mul(n, s);
    Value from = p.mul(begin, kBlock), to = p.min(p.mul(end, kBlock), n);
    if (std::optional<int64_t> known = getConstantIntValue(n); known && *known <= kBlock)
      from = p.i64(0), to = n; // one item
    auto all = [&] {
      e.forLanes(from, to, e.mainLanes(), [&](Lanes i) {
        Index index(sizes.size(), e.constant(0));
        index.back() = i;
        for (const Root &root : group.roots)
          storeAt(root, index, sizes);
      });
    };
    if (getConstantIntValue(from))
      return p.ifThen(p.less(begin, end), [&] { e.scoped(all); });
    all();
  }

  /// Where the coordinates of an item are the outer dimensions of a root.
  Index outerIndex(const Group &group, const Root &root, ArrayRef<Value> at) {
    Index index(root.type.getRank());
    unsigned next = 0, last = root.type.getRank() - 1;
    for (unsigned d : root.outer) {
      if (group.mode != Mode::Rows && (d == last || d == rowDim(group)))
        continue;
      index[d] = isUnit(root, d) ? e.constant(0) : Lanes{at[next++]};
    }
    return index;
  }

  void emitRow(const Group &group, const Root &root, ArrayRef<Value> at) {
    SmallVector<Value> sizes = sizesOf(root);
    Index index = outerIndex(group, root, at);
    reduceAhead(root, {index});
    SmallVector<unsigned> inner;
    for (unsigned d = 0; d < index.size(); ++d)
      if (!index[d])
        inner.push_back(d);
    if (inner.empty())
      return storeAt(root, index, sizes);
    if (root.uses.empty()) {
      Value n = p.i64(1);
      for (unsigned d : inner) {
        n = p.mul(n, sizes[d]);
        index[d] = e.constant(0);
      }
      return e.forLanes(p.i64(0), n, e.mainLanes(), [&](Lanes i) {
        index[inner.back()] = i;
        storeAt(root, index, sizes);
      });
    }
    nest(ArrayRef(inner).drop_back(), index, sizes, [&] {
      e.forLanes(p.i64(0), sizes[inner.back()], e.mainLanes(), [&](Lanes i) {
        index[inner.back()] = i;
        storeAt(root, index, sizes);
      });
    });
  }

  void emitColumns(const Group &group, ArrayRef<Value> at) {
    const Root &root = group.roots[0];
    SmallVector<Value> sizes = sizesOf(root);
    unsigned last = sizes.size() - 1;
    Index index = outerIndex(group, root, at);
    Value from = p.mul(at.back(), kColumns), to = p.min(p.add(from, kColumns), sizes[last]);
    e.forLanes(from, to, group.lanesLast ? e.mainLanes() : p.target.lanes(), [&](Lanes i) {
      index[last] = i;
      SmallVector<unsigned> inner;
      for (unsigned d = 0; d < index.size(); ++d)
        if (!llvm::is_contained(root.outer, d)) {
          inner.push_back(d);
          index[d] = {};
        }
      reduceAhead(root, {index});
      nest(inner, index, sizes, [&] { storeAt(root, index, sizes); });
    });
  }

  /// `rows` rows from `row` on, `columns` vectors (or single columns) from `column` on.
  void emitTile(const Root &root, Index index, std::optional<unsigned> rowDim, Value row, int64_t rows, Value column,
                int64_t columns, int64_t lanes, ArrayRef<Value> sizes) {
    SmallVector<Index> points;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        Index point = index;
        if (rowDim)
          point[*rowDim] = {p.add(row, r)};
        point.back() = {p.add(column, c * lanes), lanes > 1 ? 1 : 0};
        points.push_back(point);
      }
    reduceAhead(root, points);
    for (const Index &point : points)
      storeAt(root, point, sizes);
  }

  void emitTiles(const Group &group, ArrayRef<Value> at) {
    const Root &root = group.roots[0];
    SmallVector<Value> sizes = sizesOf(root);
    std::optional<unsigned> rows = rowDim(group);
    unsigned last = sizes.size() - 1;
    Index index = outerIndex(group, root, at);
    Value from = p.mul(at.back(), kTileColumns), to = p.min(p.add(from, kTileColumns), sizes[last]);
    Value firstRow = p.i64(0), lastRow = p.i64(1);
    int64_t tileRows = 1;
    if (rows) {
      firstRow = p.mul(at[at.size() - 2], kTileRows);
      lastRow = p.min(p.add(firstRow, kTileRows), sizes[*rows]);
      tileRows = p.target.vectorRegisters == 32 && group.lanesLast ? 8 : 4;
    }
    auto columns = [&](Value row, int64_t count) {
      if (!group.lanesLast) {
        int64_t wide = group.reuse ? (p.target.vectorRegisters == 32 ? 4 : 2) : 1;
        Value cut = p.add(from, p.mul(p.div(p.sub(to, from), wide), wide));
        e.forEach(from, cut, wide, [&](Value c) {
          e.width = {};
          emitTile(root, index, rows, row, count, c, wide, 1, sizes);
        });
        if (wide > 1)
          e.forEach(cut, to, 1, [&](Value c) {
            e.width = {};
            emitTile(root, index, rows, row, count, c, 1, 1, sizes);
          });
        return;
      }
      // Several registers of columns, then one (masked or whole), then single columns.
      int64_t lanes = p.target.lanes(), vectors = count > 1 ? 2 : 4;
      std::optional<int64_t> n = getConstantIntValue(sizes[last]);
      Value cut = from;
      if (!n || *n >= lanes * vectors) {
        cut = p.add(from, p.mul(p.div(p.sub(to, from), lanes * vectors), lanes * vectors));
        e.forEach(from, cut, lanes * vectors, [&](Value c) {
          e.width = {lanes, {}};
          emitTile(root, index, rows, row, count, c, vectors, lanes, sizes);
        });
        if (n && *n % (lanes * vectors) == 0)
          return;
      }
      e.forLanes(cut, to, lanes,
                 [&](Lanes c) { emitTile(root, index, rows, row, count, c.value, 1, e.width.lanes, sizes); });
    };
    if (!rows)
      return columns(firstRow, 1);
    Value cut = p.add(firstRow, p.mul(p.div(p.sub(lastRow, firstRow), tileRows), tileRows));
    e.forEach(firstRow, cut, tileRows, [&](Value row) { columns(row, tileRows); });
    e.forEach(cut, lastRow, 1, [&](Value row) { columns(row, 1); });
  }

  void emitGroup(const Group &group, const Items &items, Value begin, Value end) {
    if (group.mode == Mode::Blocks)
      return emitBlocks(group, begin, end);
    forItems(items, begin, end, [&](ArrayRef<Value> at) {
      if (group.mode == Mode::Columns)
        return emitColumns(group, at);
      if (group.mode == Mode::Tile)
        return emitTiles(group, at);
      for (const Root &root : group.roots)
        emitRow(group, root, at);
    });
  }

  void emit(Value begin, Value end) {
    if (groups.size() == 1)
      return emitGroup(groups[0], itemsOf(groups[0]), begin, end);
    // Each group has the items after those of the one before.
    Value first = p.i64(0);
    for (const Group &group : groups) {
      Items items = itemsOf(group);
      auto clamp = [&](Value v) {
        return p.min(p.b.createOrFold<arith::MaxSIOp>(p.loc, p.sub(v, first), p.i64(0)), items.total);
      };
      Value from = clamp(begin), to = clamp(end);
      p.ifThen(p.less(from, to), [&] { e.scoped([&] { emitGroup(group, items, from, to); }); });
      first = p.add(first, items.total);
    }
  }
};

} // namespace

LogicalResult emitLinalgKernel(func::FuncOp kernel, Body &body) {
  if (std::string reason = unsupportedReason(kernel); !reason.empty())
    return kernel.emitError(reason);
  Emitter(kernel, body.builder, body.loc, body.target, body.slots).emit(body.begin, body.end);
  return success();
}

Value emitLinalgWork(func::FuncOp kernel, OpBuilder &builder, Location loc, ArrayRef<Value> slots) {
  Emitter emitter(kernel, builder, loc, cpu::allTargets().front(), slots);
  Value total = emitter.p.i64(0);
  for (const Group &group : emitter.groups)
    total = emitter.p.add(total, emitter.itemsOf(group).total);
  return total;
}

} // namespace hadron::kernels
