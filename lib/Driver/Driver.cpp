// From the command line to a command, and from its outcome to an exit code.
#include "hadron/Driver/Driver.h"

#include "Command.h"
#include "Crash.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/raw_ostream.h"

using namespace hadron;
using namespace hadron::driver;
using namespace llvm::opt;
using llvm::StringRef;
using llvm::Twine;

//===------------------------------------------------------------------------------------------------------------===//
// The tables
//===------------------------------------------------------------------------------------------------------------===//

#define OPTTABLE_STR_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

#define OPTTABLE_SUBCOMMAND_IDS_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_SUBCOMMAND_IDS_TABLE_CODE

#define OPTTABLE_SUBCOMMANDS_CODE
#include "Options.inc"
#undef OPTTABLE_SUBCOMMANDS_CODE

static constexpr OptTable::Info kOptions[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

namespace {

class CommandLine : public GenericOptTable {
public:
  CommandLine()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, kOptions, /*IgnoreCase=*/false, OptionSubCommands,
                        OptionSubCommandIDsTable) {
    setDashDashParsing(true);
  }
};

struct Command {
  StringRef name;
  llvm::Error (*run)(const Arguments &);
};

} // namespace

static constexpr Command kCommands[] = {
    {"import", runImport},         {"compile", runCompile}, {"run", runRun},         {"generate", runGenerate},
    {"perplexity", runPerplexity}, {"bench", runBench},     {"formats", runFormats}, {"version", runVersion},
};

static const OptTable::SubCommand &describe(StringRef command) {
  return *llvm::find_if(OptionSubCommands, [&](const OptTable::SubCommand &row) { return row.Name == command; });
}

//===------------------------------------------------------------------------------------------------------------===//
// Help
//===------------------------------------------------------------------------------------------------------------===//

static void printCommands(llvm::raw_ostream &os) {
  for (const Command &command : kCommands)
    os << "  " << llvm::left_justify(command.name, 12) << describe(command.name).HelpText << '\n';
}

static void printHelp() {
  llvm::outs() << "Hadron compiles Hadamard-rotated, quantized networks into kernel libraries.\n\n"
                  "usage: hadron COMMAND [options]; `hadron COMMAND --help` has the options\n\n";
  printCommands(llvm::outs());
  llvm::outs() << "\nexit codes: 0 done, 1 an input is wrong, 2 the command line is wrong, 70 a bug in Hadron\n";
}

/// The options of one command, as far as `isShown` goes.
static void printOptions(const CommandLine &table, StringRef command, StringRef title,
                         llvm::function_ref<bool(unsigned)> isShown) {
  bool first = true;
  for (unsigned id = OPT_UNKNOWN + 1; id <= table.getNumOptions(); ++id) {
    Option option = table.getOption(id);
    const char *help = table.getOptionHelpText(id);
    const OptTable::Info &info = kOptions[id - 1];
    if (!help || !isShown(id) || (info.hasSubCommands() && !table.isValidForSubCommand(&info, command)))
      continue;
    if (first)
      llvm::outs() << '\n' << title << '\n';
    first = false;
    std::string left = "  " + option.getPrefixedName().str();
    if (const char *meta = table.getOptionMetaVar(id))
      left += std::string(" ") + meta;
    constexpr size_t column = 31;
    // Characters, not bytes: some names of values end in an ellipsis.
    size_t width = llvm::count_if(left, [](char c) { return (c & 0xc0) != 0x80; });
    llvm::outs() << left;
    if (width + 1 > column) {
      llvm::outs() << '\n';
      width = 0;
    }
    for (auto [text, rest] = StringRef(help).split('\n'); !text.empty() || !rest.empty();
         std::tie(text, rest) = rest.split('\n'), width = 0)
      llvm::outs().indent(column - width) << text << '\n';
  }
}

