// Many rows.
//
//   for block of KC inputs:
//     copy the item's rows                         conversion to f32 or to q + 128 happens here, once
//     for NR tiles at a time:
//       unpack                                     once for all rows of the item
//       for MR rows at a time: products += rows · panels
//   finish every row of every tile
#include "MatmulPanel.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// Which mode a product uses. A byte holds code - zero unless the codes have 8 bits and zero points of their own.
PanelMode modeOf(const MatmulSpec &spec, const cpu::Target &target) {
  if (spec.activation == Activation::Float)
    return PanelMode::F32;
  bool fits = spec.format.bits < 8 || spec.format.zero != ZeroPoint::U8;
  return target.vnni && fits ? PanelMode::U8S8 : PanelMode::S16;
}

} // namespace

MatmulPanel::MatmulPanel(MatmulBody &body)
    : mb(body), p(body.p), layout(body.layout), mode(modeOf(body.spec, body.p.target)) {
  // Accumulators of MR rows by NR tiles, NR vectors of weights, and one of a row fit in the registers, with some left
  // for the constants of the code around: LLVM would rather spill an accumulator than one of those.
  NR = p.target.avx512 ? 2 : 1;
  MR = p.target.avx512 ? 8 : !p.target.avx2 ? 2 : mode == PanelMode::F32 ? 5 : 4;
  // MR rows of KC inputs and NR panels fit in 32 KB of L1.
  const int64_t limit = mode == PanelMode::F32 ? 256 : 512;
  KC = segment = limit;
  if (!layout.format().isDense()) {
    int64_t group = layout.format().group;
    if (group == 0) {
      KC = segment = std::min<int64_t>(limit, llvm::alignTo(layout.K(), 16));
    } else if (group <= limit) {
      segment = group;
      KC = limit / group * group;
    } else {
      while (group % segment)
        segment -= 16;
      KC = segment;
    }
  }
  direct = layout.format().isDense() && layout.format().type == FloatKind::F32;
  rowsPadded = llvm::alignTo(MatmulBlocks::kPanelRows, MR);
  int64_t inputBytes = mode == PanelMode::F32 ? 4 : mode == PanelMode::S16 ? 2 : 1;
  rowStride = llvm::alignTo(KC * inputBytes, 64) + 64;
  panelBytes = KC * inputBytes * kTile;
}

void MatmulPanel::emit() {
  rows = p.stack(rowsPadded * rowStride);
  if (!direct)
    panels = p.stack(NR * panelBytes);
  if (mode != PanelMode::F32) {
    corrections = p.stack(NR * segments() * 64);
    scaleTable = p.stack(NR * segments() * 64);
    if (layout.format().zero == ZeroPoint::Float)
      zeroTable = p.stack(NR * segments() * 64);
  }
  products = p.stack(mb.spec.weights() * mb.blocks.panelTiles * rowsPadded * 64);
  p.loop(mb.begin, mb.end, 1, [&](Value i) { item(i); });
}

