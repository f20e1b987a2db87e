// Errors, and arguments as the types that commands want.
#include "Command.h"

#include "hadron/Support/WholeFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Option/Option.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;
using llvm::Twine;

char CommandError::ID;

static llvm::Error makeError(ExitCode code, const Twine &text) {
  return llvm::make_error<CommandError>(code, text.str());
}
llvm::Error driver::inputError(const Twine &text) { return makeError(WrongInput, text); }
llvm::Error driver::usageError(const Twine &text) { return makeError(WrongUsage, text); }
llvm::Error driver::reportedError() { return makeError(WrongInput, ""); }
llvm::Error driver::bugError(const Twine &text) {
  return makeError(Bug, "a bug in Hadron: " + text + "; please report it with the model and this command");
}

void driver::printError(const Twine &text) {
  llvm::outs().flush();
  llvm::errs() << "hadron: error: " << text << '\n';
}

std::string Arguments::getSpelling(OptionID id) const {
  return list.getLastArg(id)->getOption().getUnaliasedOption().getPrefixedName().str();
}

llvm::Expected<int64_t> Arguments::getNumber(OptionID id, int64_t otherwise, int64_t least, int64_t most) const {
  if (!has(id))
    return otherwise;
  int64_t number;
  StringRef text = get(id);
  if (text.getAsInteger(10, number) || number < least || number > most)
    return usageError(getSpelling(id) + " is '" + text + "'; it must be a whole number " +
                      (most == INT64_MAX ? "from " + Twine(least) : "from " + Twine(least) + " to " + Twine(most)));
  return number;
}

llvm::Expected<double> Arguments::getReal(OptionID id, double otherwise) const {
  if (!has(id))
    return otherwise;
  double number;
  StringRef text = get(id);
  if (text.getAsDouble(number) || !std::isfinite(number) || number < 0)
    return usageError(getSpelling(id) + " is '" + text + "'; it must be a number that is not negative");
  return number;
}

llvm::Expected<std::string> Arguments::getChoice(OptionID id, llvm::ArrayRef<StringRef> allowed) const {
  if (!has(id))
    return std::string();
  StringRef text = get(id);
  if (llvm::is_contained(allowed, text))
    return text.str();
  return usageError(getSpelling(id) + " is '" + text + "'; it must be " + (allowed.size() > 1 ? "one of " : "") +
                    llvm::join(allowed, ", "));
}

llvm::Expected<std::vector<std::pair<std::string, std::string>>> Arguments::getPairs(OptionID id) const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string &text : getAll(id)) {
    // Names of tensors may hold '=', file names and formats after the last one hardly do; yet a path may.
    auto [name, value] = StringRef(text).split('=');
    if (name.empty() || value.empty())
      return usageError(getSpelling(id) + " is '" + text + "'; it must be NAME=VALUE");
    if (llvm::any_of(pairs, [name = name](auto &pair) { return pair.first == name; }))
      return usageError(getSpelling(id) + " names '" + name + "' twice");
    pairs.emplace_back(name.str(), value.str());
  }
  return pairs;
}

llvm::Expected<std::string> Arguments::getSubject(StringRef what) const {
  std::vector<std::string> words = getPositional();
  if (words.empty() || words[0].empty())
    return usageError("hadron " + command + " needs a " + what + " (see hadron " + command + " --help)");
  if (words.size() > 1)
    return usageError("hadron " + command + " takes one " + what + "; '" + words[1] + "' is one too many");
  return words[0];
}

llvm::Error driver::writeWhole(StringRef path, StringRef contents) {
  if (std::error_code code = writeWholeFile(path, contents))
    return inputError("cannot write '" + path + "': " + code.message());
  return llvm::Error::success();
}