static void printHelp(const CommandLine &table, StringRef command) {
  const OptTable::SubCommand &row = describe(command);
  llvm::outs() << row.HelpText << ".\n\nusage: " << row.Usage << '\n';
  bool runsModels = table.isValidForSubCommand(&kOptions[OPT_device - 1], command);
  auto compiles = [&](unsigned id) { return table.getOptionGroupID(id) == OPT_compilation; };
  printOptions(table, command, "options", [&](unsigned id) { return !runsModels || !compiles(id); });
  if (runsModels)
    printOptions(table, command, "options for a MODEL, which is compiled first", compiles);
  if (command == "perplexity")
    llvm::outs()
        << "\nThe JSON is {\"perplexity\", \"nll\", \"top1_agreement\"}: nll has, for each window, the sum of -log p "
           "(natural\nlogarithm) of its tokens but the first, each after those before it in the window; "
           "perplexity is\nexp(sum of nll / number of predicted tokens); top1_agreement, with --reference, is "
           "the share of\npositions where both models like the same token best, else null.\n";
}

//===------------------------------------------------------------------------------------------------------------===//
// Parsing
//===------------------------------------------------------------------------------------------------------------===//

/// Checks what OptTable lets through: unknown options, options of other commands, options without their value.
static llvm::Error checkOptions(const CommandLine &table, StringRef command, const InputArgList &list,
                                unsigned missingIndex, unsigned missingCount) {
  if (missingCount)
    return usageError(Twine("option ") + list.getArgString(missingIndex) + " needs a value");
  for (const Arg *arg : list) {
    Option option = arg->getOption().getUnaliasedOption();
    if (option.getID() == OPT_UNKNOWN) {
      std::string text = "unknown option " + arg->getAsString(list), nearest;
      if (table.findNearest(StringRef(arg->getSpelling()).split('=').first, nearest) <= 2)
        text += ", did you mean " + StringRef(nearest).rtrim('=').str() + "?";
      return usageError(text + " (see hadron " + command + " --help)");
    }
    const OptTable::Info &info = kOptions[option.getID() - 1];
    if (info.hasSubCommands() && !table.isValidForSubCommand(&info, command))
      return usageError("hadron " + command + " has no option " + option.getPrefixedName() + " (see hadron " + command +
                        " --help)");
  }
  return llvm::Error::success();
}

/// Both `run --json FILE` and `formats --json`: the table knows one option of a spelling, so the switch is told apart
/// here.
static bool isSwitch(StringRef command, StringRef argument) { return command == "formats" && argument == "--json"; }

static llvm::Error runCommand(const Command &command, llvm::ArrayRef<const char *> rest) {
  CommandLine table;
  llvm::SmallVector<const char *> argv;
  for (const char *argument : rest)
    argv.push_back(isSwitch(command.name, argument) ? "--as-json" : argument);
  unsigned missingIndex, missingCount;
  InputArgList list = table.ParseArgs(argv, missingIndex, missingCount);
  if (list.hasArg(OPT_help)) {
    printHelp(table, command.name);
    return llvm::Error::success();
  }
  if (llvm::Error error = checkOptions(table, command.name, list, missingIndex, missingCount))
    return error;
  return command.run(Arguments(command.name, list));
}

static int finish(llvm::Error error) {
  int code = Done;
  llvm::handleAllErrors(
      std::move(error),
      [&](const CommandError &failure) {
        if (!failure.text.empty())
          printError(failure.text);
        code = failure.code;
      },
      [&](const llvm::ErrorInfoBase &failure) {
        printError(failure.message());
        code = WrongInput;
      });
  // Output that did not arrive is no success.
  llvm::outs().flush();
  if (llvm::outs().has_error()) {
    llvm::outs().clear_error();
    if (code == Done) {
      printError("cannot write to the standard output");
      code = WrongInput;
    }
  }
  return code;
}

int driver::main(int argc, char **argv) {
  installCrashHandler(argc, argv);
  StringRef name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h" || name == "-help" || name == "help") {
    if (argc > 2 && name == "help")
      name = argv[2];
    else
      return printHelp(), finish(llvm::Error::success());
  }
  if (name == "--version")
    name = "version";
  for (const Command &command : kCommands) {
    if (command.name != name)
      continue;
    static const char *const helpArgument[] = {"--help"};
    bool wantsHelp = StringRef(argv[1]) == "help";
    return finish(runCommand(command, wantsHelp ? llvm::ArrayRef<const char *>(helpArgument)
                                                : llvm::ArrayRef<const char *>(argv + 2, argc - 2)));
  }
  printError(argc < 2 ? Twine("no command") : "unknown command '" + name + "'");
  llvm::errs() << "the commands are\n";
  printCommands(llvm::errs());
  return WrongUsage;
}