void MatmulPanel::item(Value item) {
  int64_t items = mb.blocks.panelItems();
  row0 = p.mul(p.div(item, items), MatmulBlocks::kPanelRows);
  rowCount = p.min(p.i64(MatmulBlocks::kPanelRows), p.sub(mb.m, row0));
  Value rowTiles = p.ceilDiv(rowCount, MR);
  Value tile0 = p.mul(p.rem(item, items), mb.blocks.panelTiles);
  Value tileCount = p.min(p.i64(mb.blocks.panelTiles), p.sub(p.i64(mb.blocks.tiles), tile0));

  clearProducts();
  p.loop(p.i64(0), p.i64(layout.K()), KC, [&](Value k0) {
    Value count = p.min(p.i64(KC), p.sub(p.i64(layout.K()), k0));
    copyRows(k0, count);
    p.loop(p.i64(0), p.i64(mb.spec.weights()), 1, [&](Value w) {
      Value weight = mb.weights[0];
      if (mb.weights.size() == 2)
        weight = arith::SelectOp::create(p.b, p.loc, p.equal(w, p.i64(0)), weight, mb.weights[1]);
      p.loop(p.i64(0), tileCount, NR, [&](Value t) {
        Values panel;
        for (int64_t n = 0; n < NR; ++n) {
          // An odd last tile is multiplied twice; the second product is not read.
          Value tile = p.min(p.add(tile0, p.add(t, n)), p.i64(mb.blocks.tiles - 1));
          Value address = mb.tileAddress(weight, tile);
          panel.push_back(direct ? p.at(address, p.mul(k0, layout.rowBytes())) : p.at(panels, n * panelBytes));
          if (!direct)
            unpack(n, address, k0, count);
        }
        p.loop(p.i64(0), rowTiles, 1, [&](Value rowTile) {
          Value a = p.at(rows, p.mul(rowTile, MR * rowStride)), c = productAt(w, t, p.mul(rowTile, MR));
          if (mode == PanelMode::F32)
            multiplyFloat(a, panel, c, count);
          else
            multiplyInteger(rowTile, a, c, k0, count);
        });
      });
    });
  });
  p.loop(p.i64(0), tileCount, 1, [&](Value t) {
    p.loop(p.i64(0), rowCount, 1, [&](Value r) {
      Value row = p.add(row0, r);
      Values values;
      for (int64_t w = 0; w < mb.spec.weights(); ++w) {
        values.push_back(p.load(p.f32s(kTile), productAt(p.i64(w), t, r), 64));
        if (mb.spec.activation == Activation::Int8Row) {
          Value scale = p.load(p.b.getF32Type(), p.at(mb.scales, p.mul(row, 4)));
          values.back() = p.mulF(values.back(), p.broadcast(scale, kTile));
        }
      }
      mb.finish(row, p.add(tile0, t), values);
    });
  });
}

void MatmulPanel::clearProducts() {
  int64_t bytes = mb.spec.weights() * mb.blocks.panelTiles * rowsPadded * 64;
  p.loop(p.i64(0), p.i64(bytes), 64, [&](Value i) { p.store(p.f32(0, kTile), p.at(products, i), 64); });
}

// Rows.

/// Rows beyond the last repeat it; their products are not read.
void MatmulPanel::copyRows(Value k0, Value count) {
  int64_t inputBytes = mb.int8() ? 1 : byteSize(mb.spec.activationType);
  int64_t stride = mb.int8() ? int8RowBytes(layout.K()) : layout.K() * inputBytes;
  Value end = p.mul(p.ceilDiv(rowCount, MR), MR);
  p.loop(p.i64(0), end, 1, [&](Value r) {
    Value from = p.at(mb.x, p.add(p.mul(sourceRow(r), stride), p.mul(k0, inputBytes)));
    copyRow(from, p.at(rows, p.mul(r, rowStride)), count);
  });
}

void MatmulPanel::copyRow(Value from, Value to, Value count) {
  if (mode == PanelMode::F32) {
    FloatKind kind = mb.spec.activationType;
    auto copy = [&](Value k, int64_t valid) {
      Value x = p.loadFloat(kind, p.at(from, p.mul(k, byteSize(kind))), kTile, valid);
      p.store(x, p.at(to, p.mul(k, 4)), 64);
    };
    Value whole = p.mul(p.div(count, kTile), kTile);
    p.loop(p.i64(0), whole, kTile, [&](Value k) { copy(k, -1); });
    if (int64_t rest = layout.K() % kTile)
      p.ifThen(p.less(whole, count), [&] { copy(whole, rest); });
    return;
  }
  // Rows of q go on with zeros to the end of a step, as KC is a multiple of it and K is padded to one.
  int64_t step = KC % 64 ? 16 : 64;
  p.loop(p.i64(0), count, step, [&](Value k) {
    Value bytes = p.load(p.ints(8, step), p.at(from, k), 16);
    if (mode == PanelMode::U8S8) {
      p.store(p.bitXor(bytes, p.integer(0x80, 8, step)), p.at(to, k), 16);
      return;
    }
    Value words = p.bitcast(bytes, p.ints(16, step / 2));
    p.store(p.shiftRightSigned(p.shiftLeft(words, 8), 8), p.at(to, k), 16);
    p.store(p.shiftRightSigned(words, 8), p.at(to, p.add(k, KC)), 16);
  });
}

