#!/usr/bin/env bash
# scripts/build.sh [PRESET] [TARGET…]: configures and builds build/PRESET (default: release) with as many jobs as cores and
# memory allow. test.sh and quickstart.sh call it after install.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-release}
shift || true

# Lets a clone in another folder, with a precompiled header of its own, hit the cache.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

# A file that includes MLIR's headers takes up to 1.2 GB of memory.
cores=$(nproc)
memory=$(awk '/^MemAvailable:/ {print int($2 / 1200000)}' /proc/meminfo)
jobs=$((memory < cores ? memory : cores))
((jobs >= 1)) || jobs=1

mkdir -p "build/$preset"
if ! cmake --preset "$preset" >"build/$preset/configure.log" 2>&1; then
  tail -n 30 "build/$preset/configure.log" >&2
  echo "build.sh: cmake --preset $preset failed; the log is build/$preset/configure.log." >&2
  exit 1
fi
# -k 0: one run names every file that does not compile.
if ! ninja -C "build/$preset" -j "$jobs" -k 0 "$@" >"build/$preset/build.log" 2>&1; then
  grep -E -A 12 '^FAILED|error:' "build/$preset/build.log" | head -n 120 >&2
  echo "build.sh: the build failed; the log is build/$preset/build.log." >&2
  exit 1
fi
