// hadron generate: the best next token, again and again.
#include "Command.h"
#include "TokenLoop.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;

static llvm::Expected<std::vector<int64_t>> parseTokens(StringRef text) {
  std::vector<int64_t> tokens;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    int64_t token;
    if (part.trim().getAsInteger(10, token) || token < 0 || token > INT32_MAX)
      return usageError("--tokens is '" + text + "'; it must be token ids with commas between them: 1,2,3");
    tokens.push_back(token);
  }
  return tokens;
}

llvm::Error driver::runGenerate(const Arguments &arguments) {
  llvm::Expected<std::string> subject = arguments.getSubject("DIR|MODEL");
  if (!subject)
    return subject.takeError();
  if (arguments.has(OPT_prompt))
    return inputError("text prompts need a tokenizer, which this version does not have; give token ids with --tokens");
  if (!arguments.has(OPT_tokens))
    return usageError("hadron generate needs --tokens 1,2,3");
  llvm::Expected<std::vector<int64_t>> tokens = parseTokens(arguments.get(OPT_tokens));
  if (!tokens)
    return tokens.takeError();
  llvm::Expected<int64_t> count = arguments.getNumber(OPT_max_new, 16, 0, 1 << 24);
  if (!count)
    return count.takeError();
  llvm::Expected<OpenedSubject> opened = openSubject(arguments, *subject);
  if (!opened)
    return opened.takeError();
  llvm::Expected<TokenLoop> loop = TokenLoop::create(*opened->library, *subject);
  if (!loop)
    return loop.takeError();
  if (int64_t vocabulary = loop->getVocabulary())
    for (int64_t token : *tokens)
      if (token >= vocabulary)
        return inputError("token " + llvm::Twine(token) + " does not exist; the model has " + llvm::Twine(vocabulary) +
                          " tokens");
  if (llvm::Error error = loop->begin(tokens->size() + *count))
    return error;
  std::vector<std::string> made;
  for (std::vector<int64_t> next = *tokens; int64_t(made.size()) < *count;) {
    if (llvm::Error error = loop->feed(next))
      return error;
    llvm::Expected<int64_t> best = loop->getBest();
    if (!best)
      return best.takeError();
    made.push_back(std::to_string(*best));
    next = {*best};
  }
  llvm::outs() << llvm::join(made, " ") << '\n';
  return llvm::Error::success();
}
