#include "Measure.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstdio>
#include <sys/resource.h>
#include <unistd.h>

using namespace hadron::driver;

void Samples::add(double value) { values.insert(llvm::upper_bound(values, value), value); }

double Samples::getMedian() const {
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

llvm::Error Samples::collect(llvm::function_ref<llvm::Error()> call, int64_t repeat, double seconds) {
  constexpr double leastSpan = 20e-6; // far above what reading the clock costs
  constexpr int64_t leastRuns = 5, mostRuns = 100000;
  Stopwatch all, warmUp;
  int64_t inner = 0;
  do {
    if (llvm::Error error = call())
      return error;
    ++inner;
  } while (!repeat && warmUp.getSeconds() < leastSpan);
  for (int64_t i = 0; repeat ? i < repeat : i < leastRuns || (i < mostRuns && all.getSeconds() < seconds); ++i) {
    Stopwatch span;
    for (int64_t j = 0; j < inner; ++j)
      if (llvm::Error error = call())
        return error;
    values.push_back(span.getSeconds() / inner);
  }
  llvm::sort(values);
  return llvm::Error::success();
}

/// CPU seconds of all processes, -1 if unknown.
static double getBusySeconds() {
  std::FILE *file = std::fopen("/proc/stat", "r");
  if (!file)
    return -1;
  long long user, nice, system, idle, wait, irq, softIrq, steal;
  int read = std::fscanf(file, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle, &wait, &irq,
                         &softIrq, &steal);
  std::fclose(file);
  if (read != 8)
    return -1;
  return double(user + nice + system + irq + softIrq + steal) / sysconf(_SC_CLK_TCK);
}

static double getOwnSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval &time) { return time.tv_sec + 1e-6 * time.tv_usec; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

ForeignTime::ForeignTime() : busy(getBusySeconds()), own(getOwnSeconds()) {}

double ForeignTime::getCores() const {
  double now = getBusySeconds(), elapsed = stopwatch.getSeconds();
  if (busy < 0 || now < 0 || elapsed <= 0)
    return 0;
  return std::max(0.0, (now - busy) - (getOwnSeconds() - own)) / elapsed;
}
