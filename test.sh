#!/usr/bin/env bash
# Installs, builds, and runs every test: lit (test/**/*.mlir, *.test), GoogleTest (test/unit) and pytest (python/tests,
# test/**/test_*.py). The last line is the count over all of them; the exit code is 0 only when all passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
usage: ./test.sh [--asan] [--only lit|unit|python] [--filter TEXT] [--no-install]
  --asan         build and test with address and undefined-behaviour sanitizers: lit and unit tests
  --only PART    one part: lit, unit or python; may be given more than once
  --filter TEXT  tests whose name contains TEXT (lit: a regular expression over paths)
  --no-install   skip scripts/install.sh
HADRON_CI_ASAN=1 adds the tests of --asan to an ordinary run.
END
}

presets=(release) parts=() options=() install=1
while (($#)); do
  case $1 in
    --asan) presets=(asan) ;;
    --only) parts+=("${2:?--only needs lit, unit or python}") && shift ;;
    --filter) options+=(--filter "${2:?--filter needs a text}") && shift ;;
    --no-install) install= ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
((${#parts[@]})) || parts=(lit unit python)
[[ ${presets[0]} == release && ${HADRON_CI_ASAN:-0} == 1 ]] && presets+=(asan)

timed() { # timed WHAT COMMAND…: runs it and says how long it took
  local what=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  printf '%-24s %5d s\n' "$what" $((SECONDS - start))
  return "$status"
}

counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
# Whatever is wrong, the last line says so in the form of a count.
broken() {
  echo "test.sh: $1" >&2
  echo 0 1 0 >>"$counts"
}

if [[ $install ]] && ! timed "install" scripts/install.sh; then
  broken "installation failed"
else
  for preset in "${presets[@]}"; do
    if ! timed "$preset: build" scripts/build.sh "$preset"; then
      broken "$preset did not build"
      continue
    fi
    for part in "${parts[@]}"; do
      # Python loads the compiled libraries, which an interpreter without the sanitizers' runtime cannot.
      [[ $preset == asan && $part == python ]] && continue
      timed "$preset: $part" build/venv/bin/python scripts/run_tests.py "$part" --build "build/$preset" --counts "$counts" \
        "${options[@]}" </dev/null || broken "$part tests could not be run"
    done
  done
fi

awk '{passed += $1; failed += $2; skipped += $3}
     END {
       if (passed + failed == 0) { print "test.sh: no test ran" > "/dev/stderr"; failed = 1 }
       printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
       exit failed != 0
     }' "$counts"
