//===- Pool.cpp - the threads that run a launch -----------------------------------------------------------------===//
//
// One pool per shared object. A launch is cut into one range per thread, and each range into a few pieces. A thread
// takes the pieces of its own range first (the same part of the weights each time), then what the others have left: one
// that the system has put aside, or that starts late, holds nobody up. The caller offers the launch to as many workers
// as it needs, and when no piece is left it takes the offer back from those that have not begun. Both sides spin for a
// while, since the next launch of a network comes within microseconds, then sleep on a futex.
//
// The pool lives in pages that fork wipes in the child: there it is an empty pool, whose threads start with the first
// launch, whatever the parent was doing.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "Internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace hadron::rt {

namespace {
/// What a worker is asked to do, or does.
enum : uint32_t { Idle, Offered, Running, Quit };

struct alignas(64) Worker {
  uint32_t state;  ///< atomic, and the futex that it, or the caller that waits for it, sleeps on
  uint32_t asleep; ///< atomic
  int64_t index;
  pthread_t thread;
};

/// The range of one thread, on a cache line of its own.
struct alignas(64) Range {
  int64_t next; ///< atomic: the first item that nobody has taken
};

struct Pool {
  uint32_t busy;                     ///< atomic: taken by a launch
  int32_t workers;                   ///< atomic, changed under busy: how many there are
  int64_t processors;                ///< when the last worker started
  int64_t spin;                      ///< atomic: nanoseconds that a thread spins before it sleeps
  Job job;                           ///< written under busy, before it is offered
  int64_t piece;                     ///< items that are taken at once
  alignas(64) uint32_t callerAsleep; ///< atomic
  Range range[maxThreads];
  Worker worker[maxThreads - 1];
};

/// More pieces balance better and cost more calls.
constexpr int64_t piecesPerRange = 8;

/// Pool::spin of a launch whose threads can all have a processor. With more threads than that, spinning takes the
/// processor from who has work to do, and threads sleep at once.
constexpr int64_t spinNanoseconds = 50 * 1000;
} // namespace

static Pool *sharedPool; // atomic; once set it stays

static int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void futexWait(uint32_t &word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
static void futexWake(uint32_t &word) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }

/// Waits until `word` is (`equal`) or is no longer (`!equal`) `value`. `asleep` is set while the thread may be
/// sleeping; who changes the word looks at it afterwards. Each side writes its own word and then reads the other's with
/// a full fence between, so one of the two sees the other: no wake-up is lost.
static void waitFor(Pool &pool, uint32_t &word, bool equal, uint32_t value, uint32_t &asleep) {
  int64_t start = 0, limit = load(pool.spin);
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if ((load(word) == value) == equal)
        return;
      __builtin_ia32_pause();
    }
    if (!limit)
      break;
    int64_t time = now();
    if (!start)
      start = time;
    else if (time - start > limit)
      break;
  }
  for (;;) {
    __atomic_store_n(&asleep, 1u, __ATOMIC_SEQ_CST);
    uint32_t current = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
    if ((current == value) == equal)
      break;
    futexWait(word, current);
  }
  __atomic_store_n(&asleep, 0u, __ATOMIC_RELAXED);
}

/// Takes pieces until none is left, from `part` on.
static void runPieces(Pool &pool, int64_t part) {
  const Job job = pool.job;
  int64_t piece = pool.piece;
  for (int64_t i = 0; i < job.parts; ++i, part = part + 1 < job.parts ? part + 1 : 0) {
    int64_t end = job.partBegin(part + 1);
    for (;;) {
      int64_t begin = __atomic_fetch_add(&pool.range[part].next, piece, __ATOMIC_RELAXED);
      if (begin >= end)
        break;
      job.task(job.slots, begin, begin + piece < end ? begin + piece : end);
    }
  }
}

