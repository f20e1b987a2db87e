#include "Parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

llvm::Error hadron::parallelFor(unsigned threads, int64_t count, llvm::function_ref<llvm::Error(int64_t)> work) {
  std::atomic<int64_t> next{0}, failed{count};
  llvm::Error first = llvm::Error::success();
  std::mutex mutex;
  auto loop = [&] {
    for (int64_t i; (i = next++) < failed;) {
      llvm::Error error = work(i);
      if (!error)
        continue;
      std::lock_guard<std::mutex> lock(mutex);
      if (i < failed) {
        llvm::consumeError(std::move(first));
        first = std::move(error);
        failed = i;
      } else {
        llvm::consumeError(std::move(error));
      }
    }
  };
  std::vector<std::thread> others;
  for (int64_t t = 1, n = std::min<int64_t>(threads, count); t < n; ++t)
    others.emplace_back(loop);
  loop();
  for (std::thread &thread : others)
    thread.join();
  return first;
}
