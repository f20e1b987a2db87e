// A kernel library that this program has opened: the C interface, owned and in C++.
#ifndef HADRON_DRIVER_LOADEDLIBRARY_H
#define HADRON_DRIVER_LOADEDLIBRARY_H

#include "hadron/Driver/Tensor.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hadron::driver {

class LoadedLibrary;

/// What a library keeps between calls. It must not outlive its library.
class LibraryState {
public:
  LibraryState(LibraryState &&other) : library(other.library), handle(other.handle) { other.handle = nullptr; }
  LibraryState(const LibraryState &) = delete;
  LibraryState &operator=(const LibraryState &) = delete;
  ~LibraryState();

  int64_t getLength() const;
  int64_t getBatch() const;
  llvm::Error setLength(int64_t length);
  /// Copies [batch, heads, rows, dim] into a member's first rows; the length stays.
  llvm::Error write(size_t member, const Tensor &tensor);
  /// A member's rows, [batch, heads, length, dim].
  llvm::Expected<Tensor> read(size_t member) const;

private:
  friend class LoadedLibrary;
  LibraryState(const LoadedLibrary &library, size_t index, hadron_state *handle)
      : library(&library), index(index), handle(handle) {}

  const LoadedLibrary *library;
  size_t index = 0;
  hadron_state *handle;
};

class LoadedLibrary {
public:
  struct TensorInfo {
    std::string name;
    int32_t dtype;
    std::vector<int64_t> shape;          // -1: not known before a call
    std::vector<std::string> dimensions; // "batch", "past + seq", "576"
    uint64_t basis;
    /// "float32 [batch, 576]".
    std::string describe() const;
  };
  struct Member {
    std::string name;
    int32_t dtype;
    int64_t heads, dim;
    uint64_t basis;
    /// "float32 [batch, 3, length, 64]".
    std::string describe() const;
  };
  struct State {
    std::string name;
    std::vector<Member> members;
  };
  /// A graph input and a graph output that are a member of a state.
  struct Slot {
    std::string past, present;
    size_t state, member; // `state`: index into Entry::states
  };
  struct Entry {
    std::string name;
    std::vector<TensorInfo> inputs, outputs;
    std::vector<size_t> states; // indices into getStates()
    std::vector<Slot> slots;

    const TensorInfo *findInput(llvm::StringRef name) const;
    const TensorInfo *findOutput(llvm::StringRef name) const;
    const Slot *findPast(llvm::StringRef name) const;
    const Slot *findPresent(llvm::StringRef name) const;
  };

  /// Opens the one library in a folder. Errors are one sentence.
  static llvm::Expected<std::unique_ptr<LoadedLibrary>> open(llvm::StringRef folder, int threads);
  ~LoadedLibrary();
  LoadedLibrary(const LoadedLibrary &) = delete;

  const std::string &getName() const { return name; }
  const std::string &getChip() const { return chip; }
  int getThreads() const { return threads; }
  llvm::ArrayRef<Entry> getEntries() const { return entries; }
  llvm::ArrayRef<State> getStates() const { return states; }
  /// The named entry; the only one when the name is empty.
  llvm::Expected<const Entry *> getEntry(llvm::StringRef entryName) const;

  llvm::Expected<LibraryState> createState(size_t state, int64_t batch, int64_t capacity) const;
  /// States of an entry, in its order, each holding `length` rows that the caller fills, of the batch and with the
  /// capacity that a call with these inputs needs. `batch` 0: whichever the inputs fit.
  llvm::Expected<std::vector<LibraryState>> createStates(const Entry &entry, llvm::ArrayRef<Tensor> inputs,
                                                         int64_t batch, int64_t length) const;
  /// Outputs, all zeros, of the shapes that a call gives.
  llvm::Expected<std::vector<Tensor>> plan(const Entry &entry, llvm::ArrayRef<Tensor> inputs,
                                           llvm::ArrayRef<LibraryState> states) const;
  llvm::Error run(const Entry &entry, llvm::ArrayRef<Tensor> inputs, llvm::MutableArrayRef<Tensor> outputs,
                  llvm::ArrayRef<LibraryState> states) const;

private:
  friend class LibraryState;
  LoadedLibrary() = default;
  llvm::Error describe();
  llvm::Error check(int status) const;
  /// HADRON_OK or the failure, whose sentence is the library's last error.
  int tryPlan(const Entry &entry, llvm::ArrayRef<Tensor> inputs, llvm::ArrayRef<LibraryState> states,
              std::vector<int64_t> &dimensions) const;
  llvm::Expected<std::vector<LibraryState>> createStates(const Entry &entry, int64_t batch, int64_t length,
                                                         int64_t room) const;

  void *object = nullptr; // of dlopen
  const hadron_api *api = nullptr;
  hadron_library *handle = nullptr;
  std::string name, chip;
  int threads = 0;
  std::vector<Entry> entries;
  std::vector<State> states;
};

} // namespace hadron::driver

#endif // HADRON_DRIVER_LOADEDLIBRARY_H
