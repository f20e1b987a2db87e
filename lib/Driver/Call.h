// One call of an entry point with tensors by name, where caches may be given and taken as plain tensors.
#ifndef HADRON_LIB_DRIVER_CALL_H
#define HADRON_LIB_DRIVER_CALL_H

#include "hadron/Driver/LoadedLibrary.h"

#include <map>

namespace hadron::driver {

using NamedTensors = std::map<std::string, Tensor>;

/// "the inputs are x (float32 [rows, 576]), …"; caches among them.
std::string listInputs(const LoadedLibrary::Entry &entry);
/// "the outputs are logits, …"; caches among them.
std::string listOutputs(const LoadedLibrary::Entry &entry);
/// The element type that an input or a cache wants; an error when there is none of that name.
llvm::Expected<int32_t> getInputType(const LoadedLibrary &library, const LoadedLibrary::Entry &entry,
                                     llvm::StringRef name);

class Call {
public:
  /// Takes its inputs, and what caches hold before the call: tensors [batch, heads, length, dim], none or all of a
  /// state.
  static llvm::Expected<Call> create(const LoadedLibrary &library, const LoadedLibrary::Entry &entry,
                                     NamedTensors tensors);
  /// Puts the states back to what they held before the first run.
  llvm::Error reset();
  llvm::Error run();
  /// An output, or a cache as it is now.
  llvm::Expected<Tensor> takeOutput(llvm::StringRef name);

private:
  Call(const LoadedLibrary &library, const LoadedLibrary::Entry &entry) : library(&library), entry(&entry) {}
  llvm::Error fillStates(NamedTensors &tensors);

  const LoadedLibrary *library;
  const LoadedLibrary::Entry *entry;
  std::vector<Tensor> inputs, outputs;
  std::vector<LibraryState> states;
  int64_t past = 0;
};

} // namespace hadron::driver

#endif // HADRON_LIB_DRIVER_CALL_H
