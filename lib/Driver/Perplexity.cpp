// hadron perplexity: how well each token is predicted by those before it in its window.
#include "Command.h"
#include "TokenLoop.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace hadron;
using namespace hadron::driver;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

using Window = std::vector<int64_t>;

/// The windows of a file: its rows, cut into pieces of `length` tokens if that is not 0. A rest of one token predicts
/// nothing and is left out.
static llvm::Expected<std::vector<Window>> readWindows(StringRef path, int64_t length) {
  llvm::Expected<NpyArray> array = readNpy(path);
  if (!array)
    return inputError("--tokens: " + llvm::toString(array.takeError()));
  if ((array->kind != 'i' && array->kind != 'u') || array->shape.empty() || array->shape.size() > 2)
    return inputError("'" + path + "' is " + array->typeName() + " " + formatShape(array->shape) +
                      "; tokens are int64 [windows, length] or [length]");
  Tensor tokens = fromNpy(std::move(*array), HADRON_INT64);
  int64_t columns = tokens.shape.back(), rows = tokens.shape.size() == 2 ? tokens.shape[0] : 1;
  int64_t step = length ? length : columns;
  std::vector<Window> windows;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t begin = 0; begin + 1 < columns; begin += step) {
      Window window;
      for (int64_t i = begin, end = std::min(columns, begin + step); i < end; ++i) {
        double token = getElement(tokens, r * columns + i);
        if (token < 0 || token > INT32_MAX)
          return inputError("'" + path + "' holds the token " + Twine(static_cast<int64_t>(token)));
        window.push_back(static_cast<int64_t>(token));
      }
      if (window.size() > 1)
        windows.push_back(std::move(window));
    }
  if (windows.empty())
    return inputError("'" + path + "' has no window of two tokens or more");
  return windows;
}

/// -log p of a token, in f64.
static double getLoss(ArrayRef<float> logits, int64_t token) {
  double largest = *llvm::max_element(logits), sum = 0;
  for (float logit : logits)
    sum += std::exp(logit - largest);
  return largest + std::log(sum) - logits[token];
}

namespace {
/// One model's view of one window.
struct Reading {
  double nll = 0;
  std::vector<int64_t> best;
};
} // namespace

static llvm::Expected<Reading> readWindow(TokenLoop &loop, ArrayRef<int64_t> window) {
  if (llvm::Error error = loop.begin(window.size()))
    return std::move(error);
  Reading reading;
  auto look = [&](ArrayRef<float> logits, int64_t next) -> llvm::Error {
    if (next >= int64_t(logits.size()))
      return inputError("token " + Twine(next) + " does not exist; the model has " + Twine(logits.size()) + " tokens");
    int64_t best = findLargest(logits);
    if (best < 0)
      return inputError("the model computed logits that are not numbers");
    reading.nll += getLoss(logits, next);
    reading.best.push_back(best);
    return llvm::Error::success();
  };
  int64_t count = window.size();
  // The last token predicts nothing that is in the window, but is fed: graphs may have a fixed length.
  if (llvm::Error error = loop.feed(window))
    return std::move(error);
  if (loop.getRows() == count) {
    for (int64_t i = 0; i + 1 < count; ++i)
      if (llvm::Error error = look(loop.getLogits(i), window[i + 1]))
        return std::move(error);
    return reading;
  }
  // A graph with logits for the last position alone.
  if (llvm::Error error = loop.begin(window.size()))
    return std::move(error);
  for (int64_t i = 0; i + 1 < count; ++i) {
    if (llvm::Error error = loop.feed(window[i]))
      return std::move(error);
    if (llvm::Error error = look(loop.getLogits(loop.getRows() - 1), window[i + 1]))
      return std::move(error);
  }
  return reading;
}

llvm::Error driver::runPerplexity(const Arguments &arguments) {
  llvm::Expected<std::string> subject = arguments.getSubject("DIR|MODEL");
  if (!subject)
    return subject.takeError();
  if (arguments.has(OPT_text))
    return inputError(
        "texts need a tokenizer, which this version does not have; give token ids with --tokens FILE.npy");
  if (!arguments.has(OPT_tokens))
    return usageError("hadron perplexity needs --tokens FILE.npy");
  llvm::Expected<int64_t> length = arguments.getNumber(OPT_window, 0, 2, INT64_MAX);
  if (!length)
    return length.takeError();
  llvm::Expected<std::vector<Window>> windows = readWindows(arguments.get(OPT_tokens), *length);
  if (!windows)
    return windows.takeError();

  llvm::Expected<OpenedSubject> opened = openSubject(arguments, *subject);
  if (!opened)
    return opened.takeError();
  llvm::Expected<TokenLoop> loop = TokenLoop::create(*opened->library, *subject);
  if (!loop)
    return loop.takeError();
  OpenedSubject openedReference;
  std::unique_ptr<TokenLoop> reference;
  if (arguments.has(OPT_reference)) {
    llvm::Expected<OpenedSubject> second = openReference(arguments, arguments.get(OPT_reference));
    if (!second)
      return second.takeError();
    openedReference = std::move(*second);
    llvm::Expected<TokenLoop> created = TokenLoop::create(*openedReference.library, arguments.get(OPT_reference));
    if (!created)
      return created.takeError();
    reference = std::make_unique<TokenLoop>(std::move(*created));
  }

  llvm::json::Array nll;
  double sum = 0, referenceSum = 0;
  int64_t predicted = 0, agreed = 0;
  for (const Window &window : *windows) {
    llvm::Expected<Reading> reading = readWindow(*loop, window);
    if (!reading)
      return reading.takeError();
    nll.push_back(reading->nll);
    sum += reading->nll;
    predicted += reading->best.size();
    if (!reference)
      continue;
    llvm::Expected<Reading> other = readWindow(*reference, window);
    if (!other)
      return other.takeError();
    referenceSum += other->nll;
    for (auto [mine, its] : llvm::zip_equal(reading->best, other->best))
      agreed += mine == its;
  }
  double perplexity = std::exp(sum / predicted);
  llvm::json::Object report{{"perplexity", perplexity}, {"nll", std::move(nll)}, {"top1_agreement", nullptr}};
  if (arguments.get(OPT_json) != "-")
    llvm::outs() << llvm::format("perplexity %.5f", perplexity) << " (" << windows->size() << " windows, " << predicted
                 << " predicted tokens)\n";
  if (reference) {
    double agreement = double(agreed) / predicted, itsPerplexity = std::exp(referenceSum / predicted);
    report["top1_agreement"] = agreement;
    report["reference_perplexity"] = itsPerplexity;
    if (arguments.get(OPT_json) != "-")
      llvm::outs() << llvm::format("reference  %.5f, the same best token at %.2f %% of positions\n", itsPerplexity,
                                   100 * agreement);
  }
  if (!arguments.has(OPT_json))
    return llvm::Error::success();
  return writeWhole(arguments.get(OPT_json), llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report))).str());
}
