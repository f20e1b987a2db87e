#include "TokenLoop.h"

#include "Call.h"
#include "Command.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <numeric>

using namespace hadron;
using namespace hadron::driver;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

static bool isFloat(int32_t dtype) {
  return dtype == HADRON_FLOAT32 || dtype == HADRON_FLOAT16 || dtype == HADRON_BFLOAT16 || dtype == HADRON_FLOAT64;
}

llvm::Expected<TokenLoop> TokenLoop::create(const LoadedLibrary &library, StringRef subject) {
  const LoadedLibrary::Entry *found = nullptr;
  for (const LoadedLibrary::Entry &entry : library.getEntries())
    if (!found && entry.findInput("input_ids") && entry.findOutput("logits"))
      found = &entry;
  auto refuse = [&](const Twine &why) { return inputError("'" + subject + "' is no token loop: " + why); };
  if (!found)
    return refuse("it needs an input 'input_ids' and an output 'logits'; " +
                  (library.getEntries().empty()
                       ? "it has no entry point"
                       : listInputs(library.getEntries()[0]) + ", " + listOutputs(library.getEntries()[0])));
  for (const LoadedLibrary::TensorInfo &input : found->inputs) {
    if (input.name != "input_ids" && input.name != "attention_mask" && input.name != "position_ids")
      return refuse("nothing is known to give for its input '" + input.name + "'");
    bool isInteger = input.dtype == HADRON_INT64 || input.dtype == HADRON_INT32;
    if (input.shape.size() != 2 || (!isInteger && (input.name == "input_ids" || input.name == "position_ids")))
      return refuse("its input '" + input.name + "' is " + input.describe() +
                    "; it must be int64 or int32 with two dimensions");
  }
  const LoadedLibrary::TensorInfo &logits = *found->findOutput("logits");
  if (!isFloat(logits.dtype) || logits.shape.empty())
    return refuse("its output 'logits' is " + logits.describe());
  TokenLoop loop(library, *found);
  loop.logitsIndex = &logits - found->outputs.data();
  return loop;
}

int64_t TokenLoop::getVocabulary() const { return std::max<int64_t>(0, entry->outputs[logitsIndex].shape.back()); }

llvm::Error TokenLoop::begin(int64_t capacity) {
  past = rows = 0;
  history.clear();
  if (capacity <= statesCapacity) {
    for (LibraryState &state : states)
      if (llvm::Error error = state.setLength(0))
        return error;
    return llvm::Error::success();
  }
  states.clear();
  for (size_t state : entry->states) {
    llvm::Expected<LibraryState> created = library->createState(state, /*batch=*/1, capacity);
    if (!created)
      return created.takeError();
    states.push_back(std::move(*created));
  }
  statesCapacity = capacity;
  return llvm::Error::success();
}

/// Writes value(i) to every element, in the tensor's own type.
template <typename Function>
static void fill(Tensor &tensor, Function value) {
  for (int64_t i = 0, n = tensor.size(); i < n; ++i) {
    int64_t x = value(i);
    if (tensor.dtype == HADRON_INT64)
      tensor.as<int64_t>()[i] = x;
    else if (tensor.dtype == HADRON_INT32)
      tensor.as<int32_t>()[i] = static_cast<int32_t>(x);
    else if (tensor.dtype == HADRON_FLOAT32)
      tensor.as<float>()[i] = static_cast<float>(x);
    else
      tensor.as<uint8_t>()[i] = static_cast<uint8_t>(x);
  }
}

llvm::Error TokenLoop::makeInputs(ArrayRef<int64_t> tokens) {
  int64_t count = tokens.size(), total = past + count;
  inputs.clear();
  for (const LoadedLibrary::TensorInfo &info : entry->inputs) {
    bool isMask = info.name == "attention_mask";
    int32_t dtype = info.dtype;
    if (isMask && getWidth(dtype) == 2)
      return inputError("an attention_mask of type " + getTypeName(dtype) + " is not known");
    Tensor tensor(dtype, {1, isMask ? total : count});
    fill(tensor, [&](int64_t i) { return isMask ? 1 : info.name == "position_ids" ? past + i : tokens[i]; });
    inputs.push_back(std::move(tensor));
  }
  return llvm::Error::success();
}

llvm::Error TokenLoop::feed(ArrayRef<int64_t> tokens) {
  int64_t fed = tokens.size();
  if (entry->states.empty()) {
    history.insert(history.end(), tokens.begin(), tokens.end());
    tokens = history;
  }
  if (llvm::Error error = makeInputs(tokens))
    return error;
  llvm::Expected<std::vector<Tensor>> planned = library->plan(*entry, inputs, states);
  if (!planned)
    return planned.takeError();
  outputs = std::move(*planned);
  if (llvm::Error error = library->run(*entry, inputs, outputs, states))
    return error;
  if (!entry->states.empty())
    past += tokens.size();
  const Tensor &logits = outputs[logitsIndex];
  int64_t vocabulary = logits.shape.back(), computed = vocabulary ? logits.size() / vocabulary : 0;
  rows = std::min<int64_t>(computed, fed);
  if (rows < 1)
    return inputError("the model computed no logits: they are " + logits.describe());
  return llvm::Error::success();
}

ArrayRef<float> TokenLoop::getLogits(int64_t index) {
  const Tensor &logits = outputs[logitsIndex];
  int64_t vocabulary = logits.shape.back(), computed = logits.size() / vocabulary;
  const char *data = logits.data.data() + (computed - rows + index) * vocabulary * getWidth(logits.dtype);
  if (logits.dtype == HADRON_FLOAT32)
    return {reinterpret_cast<const float *>(data), size_t(vocabulary)};
  row.resize(vocabulary);
  toFloats(logits.dtype, data, row);
  return row;
}

int64_t driver::findLargest(ArrayRef<float> values) {
  int64_t best = values.empty() ? -1 : 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] != values[i])
      return -1;
    if (values[i] > values[best])
      best = i;
  }
  return best;
}

llvm::Expected<int64_t> TokenLoop::getBest() {
  int64_t best = findLargest(getLogits(rows - 1));
  if (best < 0)
    return inputError("the model computed logits that are not numbers");
  return best;
}