// Weights.

void MatmulPanel::unpack(int64_t panel, Value tileAddress, Value k0, Value count) {
  if (layout.format().isDense())
    return unpackDense(p.at(panels, panel * panelBytes), tileAddress, k0, count);
  Value end = p.ceilDiv(count, segment);
  p.loop(p.i64(0), end, 1, [&](Value s) {
    Value inputs = p.min(p.i64(segment), p.sub(count, p.mul(s, segment)));
    unpackSegment(panel, tileAddress, k0, s, p.ceilDiv(inputs, layout.codesPerWord()));
  });
}

void MatmulPanel::unpackDense(Value panel, Value tileAddress, Value k0, Value count) {
  Value from = p.at(tileAddress, p.mul(k0, layout.rowBytes()));
  p.loop(p.i64(0), count, 1, [&](Value k) {
    Value address = p.at(from, p.mul(k, layout.rowBytes()));
    Value w = p.loadFloat(layout.format().type, address, kTile, -1, layout.rowBytes());
    p.store(w, p.at(panel, p.mul(k, 64)), 64);
  });
}

/// What is subtracted from the codes of a group, in lanes of what the panel holds; null: nothing.
Value MatmulPanel::zeroLanes(Value tileAddress, Value group) {
  const WeightFormat &format = layout.format();
  if (format.zero == ZeroPoint::Float)
    return mode == PanelMode::F32                        ? mb.zeroVector(tileAddress, group)
           : mode == PanelMode::U8S8 && format.bits == 8 ? p.integer(0x80, 8, 4 * kTile)
                                                         : Value();
  if (mode == PanelMode::F32)
    return format.zero == ZeroPoint::U8 ? mb.zeroVector(tileAddress, group)
                                        : p.integer(layout.symmetricZero(), 32, kTile);
  unsigned bits = mode == PanelMode::U8S8 ? 8 : 16;
  if (format.zero == ZeroPoint::Symmetric)
    return p.integer(layout.symmetricZero(), bits, kTile * 32 / bits);
  Value zero = mb.zeroVector(tileAddress, group);
  zero = p.bitOr(zero, p.shiftLeft(zero, 16));
  if (bits == 8)
    zero = p.bitOr(zero, p.shiftLeft(zero, 8));
  return p.bitcast(zero, p.ints(bits, kTile * 32 / bits));
}

void MatmulPanel::unpackSegment(int64_t panel, Value tileAddress, Value k0, Value s, Value words) {
  Value k = p.add(k0, p.mul(s, segment)); // of the weights
  Value group = p.div(k, layout.group());
  Value scale = mb.scaleVector(tileAddress, group), zero = zeroLanes(tileAddress, group);
  int64_t wordBytes = panelBytes / KC * layout.codesPerWord();
  Value inGroup = p.div(p.rem(k, layout.group()), layout.codesPerWord());
  Value from = p.at(mb.packed(tileAddress).codes(group), p.mul(inGroup, WeightLayout::kWordBytes));
  Value to = p.at(p.at(panels, panel * panelBytes), p.mul(s, panelBytes / KC * segment));
  Value sum = p.loop(p.i64(0), words, 1, {p.integer(0, 32, kTile)}, [&](Value w, ValueRange state) -> Values {
    Value correction = state[0];
    Value word = p.load(p.ints(32, kTile), p.at(from, p.mul(w, WeightLayout::kWordBytes)), 64);
    unpackWord(word, p.at(to, p.mul(w, wordBytes)), zero, scale, correction);
    return {correction};
  })[0];
  if (mode == PanelMode::F32)
    return;
  p.store(p.sub(p.integer(0, 32, kTile), sum), tableAt(corrections, panel, s), 64);
  p.store(scale, tableAt(scaleTable, panel, s), 64);
  if (layout.format().zero != ZeroPoint::Float)
    return;
  // Sums of activations are those of whole groups: they count in a group's first segment.
  Value floatZero = mb.zeroVector(tileAddress, group);
  if (zero)
    floatZero = p.subF(floatZero, p.f32(128, kTile));
  Value first = p.equal(p.rem(k, layout.group()), p.i64(0));
  Value product = p.mulF(floatZero, scale);
  product = arith::SelectOp::create(p.b, p.loc, first, product, p.f32(0, kTile));
  p.store(product, tableAt(zeroTable, panel, s), 64);
}

