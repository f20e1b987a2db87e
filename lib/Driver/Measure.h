// Time, and what else took it.
#ifndef HADRON_LIB_DRIVER_MEASURE_H
#define HADRON_LIB_DRIVER_MEASURE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <chrono>
#include <vector>

namespace hadron::driver {

class Stopwatch {
public:
  double getSeconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

/// Values of which the middle counts.
class Samples {
public:
  void add(double value);
  /// Times warm calls: `repeat` of them, or for `seconds` and some at least. Short calls are timed many together.
  llvm::Error collect(llvm::function_ref<llvm::Error()> call, int64_t repeat, double seconds);

  size_t size() const { return values.size(); }
  double getMedian() const;
  double getLeast() const { return values.front(); }
  double getMost() const { return values.back(); }

private:
  std::vector<double> values; // sorted
};

/// CPU time that other processes take while this object lives, from /proc/stat.
class ForeignTime {
public:
  ForeignTime();
  /// In cores; 0 where the system does not say.
  double getCores() const;

private:
  Stopwatch stopwatch;
  double busy, own;
};

} // namespace hadron::driver

#endif // HADRON_LIB_DRIVER_MEASURE_H
