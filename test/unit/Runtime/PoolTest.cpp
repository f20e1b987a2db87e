//===- PoolTest.cpp - threads: the split, callers at once, fork -------------------------------------------------===//
#include "RuntimeTestBase.h"

#include "Internal.h"

#include <atomic>
#include <sys/wait.h>
#include <thread>

using namespace hadron::rt;

/// A job counts each of its items.
static void count(void *const *slots, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<uint8_t *>(slots[0])[i]++;
  static_cast<std::atomic<int64_t> *>(slots[1])->fetch_add(1);
}

TEST(Pool, EveryItemOnceAtEveryThreadCount) {
  for (int64_t threads = 1; threads <= 8; ++threads)
    for (int64_t work : {1, 7, 64, 1000}) {
      std::vector<uint8_t> items(work);
      std::atomic<int64_t> pieces{0};
      void *const slots[] = {items.data(), &pieces};
      runOnPool({count, slots, work, std::min(threads, work)});
      ASSERT_EQ(items, std::vector<uint8_t>(work, 1));
      EXPECT_GE(pieces, std::min(threads, work));
    }
  EXPECT_EQ(poolSize(), 8);
  stopPool();
  EXPECT_EQ(poolSize(), 1);
}

TEST(Pool, OthersTakeWhatASlowThreadLeaves) {
  // Who does the first item of the second range sleeps; the rest of the range is done by then, by the caller.
  struct State {
    std::vector<int> doneBy = std::vector<int>(160, -1);
    std::atomic<int> done{0};
    bool late = false;
    pthread_t caller = pthread_self();
  } state;
  auto task = [](void *const *slots, int64_t begin, int64_t end) {
    State &s = *static_cast<State *>(slots[0]);
    if (begin == 80) {
      for (int i = 0; i < 2000 && s.done < 150; ++i)
        usleep(1000);
      s.late = s.done == 150;
    }
    for (int64_t i = begin; i < end; ++i, ++s.done)
      s.doneBy[i] = pthread_equal(pthread_self(), s.caller) ? 0 : 1;
  };
  void *const slots[] = {&state};
  runOnPool({task, slots, 160, 2});
  EXPECT_TRUE(state.late);
  EXPECT_EQ(state.done, 160);
  EXPECT_EQ(std::count(state.doneBy.begin(), state.doneBy.end(), -1), 0);
  EXPECT_EQ(state.doneBy[159], 1 - state.doneBy[80]);
  stopPool();
}

TEST(Pool, NestedLaunchRunsOnItsCaller) {
  auto outer = [](void *const *slots, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      void *const inner[] = {static_cast<uint8_t *>(slots[0]) + 100 * i, slots[1]};
      runOnPool({count, inner, 100, 4});
    }
  };
  std::vector<uint8_t> items(800);
  std::atomic<int64_t> parts{0};
  void *const slots[] = {items.data(), &parts};
  runOnPool({outer, slots, 8, 4});
  EXPECT_EQ(items, std::vector<uint8_t>(800, 1));
  EXPECT_EQ(parts, 8);
  stopPool();
}

TEST(Pool, SleepsAndWakes) {
  for (int i = 0; i < 20; ++i) {
    std::vector<uint8_t> items(100);
    std::atomic<int64_t> parts{0};
    void *const slots[] = {items.data(), &parts};
    runOnPool({count, slots, 100, 3});
    ASSERT_EQ(items, std::vector<uint8_t>(100, 1));
    usleep(i % 2 ? 1000 : 60); // past the spinning, and about its end
  }
  stopPool();
}

TEST(Pool, ManyLaunches) {
  std::vector<uint8_t> items(64);
  std::atomic<int64_t> parts{0};
  void *const slots[] = {items.data(), &parts};
  for (int i = 0; i < 2560; ++i)
    runOnPool({count, slots, 64, 1 + i % 4});
  EXPECT_EQ(items, std::vector<uint8_t>(64, 0)); // 2560 = 10 * 256
  stopPool();
}

TEST(Pool, CallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> wrong{0};
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&wrong] {
      std::vector<uint8_t> items(500);
      std::atomic<int64_t> parts{0};
      void *const slots[] = {items.data(), &parts};
      for (int i = 0; i < 200; ++i)
        runOnPool({count, slots, 500, 3});
      wrong += items != std::vector<uint8_t>(500, 200);
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
  stopPool();
}

