//===- Cpu.cpp - which instruction sets this machine can run ----------------------------------------------------===//
#include "Internal.h"

#include <cpuid.h>
#include <sched.h>
#include <string.h>

namespace hadron::rt {

static const hadron_rt_isa knownSets[] = {
    {"x86-64", HADRON_RT_X86_64},
    {"x86-64-v3", HADRON_RT_X86_64_V3},
    {"x86-64-v4", HADRON_RT_X86_64_V4},
    {"x86-64-v4-vnni", HADRON_RT_X86_64_V4_VNNI},
};

namespace {
enum Register { ebx, ecx, edx, eax };
/// What the operating system must save for a feature to be usable, as bits of XCR0.
constexpr uint64_t none = 0, ymm = 0x6, zmm = 0xe6;

struct Feature {
  int64_t bit;
  const char *name;
  unsigned leaf, subleaf;
  Register reg;
  unsigned shift;
  uint64_t saved;
};
} // namespace

// Intel's manual, volume 2, CPUID; the names are those of /proc/cpuinfo and LLVM.
static const Feature features[] = {
    {HADRON_RT_SSE3, "sse3", 1, 0, ecx, 0, none},
    {HADRON_RT_SSSE3, "ssse3", 1, 0, ecx, 9, none},
    {HADRON_RT_SSE4_1, "sse4.1", 1, 0, ecx, 19, none},
    {HADRON_RT_SSE4_2, "sse4.2", 1, 0, ecx, 20, none},
    {HADRON_RT_POPCNT, "popcnt", 1, 0, ecx, 23, none},
    {HADRON_RT_CX16, "cx16", 1, 0, ecx, 13, none},
    {HADRON_RT_LAHF, "lahf", 0x80000001, 0, ecx, 0, none},
    {HADRON_RT_AVX, "avx", 1, 0, ecx, 28, ymm},
    {HADRON_RT_AVX2, "avx2", 7, 0, ebx, 5, ymm},
    {HADRON_RT_FMA, "fma", 1, 0, ecx, 12, ymm},
    {HADRON_RT_F16C, "f16c", 1, 0, ecx, 29, ymm},
    {HADRON_RT_BMI, "bmi", 7, 0, ebx, 3, none},
    {HADRON_RT_BMI2, "bmi2", 7, 0, ebx, 8, none},
    {HADRON_RT_LZCNT, "lzcnt", 0x80000001, 0, ecx, 5, none},
    {HADRON_RT_MOVBE, "movbe", 1, 0, ecx, 22, none},
    {HADRON_RT_AVX512F, "avx512f", 7, 0, ebx, 16, zmm},
    {HADRON_RT_AVX512BW, "avx512bw", 7, 0, ebx, 30, zmm},
    {HADRON_RT_AVX512CD, "avx512cd", 7, 0, ebx, 28, zmm},
    {HADRON_RT_AVX512DQ, "avx512dq", 7, 0, ebx, 17, zmm},
    {HADRON_RT_AVX512VL, "avx512vl", 7, 0, ebx, 31, zmm},
    {HADRON_RT_AVX512VNNI, "avx512vnni", 7, 0, ecx, 11, zmm},
    {HADRON_RT_AVX512VBMI, "avx512vbmi", 7, 0, ecx, 1, zmm},
    {HADRON_RT_AVX512BF16, "avx512bf16", 7, 1, eax, 5, zmm},
    {HADRON_RT_AVX512FP16, "avx512fp16", 7, 0, edx, 23, zmm},
    {HADRON_RT_AVXVNNI, "avxvnni", 7, 1, eax, 4, ymm},
};

int64_t cpuFeatures() {
  uint64_t saved = 0;
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE)) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    saved = (uint64_t)high << 32 | low;
  }
  int64_t result = 0;
  for (const Feature &feature : features) {
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &a, &b, &c, &d))
      continue;
    const unsigned registers[] = {b, c, d, a};
    if ((registers[feature.reg] >> feature.shift & 1) && (saved & feature.saved) == feature.saved)
      result |= feature.bit;
  }
  return result;
}

const char *featureName(int64_t missing) {
  for (const Feature &feature : features)
    if (missing & feature.bit)
      return feature.name;
  return "a feature that this runtime does not know";
}

const char *bestInstructionSet(int64_t available) {
  const char *best = "x86-64";
  for (const hadron_rt_isa &set : knownSets)
    if (!(set.features & ~available))
      best = set.name;
  return best;
}

int64_t chooseInstructionSet(const hadron_rt_descriptor &descriptor, const char *wanted, int64_t available,
                             Text &error) {
  if (wanted && *wanted) {
    const hadron_rt_isa *known = nullptr;
    for (const hadron_rt_isa &set : knownSets)
      if (!strcmp(set.name, wanted))
        known = &set;
    if (!known) {
      error.add("HADRON_CPU is '%s', which is not an instruction set (known:", wanted);
      for (const hadron_rt_isa &set : knownSets)
        error.add(" %s", set.name);
      error.add(")");
      return -1;
    }
    if (int64_t missing = known->features & ~available) {
      error.add("HADRON_CPU asks for %s, which this CPU cannot run: it lacks %s", wanted, featureName(missing));
      return -1;
    }
    // Of two columns of that name the later one needs more.
    for (int64_t i = descriptor.isa_count - 1; i >= 0; --i)
      if (!strcmp(descriptor.isas[i].name, wanted) && !(descriptor.isas[i].features & ~available))
        return i;
    error.add("HADRON_CPU asks for %s, but library '%s' was built only for", wanted, descriptor.name);
    for (int64_t i = 0; i < descriptor.isa_count; ++i)
      error.add("%s %s", i ? "," : "", descriptor.isas[i].name);
    return -1;
  }
  for (int64_t i = descriptor.isa_count - 1; i >= 0; --i)
    if (!(descriptor.isas[i].features & ~available))
      return i;
  if (!descriptor.isa_count) {
    error.add("library '%s' names no instruction set", descriptor.name);
    return -1;
  }
  error.add("library '%s' was built for %s, which this CPU cannot run: it lacks %s", descriptor.name,
            descriptor.isas[0].name, featureName(descriptor.isas[0].features & ~available));
  return -1;
}

int32_t availableProcessors() {
  // Larger than cpu_set_t: the kernel refuses a set that is too small for the machine.
  unsigned long set[1024 / sizeof(long)] = {};
  if (sched_getaffinity(0, sizeof set, (cpu_set_t *)set) != 0)
    return 1;
  int32_t count = 0;
  for (unsigned long word : set)
    count += __builtin_popcountl(word);
  return count < 1 ? 1 : count;
}

} // namespace hadron::rt
