//===- Pool.cpp - the threads that run a launch -----------------------------------------------------------------===//
//
// One pool per shared object. A launch is cut into one range per thread; the caller takes the first. Every worker has a
// ticket on a cache line of its own: the caller raises the tickets of as many workers as it needs, a worker that sees
// its ticket raised runs its part and counts `pending` down. Both sides spin for a while, since the next launch of a
// network comes within microseconds, then sleep on a futex.
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
struct alignas(64) Worker {
  uint32_t ticket; ///< atomic, and the futex it sleeps on
  uint32_t asleep; ///< atomic
  uint32_t quit;
  uint32_t first; ///< the ticket that it starts with
  int64_t index;
  pthread_t thread;
};

struct Pool {
  uint32_t busy;                ///< atomic: taken by a launch
  int32_t workers;              ///< atomic, changed under busy: how many there are
  int64_t processors;           ///< when the last worker started
  int64_t spin;                 ///< atomic: nanoseconds that a thread spins before it sleeps
  Job job;                      ///< written under busy, before the tickets are raised
  alignas(64) uint32_t pending; ///< atomic, and the futex that the caller sleeps on
  uint32_t callerAsleep;        ///< atomic
  Worker worker[maxThreads - 1];
};

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

static void *workerMain(void *argument) {
  Worker &self = *static_cast<Worker *>(argument);
  FloatingPointScope scope;
  Pool &pool = *load(sharedPool);
  for (uint32_t seen = self.first;; ++seen) {
    waitFor(pool, self.ticket, /*equal=*/false, seen, self.asleep);
    if (self.quit)
      return nullptr;
    pool.job.runPart(self.index + 1);
    if (__atomic_sub_fetch(&pool.pending, 1u, __ATOMIC_SEQ_CST) == 0 &&
        __atomic_load_n(&pool.callerAsleep, __ATOMIC_SEQ_CST))
      futexWake(pool.pending);
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
    worker.first = worker.ticket;
    worker.quit = 0;
    if (pthread_create(&worker.thread, nullptr, workerMain, &worker) != 0)
      break;
    store(pool.workers, next + 1);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

static void raise(Worker &worker) { __atomic_store_n(&worker.ticket, worker.ticket + 1, __ATOMIC_RELEASE); }

static void wakeSleepers(Pool &pool, int64_t count) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  for (int64_t i = 0; i < count; ++i)
    if (__atomic_load_n(&pool.worker[i].asleep, __ATOMIC_RELAXED))
      futexWake(pool.worker[i].ticket);
}

void Job::runPart(int64_t part) const {
  int64_t begin = part * blocks / parts * grain, end = (part + 1) * blocks / parts * grain;
  task(slots, begin, end < work ? end : work);
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
  int64_t others = pool->job.parts - 1, spin = others < pool->processors ? spinNanoseconds : 0;
  if (pool->spin != spin)
    store(pool->spin, spin);
  __atomic_store_n(&pool->pending, (uint32_t)others, __ATOMIC_RELAXED);
  for (int64_t i = 0; i < others; ++i)
    raise(pool->worker[i]);
  wakeSleepers(*pool, others);
  pool->job.runPart(0);
  waitFor(*pool, pool->pending, /*equal=*/true, 0, pool->callerAsleep);
  release(pool->busy);
}

void stopPool() {
  Pool *pool = load(sharedPool);
  if (!pool)
    return;
  while (!tryAcquire(pool->busy))
    sched_yield();
  for (int32_t i = 0; i < pool->workers; ++i) {
    pool->worker[i].quit = 1;
    raise(pool->worker[i]);
  }
  wakeSleepers(*pool, pool->workers);
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
