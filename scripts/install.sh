#!/usr/bin/env bash
# Installs what building and testing need: Debian packages (packages.txt), and a private Python environment in build/venv
# (requirements.txt). Does nothing, quickly, when all of it is there. test.sh and quickstart.sh call it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# fail WHAT ADVICE: one line that says what went wrong, one that says what to do.
fail() {
  printf 'install.sh: %s\n            %s\n' "$1" "$2" >&2
  exit 1
}

# names FILE: the lines of a list without comments and blanks.
names() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this is not Debian" "Install the counterparts of scripts/packages.txt by hand, then run with HADRON_SKIP_PACKAGES=1."
  local wanted missing=() name
  mapfile -t wanted < <(names scripts/packages.txt)
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
  for name in "${wanted[@]}"; do
    grep -qx "installed $name" <<<"$installed" || missing+=("$name")
  done
  ((${#missing[@]})) || return 0

  local root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "packages are missing, and neither root nor sudo is at hand" "As root: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  # A mirror that is being updated gives one bad answer; the second one is its own.
  "${apt[@]}" update >build/apt.log 2>&1 || { sleep 10 && "${apt[@]}" update >>build/apt.log 2>&1; } ||
    fail "apt-get update failed; $(tail -n 1 build/apt.log)" "Check the network and the sources of apt; the log is build/apt.log."
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>build/apt.log 2>&1 </dev/null ||
    fail "apt-get install failed; $(grep -m 1 '^E:' build/apt.log || tail -n 1 build/apt.log)" \
      "LLVM 22 is in Debian 12 and later. The log is build/apt.log."
}

install_python() {
  local python=python3 stamp=build/venv/installed.txt want
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old" "Python 3.11 or newer has to be python3 on PATH."
  want="$("$python" --version) $(sha256sum <scripts/requirements.txt)"
  [[ -x build/venv/bin/python && -f $stamp && $(<"$stamp") == "$want" ]] && return 0
  echo "Installing the Python environment build/venv"
  "$python" -m venv --clear build/venv >build/pip.log 2>&1 ||
    fail "python3 -m venv failed; $(tail -n 1 build/pip.log)" "Install python3-venv; the log is build/pip.log."
  build/venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: -r scripts/requirements.txt \
    >>build/pip.log 2>&1 </dev/null ||
    fail "pip install failed; $(grep -m 1 '^ERROR' build/pip.log || tail -n 1 build/pip.log)" \
      "Check that PyPI can be reached; the log is build/pip.log."
  echo "$want" >"$stamp"
}

mkdir -p build
# Two runs at once must not both make the environment.
exec 9>build/install.lock
flock 9
[[ ${HADRON_SKIP_PACKAGES:-} ]] || install_packages
install_python
