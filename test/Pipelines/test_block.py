"""One block (norm, rotation, 4-bit product, SiLU, product, residual) in every body that this machine can run.

With float activations the f64 interpreter is the judge of the module as it is written, and the bound is that of docs/numerics.md
put together link by link. With int8 activations the definition is the fused module: one code may fall to the other side of a tie
where f32 and f64 differ in a last bit, so a row may be off by a step in a few codes, and by no more.
"""

import os
import shutil

import numpy as np
import pytest

from hadron_fixtures import ROOT

U = 2.0**-24
WIDTH, HIDDEN = 576, 1536
CPUS = ["x86-64", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"]
ROWS = [0, 1, 2, 7, 33, 257]


def machine_bodies():
    with open("/proc/cpuinfo") as file:
        flags = set(next(line for line in file if line.startswith("flags")).split())
    needs = [set(), {"avx2", "fma", "f16c"}, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}, {"avx512_vnni"}]
    wanted, bodies = set(), []
    for name, more in zip(CPUS, needs):
        wanted |= more
        if wanted <= flags:
            bodies.append(name)
    return bodies


class Block:
    def __init__(self, folder):
        numbers = np.random.default_rng(1)
        self.folder = folder
        self.gain = (1 + 0.1 * numbers.standard_normal(WIDTH)).astype("<f4")
        self.up = (numbers.standard_normal((WIDTH, HIDDEN)) / 24).astype("<f4")
        self.down = (numbers.standard_normal((HIDDEN, WIDTH)) / 39).astype("<f4")
        self.model = folder / "block.mlir"
        shutil.copy(ROOT / "test" / "Dialect" / "Hadron" / "block.mlir", self.model)
        (folder / "block.weights").write_bytes(self.gain.tobytes() + self.up.tobytes() + self.down.tobytes())
        self.inputs = {rows: numbers.standard_normal((rows, WIDTH)).astype(np.float32) for rows in ROWS}

    def bound(self, x):
        """Of each element, first order in u. Norms of rows and columns stand for sums of products: a rotation keeps them, and
        4-bit rounding makes a column at most a fifth longer."""
        x = x.astype(np.float64)
        n = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * self.gain
        length = np.linalg.norm(n, axis=-1, keepdims=True)
        rotated = ((WIDTH / 32 + 9) + 8 * np.sqrt(64)) * U * length  # norm and gain; blocks of 64: (6 + 2) u |block| each
        column = 1.2 * np.linalg.norm(self.up.astype(np.float64), axis=0)
        hidden = length * column
        error = (WIDTH + 1) * U * hidden + rotated * column
        error = 1.1 * error + 10 * U * hidden
        return ((HIDDEN + 2) * U * hidden + error) @ np.abs(self.down) + 2 * U * np.abs(x)


@pytest.fixture(scope="module")
def block(tmp_path_factory):
    return Block(tmp_path_factory.mktemp("block"))


def run_everywhere(run_library, library, block, check):
    first = {}
    for cpu in machine_bodies():
        for threads in (1, 2):
            for rows, x in block.inputs.items():
                y = run_library(library, threads, {**os.environ, "HADRON_CPU": cpu}, x=x)["y"]
                assert y.shape == (rows, WIDTH) and y.dtype == np.float32
                check(rows, x, y, f"{cpu}, {threads} threads, {rows} rows")
                assert np.array_equal(first.setdefault((cpu, rows), y), y), "threads change no bits"


def test_f32(hadron, run_library, interpret, block):
    library = block.folder / "f32"
    hadron("compile", block.model, "-o", library, "--chip", "all", "--activations", "f32")
    want = {rows: interpret(block.model, block.folder, x=x)["y"] for rows, x in block.inputs.items()}

    def check(rows, x, y, where):
        error = np.abs(y - want[rows])
        assert (error <= block.bound(x)).all(), f"{where}: {(error / block.bound(x)).max()} of the bound"
        if rows:  # and, since bounds are far away, as good as f32 usually is
            assert np.sqrt((error**2).mean()) < 1e-6, where

    run_everywhere(run_library, library, block, check)


def test_int8(hadron, run_library, interpret, block):
    library, fused = block.folder / "int8", block.folder / "fused.mlir"
    hadron("compile", block.model, "-o", library, "--chip", "all", "--activations", "int8")
    hadron("compile", block.model, "-o", fused, "--compile-to", "fuse", "--activations", "int8")
    assert "tensor<?x576xi8>" in fused.read_text()
    want = {rows: interpret(fused, block.folder, x=x)["y"] for rows, x in block.inputs.items()}
    plain = {rows: interpret(block.model, block.folder, x=x)["y"] for rows, x in block.inputs.items()}
    first = {}

    def check(rows, x, y, where):
        error = np.abs(y - want[rows])
        # A code off by one moves the result by at most a 127th of the row's largest number times the weights behind it.
        assert (error <= 0.02).all(), f"{where}: {error.max()}"
        rows_off = (error.max(-1, initial=0) > 1e-5).sum()
        assert rows_off <= 1 + rows // 8, f"{where}: {rows_off} rows differ from the definition"
        if rows > 2:
            assert 1e-4 < np.abs(y - plain[rows]).mean() < 0.02, "rounding to 8 bits shows, and no more than that"
        first.setdefault(rows, y)

    run_everywhere(run_library, library, block, check)
