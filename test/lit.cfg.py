# How lit runs this folder. Substitutions: our tools by name, FileCheck, not, split-file, and
#   %python   the interpreter of build/venv (numpy, onnx, onnxruntime, …)
#   %source   the source tree     %models   real models with their weights, made by scripts/materialize_model.py
# Features: ptxas; avx2, avx512, vnni (this machine's instruction sets); models (those weights are there); asan.
import os
import re
import shutil
import sys

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Hadron"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "CMakeLists.txt", "lit.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.hadron_build_dir, "test")

llvm_config.use_default_substitutions()  # FileCheck, not, count, and a PATH that has them
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.hadron_tools_dir, append_path=True)
llvm_config.with_system_environment(
    ["HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH", "HADRON_CPU"]
)

tools = ["hadron", "hadron-opt", "hadron-lsp-server", "hadron-reduce", "hadron-interpret", "split-file"]
llvm_config.add_tool_substitutions(
    [ToolSubst(name, unresolved="ignore") for name in tools], [config.hadron_tools_dir, config.llvm_tools_dir]
)

python = config.hadron_python if os.path.exists(config.hadron_python) else sys.executable
models = os.path.join(config.hadron_source_dir, "build", "models")
# Before the defaults: one of them is a %python without our packages.
config.substitutions = [
    ("%python", python),
    ("%source", config.hadron_source_dir),
    ("%models", models),
] + config.substitutions

if shutil.which("ptxas"):
    config.available_features.add("ptxas")
if os.path.isdir(models) and any(name.endswith(".weights") for name in os.listdir(models)):
    config.available_features.add("models")
if config.hadron_sanitize:
    config.available_features.add("asan")

# One name for each instruction set that generated code is built for (docs/architecture.md).
flags = set()
if os.path.exists("/proc/cpuinfo"):
    with open("/proc/cpuinfo") as file:
        flags = set(re.search(r"^flags\s*:(.*)$", file.read(), re.M).group(1).split())
if {"avx2", "fma", "f16c"} <= flags:
    config.available_features.add("avx2")
if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags:
    config.available_features.add("avx512")
    if "avx512_vnni" in flags:
        config.available_features.add("vnni")
