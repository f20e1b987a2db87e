// Functions around a kernel body: the body itself, the task that loads its slots, the table over instruction sets, and
// the number of work items.
#include "hadron/Kernels/Body.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

SmallVector<Type> slotTypes(MLIRContext *context, const Kernel &kernel) {
  SmallVector<Type> types;
  for (bool index : kernel.slotIsIndex)
    types.push_back(index ? Type(IntegerType::get(context, 64)) : Type(LLVM::LLVMPointerType::get(context)));
  return types;
}

LLVM::LLVMFuncOp createFunction(OpBuilder &builder, Location loc, StringRef name, Type result,
                                ArrayRef<Type> arguments) {
  auto function = LLVM::LLVMFuncOp::create(builder, loc, name, LLVM::LLVMFunctionType::get(result, arguments),
                                           LLVM::Linkage::Internal);
  function.addEntryBlock(builder);
  return function;
}

/// The values of all slots, loaded from the array that `slots` points to.
SmallVector<Value> loadSlots(OpBuilder &builder, Location loc, ArrayRef<Type> types, Value slots) {
  SmallVector<Value> values;
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  for (auto [i, type] : llvm::enumerate(types)) {
    Value address =
        LLVM::GEPOp::create(builder, loc, pointer, builder.getI64Type(), slots,
                            ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)}, LLVM::GEPNoWrapFlags::inbounds);
    auto load = LLVM::LoadOp::create(builder, loc, type, address, /*alignment=*/8);
    load.setInvariant(true);
    values.push_back(load);
  }
  return values;
}

void setTarget(LLVM::LLVMFuncOp function, const cpu::Target &target) {
  MLIRContext *context = function.getContext();
  function.setTargetCpuAttr(StringAttr::get(context, target.llvmCPU));
  if (!target.features.empty()) {
    SmallVector<StringRef> features;
    target.features.split(features, ',');
    function.setTargetFeaturesAttr(LLVM::TargetFeaturesAttr::get(context, features));
  }
  // Bodies are written for the full register width; without this LLVM splits 512-bit vectors in halves.
  std::string bits = std::to_string(target.vectorBytes * 8);
  auto pair = [&](StringRef key) {
    return ArrayAttr::get(context, {StringAttr::get(context, key), StringAttr::get(context, bits)});
  };
  function.setPassthroughAttr(ArrayAttr::get(
      context, {StringAttr::get(context, "nounwind"), pair("prefer-vector-width"), pair("min-legal-vector-width")}));
}

} // namespace

LogicalResult emitKernel(ModuleOp module, const Kernel &kernel, ArrayRef<const cpu::Target *> targets) {
  MLIRContext *context = module.getContext();
  Location loc = NameLoc::get(StringAttr::get(context, kernel.name));
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type i64 = builder.getI64Type();
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto none = LLVM::LLVMVoidType::get(context);
  SmallVector<Type> types = slotTypes(context, kernel);

  SmallVector<std::string> tasks;
  for (const cpu::Target *target : targets) {
    std::string name = kernel.name + "." + target->name.str();
    SmallVector<Type> arguments{i64, i64};
    llvm::append_range(arguments, types);
    auto body = createFunction(builder, loc, name, none, arguments);
    setTarget(body, *target);
    for (auto [i, index] : llvm::enumerate(kernel.slotIsIndex))
      if (!index)
        body.setArgAttr(i + 2, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    {
      OpBuilder::InsertionGuard guard(builder);
      Block &entry = body.getBody().front();
      builder.setInsertionPointToStart(&entry);
      SmallVector<Value> slots(entry.getArguments().drop_front(2));
      Body where{builder, loc, *target, entry.getArgument(0), entry.getArgument(1), slots};
      if (failed(kernel.emitBody(where)))
        return failure();
      builder.setInsertionPointToEnd(&body.getBody().back());
      LLVM::ReturnOp::create(builder, loc, ValueRange{});
    }
    tasks.push_back(name + ".task");
    auto task = createFunction(builder, loc, tasks.back(), none, {pointer, i64, i64});
    setTarget(task, *target);
    OpBuilder::InsertionGuard guard(builder);
    Block &entry = task.getBody().front();
    builder.setInsertionPointToStart(&entry);
    SmallVector<Value> operands{entry.getArgument(1), entry.getArgument(2)};
    llvm::append_range(operands, loadSlots(builder, loc, types, entry.getArgument(0)));
    LLVM::CallOp::create(builder, loc, body, operands);
    LLVM::ReturnOp::create(builder, loc, ValueRange{});
  }

  auto tableType = LLVM::LLVMArrayType::get(pointer, tasks.size());
  auto table = LLVM::GlobalOp::create(builder, loc, tableType, /*isConstant=*/true, LLVM::Linkage::Internal,
                                      kernel.name + ".table", Attribute());
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&table.getInitializerRegion());
    Value array = LLVM::UndefOp::create(builder, loc, tableType);
    for (auto [i, name] : llvm::enumerate(tasks)) {
      Value address = LLVM::AddressOfOp::create(builder, loc, pointer, name);
      array = LLVM::InsertValueOp::create(builder, loc, array, address, ArrayRef<int64_t>{static_cast<int64_t>(i)});
    }
    LLVM::ReturnOp::create(builder, loc, array);
  }

  auto work = createFunction(builder, loc, kernel.name + ".work", i64, {pointer});
  OpBuilder::InsertionGuard guard(builder);
  Block &entry = work.getBody().front();
  builder.setInsertionPointToStart(&entry);
  SmallVector<Value> slots = loadSlots(builder, loc, types, entry.getArgument(0));
  Value count = kernel.emitWork(builder, loc, slots);
  LLVM::ReturnOp::create(builder, loc, count);
  return success();
}

} // namespace hadron::kernels
