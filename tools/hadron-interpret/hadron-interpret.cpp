// hadron-interpret: runs a function of a module in the reference interpreter, on NumPy files.
//
//   hadron-interpret model.mlir --entry main --input x=x.npy --state past.key=key.npy --output-dir out
//
// Inputs go by `hadron.name`, else by position. A state starts empty unless it is given as [batch, heads, length, dim].
// Writes out/NAME.npy for every result and every state.
#include "hadron/Reference/Interpreter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace hadron;
namespace cl = llvm::cl;
using RefValue = reference::Value;

static cl::opt<std::string> inputFile(cl::Positional, cl::desc("FILE.mlir"), cl::Required);
static cl::opt<std::string> entry("entry", cl::desc("function to run"), cl::init("main"));
static cl::list<std::string> inputs("input", cl::desc("NAME=FILE.npy"), cl::value_desc("NAME=FILE"));
static cl::list<std::string> states("state", cl::desc("NAME=FILE.npy, [batch, heads, length, dim]"),
                                    cl::value_desc("NAME=FILE"));
static cl::opt<std::string> outputDir("output-dir", cl::desc("folder for the results"), cl::init("."));
static cl::opt<std::string> folder("folder", cl::desc("folder of the model's files (default: that of FILE.mlir)"));
static cl::opt<bool> single("f32", cl::desc("write floats as float32 (default: float64)"));

static int fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << "\n";
  return 1;
}

/// The name that a function's argument or result goes by.
static std::string nameOf(DictionaryAttr attributes, StringRef fallback, unsigned index) {
  StringAttr name = attributes ? attributes.getAs<StringAttr>(HadronDialect::kName) : StringAttr();
  return name ? name.str() : (fallback + Twine(index)).str();
}

/// Names in models have characters that file names must not have.
static llvm::Error write(std::string name, const RefValue &value) {
  for (char &c : name)
    if (c == '/' || c == '\0')
      c = '_';
  llvm::SmallString<128> path(outputDir);
  llvm::sys::path::append(path, name + ".npy");
  return writeNpy(path, reference::toNpy(value, single));
}

static RefValue contents(reference::State &state, Type element) {
  RefValue value(element, {state.batch, state.type.getHeads(), state.length, state.type.getDim()});
  std::vector<reference::Scalar> &to = value.edit();
  for (size_t i = 0; i < to.size(); ++i)
    to[i].f = state.data[i];
  return value;
}

static llvm::Expected<RefValue> readArgument(Type type, const std::map<std::string, std::string> &files,
                                             const std::string &name) {
  auto it = files.find(name);
  if (auto state = dyn_cast<StateType>(type); state && it == files.end())
    return reference::emptyState(state);
  if (it == files.end())
    return llvm::createStringError("no --input for '" + name + "'");
  auto array = readNpy(it->second);
  if (!array)
    return array.takeError();
  auto value = [&]() -> llvm::Expected<RefValue> {
    if (auto state = dyn_cast<StateType>(type)) {
      SmallVector<int64_t> any(4, ShapedType::kDynamic);
      auto values = reference::fromNpy(RankedTensorType::get(any, state.getElement()), *array);
      return values ? reference::stateFrom(state, *values) : std::move(values);
    }
    if (RankedTensorType tensor = ::hadron::getTensor(type))
      return reference::fromNpy(tensor, *array);
    if (type.isIntOrIndexOrFloat())
      return reference::fromNpy(RankedTensorType::get({}, type), *array);
    return llvm::createStringError("its type cannot be read from a file");
  }();
  if (!value)
    return llvm::createStringError("'" + name + "': " + llvm::toString(value.takeError()));
  return value;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "Hadron's reference interpreter\n");
  DialectRegistry registry;
  registry.insert<HadronDialect, affine::AffineDialect, arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect,
                  math::MathDialect, scf::SCFDialect, tensor::TensorDialect>();
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(inputFile, &context);
  if (!module)
    return 1;
  auto function = module->lookupSymbol<func::FuncOp>(entry);
  if (!function)
    return fail("there is no function '" + entry + "'");

  std::map<std::string, std::string> files;
  for (StringRef text : llvm::concat<std::string>(inputs, states)) {
    auto [name, file] = text.rsplit('=');
    if (file.empty())
      return fail("expected NAME=FILE; found '" + text + "'");
    files[name.str()] = file.str();
  }
  std::vector<RefValue> arguments;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    std::string name = nameOf(function.getArgAttrDict(i), "", i);
    auto value = readArgument(type, files, name);
    if (!value)
      return fail(llvm::toString(value.takeError()));
    arguments.push_back(std::move(*value));
    files.erase(name);
  }
  if (!files.empty())
    return fail("the function has no argument '" + files.begin()->first + "'");

  reference::Options options;
  options.folder = folder.empty() ? llvm::sys::path::parent_path(inputFile).str() : folder;
  auto results = reference::interpret(function, arguments, options);
  if (!results)
    return fail(llvm::toString(results.takeError()));
  if (std::error_code code = llvm::sys::fs::create_directories(outputDir))
    return fail("'" + outputDir + "': " + code.message());
  for (auto [i, value] : llvm::enumerate(*results)) {
    if (value.isPacked() || value.isState())
      continue;
    if (llvm::Error error = write(nameOf(function.getResultAttrDict(i), "result", i), value))
      return fail(llvm::toString(std::move(error)));
  }
  for (auto [i, value] : llvm::enumerate(arguments)) {
    if (!value.isState())
      continue;
    // A state's contents go by the name of the output that it replaced.
    reference::State &state = value.getState();
    std::string name = nameOf(function.getArgAttrDict(i), "state", i);
    if (auto attribute = function.getArgAttrOfType<DictionaryAttr>(i, HadronDialect::kState))
      if (auto present = attribute.getAs<StringAttr>("present"))
        name = present.str();
    if (llvm::Error error = write(name, contents(state, state.type.getElement())))
      return fail(llvm::toString(std::move(error)));
  }
  return 0;
}
