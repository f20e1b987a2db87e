// The table of instruction sets, and which of them this machine has.
#include "hadron/Target/CPU.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

namespace hadron::cpu {
namespace {

constexpr Target kTargets[] = {
    {ISA::X86_64, "x86-64", "x86-64", "", 16, 16, false, false, false, false, false},
    {ISA::X86_64_V3, "x86-64-v3", "x86-64-v3", "", 32, 16, true, true, true, false, false},
    {ISA::X86_64_V4, "x86-64-v4", "x86-64-v4", "", 64, 32, true, true, true, true, false},
    {ISA::X86_64_V4_VNNI, "x86-64-v4-vnni", "x86-64-v4", "+avx512vnni", 64, 32, true, true, true, true, true},
};

bool hasAll(const StringMap<bool> &features, ArrayRef<StringRef> names) {
  return all_of(names, [&](StringRef name) { return features.lookup(name); });
}

} // namespace

ArrayRef<Target> allTargets() { return kTargets; }
const Target &target(ISA isa) { return kTargets[static_cast<int>(isa)]; }

const Target &nativeTarget() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  if (!hasAll(features, {"avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"}))
    return target(ISA::X86_64);
  if (!hasAll(features, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    return target(ISA::X86_64_V3);
  return target(features.lookup("avx512vnni") ? ISA::X86_64_V4_VNNI : ISA::X86_64_V4);
}

Expected<SmallVector<const Target *>> parseChip(StringRef chip) {
  SmallVector<const Target *> result;
  if (chip == "native") {
    result.push_back(&nativeTarget());
    return result;
  }
  for (const Target &t : kTargets)
    if (chip == "all" || chip == t.name)
      result.push_back(&t);
  if (!result.empty())
    return result;
  std::string known = "native, all";
  for (const Target &t : kTargets)
    known += ", " + t.name.str();
  return createStringError("unknown chip '%s'; one of: %s", chip.str().c_str(), known.c_str());
}

} // namespace hadron::cpu
