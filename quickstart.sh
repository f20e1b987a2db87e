#!/usr/bin/env bash
# From a clean clone to a compiled language model: installs, builds build/release, gives SmolLM2 its weights, compiles it in
# f32, int8 and int4, with and without rotations, and compares size, accuracy and speed with ONNX Runtime.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

step() { # step WHAT COMMAND…: says what happens and how long it took
  local what=$1 start=$SECONDS
  shift
  echo "== $what"
  "$@"
  echo "   $((SECONDS - start)) s"
}

step "Installing packages" scripts/install.sh
step "Building (minutes, the first time)" scripts/build.sh release
step "Weights of SmolLM2" build/venv/bin/python scripts/materialize_model.py examples/models/smollm2-genai-fp32.onnx
step "Compiling, running, comparing" build/venv/bin/python scripts/main_job.py "$@"
