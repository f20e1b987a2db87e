"""Passes that call themselves exact keep the meaning of a module: the reference interpreter, in f64, on both sides of each.

Modules are generated: a chain of blocks over a residual stream, with norms with and without gains, rotations of several kinds,
products whose weights are shared, gates and sums. Sizes are drawn among odd ones.

The interpreter computes in f64 and rounds where a weight is encoded, here to f32. Passes that leave weights alone agree to f64
rounding over some thousand operations: 1e-9 of the largest value. Passes that change weights (rotate them, fold a gain) round
other numbers: each weight moves by 2^-24 of itself, a product by at most 2^-24 sum |x| |w|, which for Gaussian data of K <= 144
is below 2^-24 sqrt(K) * 4 of its size, and three blocks add up: 2e-5 of the largest value bounds it with room for the norms.
"""
import random
import subprocess

import numpy as np
import pytest

WIDTHS = [16, 48, 64, 96, 144]
EXACT = {
    "fold-norm-gains": "hadron-fold-norm-gains",
    "place-rotations": "hadron-place-rotations{seed=9}",
    "fold, place, cancel": "hadron-fold-norm-gains,hadron-place-rotations{seed=4},canonicalize,cse",
    "erase-basis": "hadron-place-rotations,hadron-erase-basis",
    "fuse-matmul": "hadron-erase-basis,func.func(hadron-fuse-matmul)",
    "fuse-prologue": "hadron-place-rotations,hadron-erase-basis,func.func(hadron-fuse-prologue)",
    "convert-elementwise": "hadron-erase-basis,func.func(hadron-convert-elementwise)",
    "all": "hadron-fold-norm-gains,hadron-place-rotations,hadron-erase-basis,func.func(hadron-fuse-matmul,hadron-fuse-prologue,hadron-convert-elementwise),canonicalize,cse",
}