void MatmulPanel::unpackWord(Value word, Value to, Value zero, Value scale, Value &correction) {
  int bits = layout.format().bits, mask = (1 << bits) - 1;
  if (mode == PanelMode::F32) {
    for (int64_t i = 0; i < layout.codesPerWord(); ++i) {
      Value code = p.bitAnd(p.shiftRight(word, layout.bitOf(i)), p.integer(mask, 32, kTile));
      bool floatZero = layout.format().zero == ZeroPoint::Float;
      Value value = floatZero ? p.subF(p.toF32(code), zero) : p.toF32(p.sub(code, zero));
      p.store(p.mulF(value, scale), p.at(to, i * 64), 64);
    }
    return;
  }
  for (int64_t slot = 0; slot * bits < 8; ++slot) {
    Value codes = p.bitAnd(p.shiftRight(word, slot * bits), p.integer(MatmulBody::everyByte(mask), 32, kTile));
    if (mode == PanelMode::U8S8) {
      Value bytes = p.bitcast(codes, p.ints(8, 4 * kTile));
      if (zero)
        bytes = p.sub(bytes, zero);
      p.store(bytes, p.at(to, slot * 64), 64);
      correction = p.dot4(correction, p.integer(0x80, 8, 4 * kTile), bytes, 255);
      continue;
    }
    for (int64_t odd = 0; odd < 2; ++odd) {
      Value pair = p.bitAnd(p.shiftRight(codes, odd * 8), p.integer(0x00ff00ff, 32, kTile));
      pair = p.bitcast(pair, p.ints(16, 2 * kTile));
      if (zero)
        pair = p.sub(pair, zero);
      p.store(pair, p.at(to, slot * 128 + odd * 64), 64);
    }
  }
}

// Products.

void MatmulPanel::multiplyFloat(Value a, ArrayRef<Value> panels, Value c, Value count) {
  auto product = [&](int64_t r, int64_t n) { return p.at(c, (n * rowsPadded + r) * 64); };
  Values init;
  for (int64_t n = 0; n < NR; ++n)
    for (int64_t r = 0; r < MR; ++r)
      init.push_back(p.load(p.f32s(kTile), product(r, n), 64));
  Values acc = p.loop(p.i64(0), count, 1, init, [&](Value k, ValueRange state) {
    Values acc(state), w;
    for (Value panel : panels)
      w.push_back(p.load(p.f32s(kTile), p.at(panel, p.mul(k, 64)), 64));
    Value ak = p.at(a, p.mul(k, 4));
    for (int64_t r = 0; r < MR; ++r) {
      Value x = p.broadcast(p.load(p.b.getF32Type(), p.at(ak, r * rowStride)), kTile);
      for (int64_t n = 0; n < NR; ++n)
        acc[n * MR + r] = p.mulAdd(x, w[n], acc[n * MR + r]);
    }
    return acc;
  });
  for (int64_t n = 0; n < NR; ++n)
    for (int64_t r = 0; r < MR; ++r)
      p.store(acc[n * MR + r], product(r, n), 64);
}

