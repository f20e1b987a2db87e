#include "Call.h"

#include "Command.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;
using llvm::Twine;

std::string driver::listInputs(const LoadedLibrary::Entry &entry) {
  std::vector<std::string> texts;
  for (const LoadedLibrary::TensorInfo &input : entry.inputs)
    texts.push_back(input.name + " (" + input.describe() + ")");
  for (const LoadedLibrary::Slot &slot : entry.slots)
    texts.push_back(slot.past);
  if (texts.empty())
    return "there are no inputs";
  return (texts.size() == 1 ? "the input is " : "the inputs are ") + llvm::join(texts, ", ");
}

std::string driver::listOutputs(const LoadedLibrary::Entry &entry) {
  std::vector<std::string> texts;
  for (const LoadedLibrary::TensorInfo &output : entry.outputs)
    texts.push_back(output.name);
  for (const LoadedLibrary::Slot &slot : entry.slots)
    texts.push_back(slot.present);
  return (texts.size() == 1 ? "the output is " : "the outputs are ") + llvm::join(texts, ", ");
}

llvm::Expected<int32_t> driver::getInputType(const LoadedLibrary &library, const LoadedLibrary::Entry &entry,
                                             StringRef name) {
  if (const LoadedLibrary::TensorInfo *input = entry.findInput(name))
    return input->dtype;
  if (const LoadedLibrary::Slot *slot = entry.findPast(name))
    return library.getStates()[entry.states[slot->state]].members[slot->member].dtype;
  return inputError("there is no input '" + name + "'; " + listInputs(entry));
}

/// What is wrong with a tensor for an input, which the library would say as well, but without the whole shape.
static llvm::Error checkInput(const LoadedLibrary::TensorInfo &info, const Tensor &tensor) {
  bool fits = tensor.dtype == info.dtype && tensor.shape.size() == info.shape.size();
  for (size_t d = 0; fits && d < info.shape.size(); ++d)
    fits = info.shape[d] < 0 || info.shape[d] == tensor.shape[d];
  if (fits)
    return llvm::Error::success();
  return inputError("input '" + info.name + "' is " + tensor.describe() + "; it must be " + info.describe());
}

llvm::Expected<Call> Call::create(const LoadedLibrary &library, const LoadedLibrary::Entry &entry,
                                  NamedTensors tensors) {
  Call call(library, entry);
  for (const LoadedLibrary::TensorInfo &info : entry.inputs) {
    auto found = tensors.find(info.name);
    if (found == tensors.end())
      return inputError("input '" + info.name + "' (" + info.describe() + ") is missing; give --input " + info.name +
                        "=FILE.npy");
    if (llvm::Error error = checkInput(info, found->second))
      return std::move(error);
    call.inputs.push_back(std::move(found->second));
  }
  if (llvm::Error error = call.fillStates(tensors))
    return std::move(error);
  llvm::Expected<std::vector<Tensor>> outputs = library.plan(entry, call.inputs, call.states);
  if (!outputs)
    return outputs.takeError();
  call.outputs = std::move(*outputs);
  return call;
}

llvm::Error Call::fillStates(NamedTensors &tensors) {
  // The tensors that the states begin with; all have the same length, for the states of an entry advance together.
  int64_t batch = 0;
  const LoadedLibrary::Slot *first = nullptr;
  for (const LoadedLibrary::Slot &slot : entry->slots) {
    auto found = tensors.find(slot.past);
    if (found == tensors.end())
      continue;
    const Tensor &tensor = found->second;
    const LoadedLibrary::Member &member = library->getStates()[entry->states[slot.state]].members[slot.member];
    if (tensor.dtype != member.dtype || tensor.shape.size() != 4 || tensor.shape[1] != member.heads ||
        tensor.shape[3] != member.dim)
      return inputError("input '" + slot.past + "' is " + tensor.describe() + "; it must be " + member.describe());
    if (first && (tensor.shape[0] != batch || tensor.shape[2] != past))
      return inputError("input '" + slot.past + "' is " + tensor.describe() + "; input '" + first->past +
                        "' has batch " + Twine(batch) + " and length " + Twine(past) +
                        ", and all caches must have the same");
    if (!first)
      first = &slot;
    batch = tensor.shape[0];
    past = tensor.shape[2];
  }
  if (first)
    for (const LoadedLibrary::Slot &slot : entry->slots)
      if (!tensors.count(slot.past))
        return inputError("input '" + slot.past + "' is missing; caches are given all or none, and '" + first->past +
                          "' is given");
  llvm::Expected<std::vector<LibraryState>> created = library->createStates(*entry, inputs, batch, past);
  if (!created)
    return created.takeError();
  states = std::move(*created);
  if (past > 0)
    for (const LoadedLibrary::Slot &slot : entry->slots)
      if (llvm::Error error = states[slot.state].write(slot.member, tensors[slot.past]))
        return error;
  return llvm::Error::success();
}

llvm::Error Call::reset() {
  for (LibraryState &state : states)
    if (llvm::Error error = state.setLength(past))
      return error;
  return llvm::Error::success();
}

llvm::Error Call::run() { return library->run(*entry, inputs, outputs, states); }

llvm::Expected<Tensor> Call::takeOutput(StringRef name) {
  if (const LoadedLibrary::TensorInfo *info = entry->findOutput(name))
    return std::move(outputs[info - entry->outputs.data()]);
  if (const LoadedLibrary::Slot *slot = entry->findPresent(name))
    return states[slot->state].read(slot->member);
  return inputError("there is no output '" + name + "'; " + listOutputs(*entry));
}
