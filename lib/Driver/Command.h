// What the commands share: arguments, errors, and the way from a command line to an open library.
#ifndef HADRON_LIB_DRIVER_COMMAND_H
#define HADRON_LIB_DRIVER_COMMAND_H

#include "hadron/Driver/LoadedLibrary.h"
#include "hadron/Pipelines/Compile.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hadron::driver {

enum ExitCode { Done = 0, WrongInput = 1, WrongUsage = 2, Bug = 70 };

/// The numbers of the options in Options.td.
enum OptionID {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

//===------------------------------------------------------------------------------------------------------------===//
// Errors
//===------------------------------------------------------------------------------------------------------------===//

/// One sentence for the user, and the exit code that goes with it. An empty text: it has been said already.
class CommandError : public llvm::ErrorInfo<CommandError> {
public:
  static char ID;
  CommandError(ExitCode code, std::string text) : code(code), text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

  const ExitCode code;
  const std::string text;
};

/// Something that the user gave is wrong: a file, a model, a name.
llvm::Error inputError(const llvm::Twine &text);
/// The command line itself is wrong.
llvm::Error usageError(const llvm::Twine &text);
/// Diagnostics have said what is wrong.
llvm::Error reportedError();
/// Hadron is wrong.
llvm::Error bugError(const llvm::Twine &text);
/// `hadron: error: TEXT` on stderr, on one line.
void printError(const llvm::Twine &text);

//===------------------------------------------------------------------------------------------------------------===//
// Arguments
//===------------------------------------------------------------------------------------------------------------===//

class Arguments {
public:
  Arguments(llvm::StringRef command, const llvm::opt::InputArgList &list) : command(command), list(list) {}

  llvm::StringRef getCommand() const { return command; }
  bool has(OptionID id) const { return list.hasArg(id); }
  llvm::StringRef get(OptionID id, llvm::StringRef otherwise = "") const { return list.getLastArgValue(id, otherwise); }
  std::vector<std::string> getAll(OptionID id) const { return list.getAllArgValues(id); }
  std::vector<std::string> getPositional() const { return list.getAllArgValues(OPT_INPUT); }
  /// `--name` of an option.
  std::string getSpelling(OptionID id) const;
  /// A whole number in [least, most].
  llvm::Expected<int64_t> getNumber(OptionID id, int64_t otherwise, int64_t least, int64_t most) const;
  /// A number >= 0.
  llvm::Expected<double> getReal(OptionID id, double otherwise) const;
  /// One of `allowed`; "" when it was not given.
  llvm::Expected<std::string> getChoice(OptionID id, llvm::ArrayRef<llvm::StringRef> allowed) const;
  /// NAME=VALUE, once for each NAME.
  llvm::Expected<std::vector<std::pair<std::string, std::string>>> getPairs(OptionID id) const;
  /// The one thing that the command works on, `what` by name in the error.
  llvm::Expected<std::string> getSubject(llvm::StringRef what) const;

private:
  llvm::StringRef command;
  const llvm::opt::InputArgList &list;
};

//===------------------------------------------------------------------------------------------------------------===//
// Shared steps
//===------------------------------------------------------------------------------------------------------------===//

/// `--threads`, else 0: the library and the compiler have the same defaults.
llvm::Expected<int> getThreads(const Arguments &arguments);
/// The options of `compile`, checked.
llvm::Expected<CompileOptions> getCompileOptions(const Arguments &arguments, llvm::StringRef model);
/// compileModel with diagnostics on stderr and progress on a terminal.
llvm::Error compile(CompileOptions options, std::string *ir = nullptr);

struct OpenedSubject {
  std::unique_ptr<LoadedLibrary> library;
  double loadSeconds = 0;
};
/// Opens the library in a folder, or compiles a model into a temporary one, which is gone when this returns.
llvm::Expected<OpenedSubject> openSubject(const Arguments &arguments, llvm::StringRef subject);

/// The same for the model that another one is compared with, which is compiled without a change.
llvm::Expected<OpenedSubject> openReference(const Arguments &arguments, llvm::StringRef subject);

/// Writes a file that appears whole or not at all; "-" is stdout.
llvm::Error writeWhole(llvm::StringRef path, llvm::StringRef contents);

//===------------------------------------------------------------------------------------------------------------===//
// Commands
//===------------------------------------------------------------------------------------------------------------===//

llvm::Error runImport(const Arguments &arguments);
llvm::Error runCompile(const Arguments &arguments);
llvm::Error runRun(const Arguments &arguments);
llvm::Error runTestData(const Arguments &arguments, llvm::StringRef model, llvm::ArrayRef<std::string> folders);
llvm::Error runGenerate(const Arguments &arguments);
llvm::Error runPerplexity(const Arguments &arguments);
llvm::Error runBench(const Arguments &arguments);
llvm::Error runFormats(const Arguments &arguments);
llvm::Error runVersion(const Arguments &arguments);

} // namespace hadron::driver

#endif // HADRON_LIB_DRIVER_COMMAND_H
