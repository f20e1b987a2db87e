//===- Internal.h - what the runtime's files share ----------------------------------------------------*- C++ -*-===//
//
// The runtime is linked into every kernel library, so it needs libc and nothing else: no C++ library, no exceptions, no
// LLVM. Everything here has hidden visibility; only what hadron-c/hadron.h declares is exported. The exported functions
// are never called from inside.
//
//===------------------------------------------------------------------------------------------------------------===//
#ifndef HADRON_LIB_RUNTIME_INTERNAL_H
#define HADRON_LIB_RUNTIME_INTERNAL_H

#include "hadron-c/hadron.h"
#include "hadron/Runtime/Descriptor.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

namespace hadron::rt {

//===--- atomics: the builtins, since <atomic> belongs to the C++ library ---===//

template <typename T>
inline T load(const T &value) {
  return __atomic_load_n(&value, __ATOMIC_ACQUIRE);
}
template <typename T>
inline void store(T &target, T value) {
  __atomic_store_n(&target, value, __ATOMIC_RELEASE);
}
/// True if it was false and is true now.
inline bool tryAcquire(uint32_t &flag) { return __atomic_exchange_n(&flag, 1u, __ATOMIC_ACQUIRE) == 0; }
inline void release(uint32_t &flag) { store(flag, 0u); }

//===--- texts ---===//

/// A fixed buffer that is filled like a file; what does not fit is dropped.
struct Text {
  char data[1024] = {};
  size_t size = 0;
  __attribute__((format(printf, 2, 3))) void add(const char *format, ...);
};

const char *describeErrno(int code);

//===--- processor ---===//

/// HADRON_RT_ bits of this machine, as far as its operating system lets them be used.
int64_t cpuFeatures();
/// The name of the first bit of `missing`.
const char *featureName(int64_t missing);
/// The last of the known instruction sets that `features` can run.
const char *bestInstructionSet(int64_t features);
/// The column of the kernel tables to use, or -1 and a sentence. `wanted` is the value of HADRON_CPU or null.
int64_t chooseInstructionSet(const hadron_rt_descriptor &descriptor, const char *wanted, int64_t features, Text &error);

//===--- memory ---===//

/// Zeroed pages, huge ones where that may help; null when there are none.
void *allocatePages(size_t bytes);
void freePages(void *pages, size_t bytes);

struct Mapping {
  const char *data = nullptr;
  size_t bytes = 0;
};
/// Maps the weights and checks that they are those of the descriptor. Returns a hadron_status.
int mapWeights(const hadron_rt_descriptor &descriptor, const char *folder, Mapping &mapping, Text &error);
void unmapWeights(Mapping &mapping);

//===--- threads ---===//

constexpr int32_t maxThreads = 256;

/// One launch: `work` items, in one range for each of `parts` threads (at most `work` of them).
struct Job {
  hadron_rt_task task;
  void *const *slots;
  int64_t work, parts;
  int64_t partBegin(int64_t part) const { return work / parts * part + work % parts * part / parts; }
};
/// Runs all parts of a job, on the pool or, when that is taken, on the caller.
void runOnPool(const Job &job);
/// Ends the pool's threads; the next job starts them again.
void stopPool();
int32_t poolSize();
/// The number of processors that the calling thread may run on.
int32_t availableProcessors();

/// The default floating-point environment for as long as it lives: a host may have set flush-to-zero on its own threads
/// and not on ours, and results may not depend on that.
class FloatingPointScope {
public:
  FloatingPointScope() : saved(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(0x1f80); }
  ~FloatingPointScope() { __builtin_ia32_ldmxcsr(saved); }
  FloatingPointScope(const FloatingPointScope &) = delete;
  FloatingPointScope &operator=(const FloatingPointScope &) = delete;

private:
  unsigned saved;
};

//===--- element types ---===//

/// 0: not one that we know.
int64_t dtypeBytes(int64_t dtype);
const char *dtypeName(int64_t dtype);

//===--- handles ---===//

/// The last failure of one thread with one library.
struct ThreadError {
  pthread_t thread;
  ThreadError *next;
  Text text;
};

/// A workspace that no call uses at the moment.
struct Workspace {
  Workspace *next;
  void *data;
  size_t bytes;
};

} // namespace hadron::rt

struct hadron_library {
  const hadron_rt_descriptor *descriptor;
  hadron_options options;
  int64_t isa;
  int32_t defaultThreads;
  int32_t threads;    ///< atomic
  int32_t references; ///< atomic: the handle and its states
  hadron::rt::Mapping weights;
  pthread_mutex_t lock; ///< of the two lists
  hadron::rt::ThreadError *errors;
  hadron::rt::Workspace *workspaces;
};

struct hadron_state {
  hadron_library *library;
  const hadron_rt_state *group;
  int64_t batch, capacity;
  int64_t length; ///< atomic
  uint32_t busy;  ///< atomic
  char *data;
  size_t bytes;
  /// Where each member starts.
  int64_t offsets[];
};

namespace hadron::rt {

/// Records the sentence for the calling thread and returns `status`.
__attribute__((format(printf, 3, 4))) int fail(hadron_library *library, int status, const char *format, ...);
int fail(hadron_library *library, int status, const Text &text);
void retain(hadron_library *library);
void dropReference(hadron_library *library);

/// Copies as much of a structure as its caller knows. False: struct_size was not set.
template <typename T>
bool copyOut(T *target, T value) {
  if (!target || target->struct_size < sizeof(size_t))
    return false;
  size_t size = target->struct_size;
  value.struct_size = size;
  __builtin_memcpy(target, &value, size < sizeof(T) ? size : sizeof(T));
  return true;
}

/// Element type, rank and place of a tensor; `what` names it. Returns a hadron_status. The copy is of our size.
int readTensor(hadron_library *library, const Text &what, const hadron_tensor *tensor, int64_t dtype, int64_t rank,
               uint64_t basis, bool needsData, hadron_tensor &copy);

} // namespace hadron::rt

#endif // HADRON_LIB_RUNTIME_INTERNAL_H
