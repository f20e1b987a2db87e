// Changes of basis, and what keeps a basis.
#include "Evaluator.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;
using Result = llvm::Expected<RefValue>;

RefValue reference::mapRows(const RefValue &value, int64_t span, function_ref<void(MutableArrayRef<double>)> change) {
  int64_t width = 1;
  for (int64_t d : value.getShape().take_back(span))
    width *= d;
  RefValue result = value;
  std::vector<Scalar> &to = result.edit();
  std::vector<double> row(width);
  for (size_t base = 0; base < to.size(); base += width) {
    for (int64_t i = 0; i < width; ++i)
      row[i] = to[base + i].f;
    change(row);
    for (int64_t i = 0; i < width; ++i)
      to[base + i].f = row[i];
  }
  return result;
}

namespace {

Result rotate(Evaluator &e, RotateOp op) {
  RotationAttr rotation = ::hadron::getBasis(op.getType());
  return mapRows(e[op.getInput()], rotation.getSpan(), [&](MutableArrayRef<double> x) { rotation.apply(x, false); });
}

Result unrotate(Evaluator &e, UnrotateOp op) {
  RotationAttr rotation = ::hadron::getBasis(op.getInput().getType());
  return mapRows(e[op.getInput()], rotation.getSpan(), [&](MutableArrayRef<double> x) { rotation.apply(x, true); });
}

Result fwht(Evaluator &e, FWHTOp op) {
  double scale = op.getScale().convertToDouble();
  return mapRows(e[op.getInput()], op.getRotation().getSpan(), [&](MutableArrayRef<double> row) {
    op.getRotation().apply(row, op.getInverse());
    for (double &x : row)
      x *= scale;
  });
}

Result add(Evaluator &e, AddOp op) {
  RefValue sum = e[op.getLhs()], other = e[op.getRhs()];
  if (sum.getShape() != other.getShape())
    return fail(op, "the operands' shapes differ");
  std::vector<Scalar> &to = sum.edit();
  for (size_t i = 0; i < to.size(); ++i)
    if (sum.isFloat())
      to[i].f += other.getFloat(i);
    else
      to[i].i = wrapTo(sum.getElementType(), static_cast<int64_t>(static_cast<uint64_t>(to[i].i) + other.getInt(i)));
  return sum;
}

Result castOp(Evaluator &e, CastOp op) {
  Type type = ::hadron::getTensor(op.getType()).getElementType();
  RefValue value = e[op.getInput()].withElementType(type);
  for (Scalar &x : value.edit())
    x.f = roundTo(type, x.f);
  return value;
}

} // namespace

void reference::addRotationHandlers(HandlerTable &table) {
  table.add(rotate);
  table.add(unrotate);
  table.add(fwht);
  table.add(add);
  table.add(castOp);
}
