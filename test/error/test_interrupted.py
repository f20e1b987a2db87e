"""Compilations that end before their time, and files that cannot be written whole: the folder is as it was."""

import os
import pathlib
import signal
import subprocess
import time

import numpy as np
import pytest

from hadron_fixtures import tool

WIDTH, LAYERS = 256, 24


@pytest.fixture(scope="module")
def sliced(tmp_path_factory):
    """A module whose weights take a while: the file of one of them is a pipe that somebody must write into."""
    folder = tmp_path_factory.mktemp("model")
    packed, tensor = f"!hadron.packed<{WIDTH}x{WIDTH}, #hadron.dense<f32>>", f"tensor<{WIDTH}x{WIDTH}xf32>"
    shape = f'["rows", "{WIDTH}"]'
    lines = ["module {"]
    for i in range(LAYERS):
        lines.append(f"  hadron.param @w{i} : {packed} {{\n    %0 = hadron.file_slice \"w.bin\"[{i * WIDTH * WIDTH * 4}, {WIDTH * WIDTH * 4}] : {tensor}\n"
                     f"    %1 = hadron.quantize %0 : {tensor} -> {packed}\n    hadron.yield %1 : {packed}\n  }}")  # fmt: skip
    kind = f"tensor<?x{WIDTH}xf32>"
    lines.append(f'  func.func @main(%v0: {kind} {{hadron.name = "x", hadron.shape = {shape}}}) -> ({kind} {{hadron.name = "y", hadron.shape = {shape}}}) attributes {{hadron.entry}} {{')
    for i in range(LAYERS):
        lines.append(f"    %w{i} = hadron.param.get @w{i} : {packed}\n    %v{i + 1} = hadron.matmul %v{i}, %w{i} : {kind}, {packed} -> {kind}")
    lines.append(f"    return %v{LAYERS} : {kind}\n  }}\n}}\n")
    (folder / "m.mlir").write_text("\n".join(lines))
    np.random.default_rng(0).standard_normal(LAYERS * WIDTH * WIDTH).astype("<f4").tofile(folder / "w.bin")
    return folder / "m.mlir"


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in pathlib.Path(folder).rglob("*")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("there_before", [False, True])
def test_a_signal_leaves_nothing(hadron, sliced, tmp_path, number, there_before):
    lib = tmp_path / "deep" / "lib"
    if there_before:
        hadron("compile", sliced, "-o", lib)
        (lib / "mine").write_text("of the user")
    before = contents(tmp_path)
    for delay in (0, 0.02, 0.05, 0.1):
        program = subprocess.Popen([tool("hadron"), "compile", sliced, "-o", lib, "--weights", "int8", "--chip", "all"])
        while program.poll() is None and not any(tmp_path.rglob(".hadron-*")):
            time.sleep(0.002)
        time.sleep(delay)
        program.send_signal(number)
        code = program.wait(timeout=60)
        if code == 0 and delay:  # it was faster
            break
        assert code == -number and contents(tmp_path) == before


@pytest.mark.parametrize("kilobytes", [0, 4, 64, 1024, 6000])
def test_a_full_disk(sliced, tmp_path, kilobytes):
    """A limit on the size of files stands for the disk."""
    limited = ["sh", "-c", f'ulimit -f {2 * kilobytes}; exec "$@"', "sh", str(tool("hadron"))]
    done = subprocess.run([*limited, "compile", str(sliced), "-o", str(tmp_path / "lib")], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("hadron: error: ") and "File too large" in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_full_disk_for_phases_and_ir(sliced, tmp_path):
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", str(tool("hadron"))]
    done = subprocess.run([*limited, "compile", str(sliced), "-o", str(tmp_path / "lib"), "--dump-phases-to", str(tmp_path / "phases")],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1 and "0-import.mlir: File too large" in done.stderr, done.stderr
    done = subprocess.run([*limited, "import", str(sliced), "-o", str(tmp_path / "m.mlir")], capture_output=True, text=True)
    assert done.returncode == 1 and "File too large" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "lib").exists() and not (tmp_path / "m.mlir").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(hadron, sliced, tmp_path):
    (tmp_path / "lib").mkdir(mode=0o555)
    assert "Permission denied" in hadron("compile", sliced, "-o", tmp_path / "lib", code=1).stderr


def test_remarks(hadron, sliced, tmp_path):
    hadron("compile", sliced, "-o", tmp_path / "lib", "--weights", "int4", "--remarks", tmp_path / "r.yaml")
    text = (tmp_path / "r.yaml").read_text()
    assert text.count("WeightQuantized") == LAYERS and "RotationPlaced" in text