void MatmulPanel::multiplyInteger(Value rowTile, Value a, Value c, Value k0, Value count) {
  int64_t fourBytes = 4 * panelBytes / KC; // of a panel: four inputs
  bool bytes = mode == PanelMode::U8S8;
  Type lanes = bytes ? p.ints(8, 4 * kTile) : p.ints(16, 2 * kTile);
  Value end = p.ceilDiv(count, segment);
  p.loop(p.i64(0), end, 1, [&](Value s) {
    Value inputs = p.min(p.i64(segment), p.sub(count, p.mul(s, segment)));
    // To the end of the last word, as corrections do.
    Value fours = p.mul(p.ceilDiv(inputs, layout.codesPerWord()), layout.codesPerWord() / 4);
    Values init;
    for (int64_t n = 0; n < NR; ++n)
      for (int64_t r = 0; r < MR; ++r)
        init.push_back(bytes ? p.load(p.ints(32, kTile), tableAt(corrections, n, s), 64) : p.integer(0, 32, kTile));
    Value aSegment = p.at(a, p.mul(s, segment)), panel = p.at(panels, p.mul(s, panelBytes / KC * segment));
    Values acc = p.loop(p.i64(0), fours, 1, init, [&](Value four, ValueRange state) {
      Values acc(state);
      for (int64_t part = 0; part < (bytes ? 1 : 2); ++part) {
        Values w;
        for (int64_t n = 0; n < NR; ++n)
          w.push_back(p.load(lanes, p.at(p.at(panel, p.mul(four, fourBytes)), n * panelBytes + part * 64), 64));
        Value ak = p.at(aSegment, p.mul(four, 4));
        for (int64_t r = 0; r < MR; ++r) {
          Value q = p.load(p.b.getI32Type(), p.at(ak, r * rowStride + part * KC));
          q = p.bitcast(p.broadcast(q, kTile), lanes);
          for (int64_t n = 0; n < NR; ++n) {
            Value &sum = acc[n * MR + r];
            sum = bytes ? p.dot4(sum, {q}, {w[n]}, 255) : p.dot2(sum, q, w[n]);
          }
        }
      }
      return acc;
    });
    Value group = p.div(p.add(k0, p.mul(s, segment)), layout.group());
    Values scale, zero;
    for (int64_t n = 0; n < NR; ++n) {
      scale.push_back(p.load(p.f32s(kTile), tableAt(scaleTable, n, s), 64));
      if (zeroTable)
        zero.push_back(p.load(p.f32s(kTile), tableAt(zeroTable, n, s), 64));
    }
    for (int64_t r = 0; r < MR; ++r) {
      Value row = sourceRow(p.add(p.mul(rowTile, MR), r));
      Value entry = p.mul(p.add(p.mul(row, layout.groups()), group), 4);
      Value rowScale, negated;
      if (mb.spec.activation == Activation::Int8Group)
        rowScale = p.broadcast(p.load(p.b.getF32Type(), p.at(mb.scales, entry)), kTile);
      if (zeroTable) {
        Value sum = p.sub(p.i32(0), p.load(p.b.getI32Type(), p.at(mb.sums, entry)));
        negated = p.broadcast(p.toF32(sum), kTile);
        if (rowScale)
          negated = p.mulF(negated, rowScale);
      }
      for (int64_t n = 0; n < NR; ++n) {
        Value address = p.at(c, (n * rowsPadded + r) * 64);
        Value y = p.load(p.f32s(kTile), address, 64);
        y = p.mulAdd(p.toF32(acc[n * MR + r]), rowScale ? p.mulF(scale[n], rowScale) : scale[n], y);
        if (zeroTable)
          y = p.mulAdd(zero[n], negated, y);
        p.store(y, address, 64);
      }
    }
  });
}

void emitMatmulPanel(MatmulBody &body) { MatmulPanel(body).emit(); }

} // namespace hadron::kernels
