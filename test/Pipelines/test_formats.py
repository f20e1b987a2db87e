"""A small network in every weight format, with and without rotations, with float and int8 activations: the library against the
reference interpreter, which decodes what was encoded and computes in f64.

Float activations are judged by the module as it is after `quantize`: fusing is exact. int8 activations are an approximation with
its own definition, the module after `fuse`; there a code may fall to the other side of a tie.
"""

import numpy as np
import pytest
from onnx import helper

WIDTH, HIDDEN, OUT = 256, 320, 72
DENSE = {"f32": 1e-6, "f16": 2e-3, "bf16": 1e-2}
# The relative error of rounding Gaussian weights, with room: a uniform step of max|w| / 2^(bits - 1) in a group.
ROUNDING = {"int8": 0.02, "int4": 0.3, "int2": 1.2}
INTEGERS = [f"{kind}:{group}:{zero}" for kind in ROUNDING for group in ("g16", "g32", "g64", "g128", "row") for zero in ("sym", "asym")]


@pytest.fixture(scope="module")
def network(onnx_model, tmp_path_factory):
    """y = (silu(x A + b) B), and what NumPy makes of it in f64."""
    numbers = np.random.default_rng(11)
    a = (numbers.standard_normal((WIDTH, HIDDEN)) / 16).astype(np.float32)
    bias = (numbers.standard_normal(HIDDEN) / 4).astype(np.float32)
    b = (numbers.standard_normal((HIDDEN, OUT)) / 17).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["p"], name="/up"),
        helper.make_node("Add", ["p", "bias"], ["q"], name="/bias"),
        helper.make_node("Sigmoid", ["q"], ["s"], name="/sigmoid"),
        helper.make_node("Mul", ["q", "s"], ["h"], name="/mul"),
        helper.make_node("MatMul", ["h", "b"], ["y"], name="/down"),
    ]
    path = onnx_model(tmp_path_factory.mktemp("network") / "net.onnx", nodes, [("x", ["rows", WIDTH])], [("y", ["rows", OUT])],
                      {"a": a, "bias": bias, "b": b})  # fmt: skip
    x = numbers.standard_normal((5, WIDTH)).astype(np.float32)

    def exact(x):
        q = x.astype(np.float64) @ a + bias
        return (q / (1 + np.exp(-q))) @ b

    return path, x, exact(x)


def relative(error, reference):
    return np.linalg.norm(error) / np.linalg.norm(reference)


def compile_both(hadron, network, folder, phase, *options):
    """The library, and the IR that says what it computes."""
    hadron("compile", network[0], "-o", folder / "lib", *options)
    hadron("compile", network[0], "-o", folder / "ir.mlir", "--compile-to", phase, *options)
    return folder / "lib", folder / "ir.mlir"


@pytest.mark.parametrize("rotate", ["none", "online"])
@pytest.mark.parametrize("name", [*DENSE, *INTEGERS])
def test_float_activations(hadron, run_library, interpret, network, tmp_path, name, rotate):
    options = ["--weights", name, "--rotate", rotate, "--activations", "f32"]
    library, ir = compile_both(hadron, network, tmp_path, "quantize", *options)
    assert ("hadron.rotate" in ir.read_text()) == (rotate == "online")
    path, x, exact = network
    y = run_library(library, 2, x=x)["y"]
    want = interpret(ir, path.parent, x=x)["y"]
    # (K + 1) u for each product, as if no two errors cancelled; numbers are near 1.
    assert np.abs(y - want).max() <= (WIDTH + HIDDEN) * 2.0**-24, np.abs(y - want).max()
    kind = name.split(":")[0]
    assert relative(want - exact, exact) <= DENSE.get(kind, ROUNDING.get(kind)), "the interpreter is near the network"


@pytest.mark.parametrize("rotate", ["none", "online"])
@pytest.mark.parametrize("name", INTEGERS)
def test_int8_activations(hadron, run_library, interpret, network, tmp_path, name, rotate):
    options = ["--weights", name, "--rotate", rotate, "--activations", "int8"]
    library, ir = compile_both(hadron, network, tmp_path, "fuse", *options)
    assert "xi8>" in ir.read_text()
    path, x, exact = network
    y = run_library(library, 2, x=x)["y"]
    want = interpret(ir, path.parent, x=x)["y"]
    error = np.abs(y - want)
    off = error.max(-1) > (WIDTH + HIDDEN) * 2.0**-24
    # A row of a few numbers that are off by a step of their code: 1 / 127 of the largest, times a weight.
    assert off.sum() <= 1 and error.max() <= 0.02, f"{off.sum()} rows of 5 are off, by up to {error.max()}"
    assert relative(want - exact, exact) <= 0.02 + ROUNDING[name.split(":")[0]]
