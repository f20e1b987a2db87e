// hadron formats, hadron version.
#include "Command.h"
#include "Hadron/IR/Hadron.h"
#include "hadron/Target/Host.h"
#include "hadron/Transforms/FormatNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;

namespace {
struct FormatRow {
  StringRef name, text;
};
} // namespace

/// The formats by kind; what they cost comes from their attributes.
static constexpr FormatRow kFormats[] = {
    {"f32", "32-bit floats"},
    {"f16", "16-bit floats"},
    {"bf16", "bfloat16"},
    {"int8", "8-bit integers, symmetric; the group is picked by the width"},
    {"int8:row", "one scale for each output"},
    {"int4", "4-bit integers, symmetric, in groups of 32"},
    {"int4:g32:asym", "with a zero point for each group"},
    {"int4:g128:sym", "larger groups"},
    {"int4:g32:sym:f16", "scales of 16 bits"},
    {"int2", "2-bit integers, symmetric, in groups of 32"},
    {"int2:g64:asym", "larger groups, with zero points"},
};

static constexpr int64_t kInputs = 4096;

llvm::Error driver::runFormats(const Arguments &arguments) {
  if (!arguments.getPositional().empty())
    return usageError("hadron formats takes no argument '" + arguments.getPositional()[0] + "'");
  mlir::MLIRContext context;
  context.loadDialect<HadronDialect>();
  llvm::json::Array rows;
  if (!arguments.has(OPT_as_json))
    llvm::outs() << "format            bits/weight (4096 inputs)\n"
                    "none                   -     as the model has them, packed ones packed\n";
  for (const FormatRow &row : kFormats) {
    llvm::Expected<PackedFormat> format = parseFormat(&context, row.name, kInputs);
    if (!format)
      return bugError(llvm::toString(format.takeError()));
    double bits = format->getBitsPerWeight(kInputs);
    std::string full = format->getFormatName();
    if (arguments.has(OPT_as_json))
      rows.push_back(llvm::json::Object{
          {"name", row.name}, {"format", full}, {"bits_per_weight", bits}, {"inputs", kInputs}, {"text", row.text}});
    else
      llvm::outs() << llvm::left_justify(row.name, 18) << llvm::format("%8.4f     ", bits) << row.text
                   << (full == row.name ? std::string() : " (" + full + ")") << '\n';
  }
  if (arguments.has(OPT_as_json))
    llvm::outs() << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(rows)));
  else
    llvm::outs() << "\nname[:option]…: gN, groups of N inputs, a multiple of 16; row, one group; sym, asym; f16, bf16: "
                    "the scales\n";
  return llvm::Error::success();
}

llvm::Error driver::runVersion(const Arguments &arguments) {
  if (!arguments.getPositional().empty())
    return usageError("hadron version takes no argument '" + arguments.getPositional()[0] + "'");
  llvm::outs() << "hadron " << host::version() << " (LLVM " << LLVM_VERSION_STRING << ")\n";
  return llvm::Error::success();
}