class Module:
    """A module as text, with the bytes of its weights."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.params, self.lines, self.weights, self.count = [], [], b"", 0
        self.width = self.random.choice(WIDTHS)
        self.type = f"tensor<?x{self.width}xf32>"
        self.shared = {}

    def name(self):
        self.count += 1
        return f"%v{self.count}"

    def emit(self, text):
        name = self.name()
        self.lines.append(f"    {name} = {text}")
        return name

    def slice(self, shape):
        values = (self.numbers.standard_normal(shape) / np.sqrt(shape[0])).astype("<f4")
        text = f'hadron.file_slice "w.bin"[{len(self.weights)}, {values.nbytes}] : tensor<{"x".join(map(str, shape))}xf32>'
        self.weights += values.tobytes()
        return text

    def gain(self):
        name = f"g{self.count}"
        self.count += 1
        self.params.append(f"  hadron.param @{name} : tensor<{self.width}xf32> {{\n    %0 = {self.slice((self.width,))}\n    hadron.yield %0 : tensor<{self.width}xf32>\n  }}")
        return self.emit(f"hadron.param.get @{name} : tensor<{self.width}xf32>")

    def weight(self, k, n):
        """A weight; sometimes one that was used before."""
        packed = f"!hadron.packed<{k}x{n}, #hadron.dense<f32>>"
        if (k, n) in self.shared and self.random.random() < 0.3:
            return self.emit(f"hadron.param.get @{self.shared[k, n]} : {packed}"), packed
        name = self.shared[k, n] = f"w{self.count}"
        self.count += 1
        self.params.append(f"  hadron.param @{name} : {packed} {{\n    %0 = {self.slice((k, n))}\n    %1 = hadron.quantize %0 : tensor<{k}x{n}xf32> -> {packed}\n    hadron.yield %1 : {packed}\n  }}")
        return self.emit(f"hadron.param.get @{name} : {packed}"), packed

    def matmul(self, x, k, n):
        w, packed = self.weight(k, n)
        return self.emit(f"hadron.matmul {x}, {w} : tensor<?x{k}xf32>, {packed} -> tensor<?x{n}xf32>")

    def norm(self, x):
        gain = f" gain({self.gain()} : tensor<{self.width}xf32>)" if self.random.random() < 0.7 else ""
        return self.emit(f"hadron.rms_norm {x}{gain} {{epsilon = 1.0e-5 : f64}} : {self.type}")

    def there_and_back(self, x):
        """A rotation and its inverse around something that keeps the basis."""
        block = 1 << self.random.randrange(1, 5)
        basis = f'#hadron.rotation<[#hadron.signs<{self.width}, seed = {self.random.randrange(99)}, role = "residual">, #hadron.wht<{block}>]>'
        rotated = f"!hadron.rotated<{self.type}, {basis}>"
        y = self.emit(f"hadron.rotate {x} : {self.type} -> {rotated}")
        if self.random.random() < 0.5:
            y = self.emit(f"hadron.add {y}, {y} : {rotated}")
        if self.random.random() < 0.5:
            y = self.emit(f"hadron.rms_norm {y} {{epsilon = 1.0e-6 : f64}} : {rotated}")
        return self.emit(f"hadron.unrotate {y} : {rotated} -> {self.type}")

    def mlp(self, x):
        n = self.norm(x)
        inner = self.random.choice(WIDTHS)
        gate = self.emit(f"hadron.silu {self.matmul(n, self.width, inner)} : tensor<?x{inner}xf32>")
        if self.random.random() < 0.7:
            up = self.matmul(n, self.width, inner)
            size = self.emit(f"tensor.dim {up}, %c0 : tensor<?x{inner}xf32>")
            init = self.emit(f"tensor.empty({size}) : tensor<?x{inner}xf32>")
            gate = self.emit(f"linalg.generic {{indexing_maps = [#id, #id, #id], iterator_types = [\"parallel\", \"parallel\"]}} ins({gate}, {up} : tensor<?x{inner}xf32>, tensor<?x{inner}xf32>) "
                             f"outs({init} : tensor<?x{inner}xf32>) {{\n    ^bb0(%a: f32, %b: f32, %o: f32):\n      %p = arith.mulf %a, %b : f32\n      linalg.yield %p : f32\n    }} -> tensor<?x{inner}xf32>")
        down = self.matmul(gate, inner, self.width)
        return self.emit(f"hadron.add {x}, {down} : {self.type}")

    def text(self):
        x = "%x"
        for _ in range(self.random.randrange(1, 4)):
            x = self.random.choice([self.mlp, self.mlp, self.there_and_back])(x)
        if self.random.random() < 0.5:
            x = self.norm(x)
        body = "\n".join(self.lines)
        shape = f'{{hadron.name = "x", hadron.shape = ["rows", "{self.width}"]}}'
        return (f"#id = affine_map<(i, j) -> (i, j)>\nmodule attributes {{hadron.checked}} {{\n" + "\n".join(self.params) +
                f"\n  func.func @main(%x: {self.type} {shape}) -> ({self.type} {shape.replace(chr(34) + 'x' + chr(34), chr(34) + 'y' + chr(34), 1)}) attributes {{hadron.entry}} {{\n    %c0 = arith.constant 0 : index\n{body}\n    return {x} : {self.type}\n  }}\n}}\n")


def interpret(tools, file, folder):
    subprocess.run([tools / "hadron-interpret", file, "--entry", "main", "--input", f"x={folder}/x.npy", "--output-dir", folder], check=True, capture_output=True, text=True)
    return np.load(folder / "y.npy").astype(np.float64)


@pytest.mark.parametrize("seed", range(12))
def test_exact_passes(build, tmp_path, seed):
    tools = build / "bin"
    module = Module(seed)
    source = tmp_path / "m.mlir"
    source.write_text(module.text())
    (tmp_path / "w.bin").write_bytes(module.weights)
    np.save(tmp_path / "x.npy", module.numbers.standard_normal((module.random.choice([0, 1, 3, 7]), module.width)).astype(np.float32))
    want = interpret(tools, source, tmp_path)
    for name, passes in EXACT.items():
        changed = tmp_path / "changed.mlir"
        done = subprocess.run([tools / "hadron-opt", source, f"--pass-pipeline=builtin.module({passes})", "-o", changed], capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        got = interpret(tools, changed, tmp_path)
        assert got.shape == want.shape, name
        tolerance = 2e-5 if "fold" in passes or "place" in passes else 1e-9
        assert np.abs(got - want).max(initial=0) <= tolerance * max(np.abs(want).max(initial=0), 1), name