static void *workerMain(void *argument) {
  Worker &self = *static_cast<Worker *>(argument);
  FloatingPointScope scope;
  Pool &pool = *load(sharedPool);
  for (;;) {
    waitFor(pool, self.state, /*equal=*/false, Idle, self.asleep);
    if (load(self.state) == Quit)
      return nullptr;
    uint32_t offered = Offered;
    if (!__atomic_compare_exchange_n(&self.state, &offered, (uint32_t)Running, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
      continue; // taken back
    runPieces(pool, self.index + 1);
    __atomic_store_n(&self.state, (uint32_t)Idle, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool.callerAsleep, __ATOMIC_SEQ_CST))
      futexWake(self.state);
  }
}

/// Null when there is no memory that fork wipes; then every launch runs on its caller.
static Pool *getPool() {
  if (Pool *pool = load(sharedPool))
    return pool;
  void *pages = mmap(nullptr, sizeof(Pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return nullptr;
  if (madvise(pages, sizeof(Pool), MADV_WIPEONFORK) != 0) {
    munmap(pages, sizeof(Pool));
    return nullptr;
  }
  Pool *expected = nullptr, *pool = static_cast<Pool *>(pages);
  if (__atomic_compare_exchange_n(&sharedPool, &expected, pool, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return pool;
  munmap(pages, sizeof(Pool)); // another thread was first
  return expected;
}

/// Starts threads until there are `count`, or as many as can be had. Called under busy.
static void grow(Pool &pool, int64_t count) {
  if (pool.workers >= count)
    return;
  pool.processors = availableProcessors();
  // Signals are the host's business.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int32_t next = pool.workers; next < count; ++next) {
    Worker &worker = pool.worker[next];
    worker.index = next;
    worker.state = Idle;
    if (pthread_create(&worker.thread, nullptr, workerMain, &worker) != 0)
      break;
    store(pool.workers, next + 1);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

static void tell(Pool &pool, int64_t count, uint32_t state) {
  for (int64_t i = 0; i < count; ++i)
    store(pool.worker[i].state, state);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  for (int64_t i = 0; i < count; ++i)
    if (__atomic_load_n(&pool.worker[i].asleep, __ATOMIC_RELAXED))
      futexWake(pool.worker[i].state);
}

/// Returns when the worker neither runs the job nor is going to.
static void finish(Pool &pool, Worker &worker) {
  uint32_t offered = Offered;
  if (!__atomic_compare_exchange_n(&worker.state, &offered, (uint32_t)Idle, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
    waitFor(pool, worker.state, /*equal=*/false, Running, pool.callerAsleep);
}

void runOnPool(const Job &job) {
  Pool *pool = getPool();
  if (!pool || !tryAcquire(pool->busy)) {
    // Another thread's launch, or the one that this launch is part of: waiting could last for ever, the result is the
    // same.
    job.task(job.slots, 0, job.work);
    return;
  }
  grow(*pool, job.parts - 1);
  pool->job = job;
  if (pool->job.parts > pool->workers + 1)
    pool->job.parts = pool->workers + 1;
  int64_t parts = pool->job.parts, spin = parts <= pool->processors ? spinNanoseconds : 0;
  if (pool->spin != spin)
    store(pool->spin, spin);
  int64_t pieces = parts * piecesPerRange;
  pool->piece = job.work / pieces + (job.work % pieces != 0);
  for (int64_t i = 0; i < parts; ++i)
    pool->range[i].next = pool->job.partBegin(i);
  tell(*pool, parts - 1, Offered);
  runPieces(*pool, 0);
  for (int64_t i = 0; i < parts - 1; ++i)
    finish(*pool, pool->worker[i]);
  release(pool->busy);
}

void stopPool() {
  Pool *pool = load(sharedPool);
  if (!pool)
    return;
  while (!tryAcquire(pool->busy))
    sched_yield();
  tell(*pool, pool->workers, Quit);
  for (int32_t i = 0; i < pool->workers; ++i)
    pthread_join(pool->worker[i].thread, nullptr);
  store(pool->workers, 0);
  release(pool->busy);
}

int32_t poolSize() {
  Pool *pool = load(sharedPool);
  return pool ? load(pool->workers) + 1 : 1;
}

} // namespace hadron::rt