TEST(Pool, StartsAnewAfterFork) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "ThreadSanitizer starts no threads after a fork";
#endif
#endif
  std::vector<uint8_t> items(100);
  std::atomic<int64_t> parts{0};
  void *const slots[] = {items.data(), &parts};
  runOnPool({count, slots, 100, 3});
  pid_t child = fork();
  if (child == 0) {
    bool anew = poolSize() == 1;
    runOnPool({count, slots, 100, 3});
    bool done = poolSize() == 3 && items == std::vector<uint8_t>(100, 2);
    stopPool();
    _exit(anew && done ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  stopPool();
}

TEST_F(RuntimeTest, SameBitsAtEveryThreadCount) {
  std::vector<float> first;
  for (int32_t threads = 1; threads <= 8; ++threads) {
    open(threads);
    hadron_state *state = newState(1, 100);
    std::vector<float> y = step(state, 1, 100);
    if (threads == 1)
      first = y;
    EXPECT_EQ(y, first);
    hadron_state_destroy(state);
    hadron_library_close(library);
    library = nullptr;
    EXPECT_EQ(poolSize(), 1); // the last library ends the pool
  }
}

TEST_F(RuntimeTest, ConcurrentCallersOfOneLibrary) {
  open(3);
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([this, c] {
      hadron_state *state = newState(1, 400);
      for (int i = 0; i < 50; ++i) {
        std::vector<float> y = step(state, 1, 1 + (i + c) % 7);
        for (size_t j = 0; j < y.size(); ++j)
          ASSERT_EQ(y[j], j * weight + 1);
        // Each thread has its own last error.
        std::string name = "none" + std::to_string(c);
        EXPECT_EQ(hadron_find_entry(library, name.c_str()), -1);
        EXPECT_EQ(hadron_last_error(library), "library 'X' has no entry '" + name + "'");
      }
      hadron_state_destroy(state);
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST_F(RuntimeTest, ThreadsOfTheHost) {
  static std::atomic<int64_t> calls;
  calls = 0;
  hadron_options options = {};
  options.struct_size = sizeof options;
  options.threads = 4;
  options.parallel_for = [](void *user, int64_t count, void (*body)(void *, int64_t), void *context) {
    EXPECT_EQ(user, &calls);
    std::vector<std::thread> threads;
    for (int64_t i = 0; i < count; ++i, ++calls)
      threads.emplace_back(body, context, i);
    for (std::thread &thread : threads)
      thread.join();
  };
  options.parallel_for_user = &calls;
  static std::string said;
  options.log = [](void *, const char *message) { said = message; };
  open(options);
  EXPECT_NE(said.find("library 'X': "), std::string::npos);
  EXPECT_NE(said.find(", 4 threads, 132 bytes of weights"), std::string::npos);
  hadron_state *state = newState(1, 10);
  std::vector<float> y = step(state, 1, 10);
  EXPECT_EQ(y[39], 39 * weight + 1);
  EXPECT_EQ(calls, 8); // two launches of four
  hadron_state_destroy(state);
}

TEST_F(RuntimeTest, FloatingPointEnvironment) {
  // A host that flushes subnormals gets the same results, and its mode back.
  static std::atomic<int64_t> flushing;
  flushing = 0;
  hadron_rt_entry entry = fake::entries[1];
  entry.run = [](hadron_rt_call *call) -> int32_t {
    auto look = [](void *const *, int64_t, int64_t) { flushing += (__builtin_ia32_stmxcsr() & 0x8040) != 0; };
    void *const table[] = {(void *)+look, (void *)+look};
    hadron_rt_launch(call, table, nullptr, 100, 1);
    return 0;
  };
  descriptor.entries = &entry;
  descriptor.entry_count = 1;
  open(3);
  std::vector<int32_t> n(1);
  Tensor tn(n, HADRON_INT32, {1});
  unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);
  EXPECT_EQ(hadron_run(library, nullptr, &tn.value, 1, &tn.value, 1, nullptr, 0, nullptr, 0, nullptr), HADRON_OK);
  EXPECT_EQ(__builtin_ia32_stmxcsr() & 0x8040, 0x8040u);
  __builtin_ia32_ldmxcsr(before);
  EXPECT_EQ(flushing, 0);
}
