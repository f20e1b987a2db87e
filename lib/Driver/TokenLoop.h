// A language model that is fed tokens: attention_mask, position_ids and caches are kept here.
#ifndef HADRON_LIB_DRIVER_TOKENLOOP_H
#define HADRON_LIB_DRIVER_TOKENLOOP_H

#include "hadron/Driver/LoadedLibrary.h"

namespace hadron::driver {

class TokenLoop {
public:
  /// The entry with input_ids and logits; an error that says what is missing or too much.
  static llvm::Expected<TokenLoop> create(const LoadedLibrary &library, llvm::StringRef subject);

  /// Begins a new sequence, of at most `capacity` tokens.
  llvm::Error begin(int64_t capacity);
  /// Appends tokens to the sequence. Their logits can be asked for until the next call.
  llvm::Error feed(llvm::ArrayRef<int64_t> tokens);

  /// How many of the last positions the logits are known for: all that were fed, or the last one alone in a graph that
  /// computes no others.
  int64_t getRows() const { return rows; }
  /// Logits of one of those positions.
  llvm::ArrayRef<float> getLogits(int64_t row);
  /// The token that comes next with the largest logit, the first of equal ones; an error when a logit is NaN.
  llvm::Expected<int64_t> getBest();
  /// How many tokens there are; 0 where the graph does not say.
  int64_t getVocabulary() const;

private:
  TokenLoop(const LoadedLibrary &library, const LoadedLibrary::Entry &entry) : library(&library), entry(&entry) {}
  llvm::Error makeInputs(llvm::ArrayRef<int64_t> tokens);

  const LoadedLibrary *library;
  const LoadedLibrary::Entry *entry;
  size_t logitsIndex = 0;
  std::vector<LibraryState> states;
  int64_t statesCapacity = 0, past = 0, rows = 0;
  std::vector<int64_t> history; // without a cache: everything so far
  std::vector<Tensor> inputs, outputs;
  std::vector<float> row;
};

/// The place of the largest value, the first of equal ones; -1 when there is a NaN or nothing.
int64_t findLargest(llvm::ArrayRef<float> values);

} // namespace hadron::driver

#endif // HADRON_LIB_DRIVER_TOKENLOOP_H
