// name[:option]… → a format attribute.
#include "hadron/Transforms/FormatNames.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace hadron {
namespace {

llvm::Error unknown(StringRef name, const Twine &why) {
  return llvm::createStringError("unknown weight format '" + name + "': " + why +
                                 "; formats: f32, f16, bf16, int2, int4, int8, with options :gN (N a multiple of 16) "
                                 "or :row, :sym or :asym, :f16 or :bf16 scales");
}

} // namespace

llvm::Expected<hadron::PackedFormat> parseFormat(MLIRContext *context, StringRef name, int64_t inputs) {
  Builder builder(context);
  SmallVector<StringRef> parts;
  name.split(parts, ':');
  auto floatType = [&](StringRef text) -> Type {
    return llvm::StringSwitch<Type>(text)
        .Case("f32", builder.getF32Type())
        .Case("f16", builder.getF16Type())
        .Case("bf16", builder.getBF16Type())
        .Default(Type());
  };
  if (Type dense = floatType(parts[0])) {
    if (parts.size() > 1)
      return unknown(name, "a dense format has no options");
    return cast<hadron::PackedFormat>(Attribute(DenseFormatAttr::get(context, dense)));
  }
  int64_t bits = llvm::StringSwitch<int64_t>(parts[0]).Case("int2", 2).Case("int4", 4).Case("int8", 8).Default(0);
  if (!bits)
    return unknown(name, "no format of that name");
  // Small groups cost bits, large ones accuracy: the larger the code, the larger the group that it can serve.
  int64_t group = 32;
  for (int64_t candidate : {128, 64})
    if (bits == 8 && inputs % candidate == 0) {
      group = candidate;
      break;
    }
  ZeroKind zero = ZeroKind::Symmetric;
  Type scale = builder.getF32Type();
  for (StringRef option : ArrayRef<StringRef>(parts).drop_front()) {
    StringRef rest = option;
    if (option == "sym") {
      zero = ZeroKind::Symmetric;
    } else if (option == "asym") {
      zero = ZeroKind::Integer;
    } else if (option == "row") {
      group = 0;
    } else if (Type type = floatType(option)) {
      scale = type;
    } else if (rest.consume_front("g")) {
      if (rest.getAsInteger(10, group) || group < 16 || group % 16)
        return unknown(name, "'" + option + "' is no group of a multiple of 16 inputs");
    } else {
      return unknown(name, "no option '" + option + "'");
    }
  }
  return cast<hadron::PackedFormat>(Attribute(IntFormatAttr::get(context, bits, group, zero, scale)));
}

} // namespace hadron
