"""Graphs as exporters write them, by name: graphs.py NAME FOLDER writes FOLDER/model.onnx, raises it to FOLDER/model.mlir,
runs that in the reference interpreter and says whether it agrees with ONNX Runtime (or with a formula in NumPy)."""

import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F = np.float32


class Graph:
    def __init__(self, opset=18):
        self.nodes, self.constants, self.inputs, self.outputs = [], {}, {}, {}
        self.opset, self.expected = opset, None

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def __call__(self, op, *inputs, out=None, domain="", **attributes):
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        out = out or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], domain=domain, name=f"/{op}_{len(self.nodes)}", **attributes))
        return out

    def input(self, name, sizes, value):
        self.inputs[name] = (sizes, value)
        return name

    def output(self, name, sizes, element=TensorProto.FLOAT):
        self.outputs[name] = (sizes, element)

    def model(self):
        values = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), s) for n, (s, v) in self.inputs.items()]
        results = [helper.make_tensor_value_info(n, e, s) for n, (s, e) in self.outputs.items()]
        constants = [numpy_helper.from_array(v, n) for n, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "graph", values, results, constants)
        domains = {n.domain for n in self.nodes} - {""}
        opsets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(d, 1) for d in domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def sylvester(n):
    return np.array([[(-1.0) ** bin(i & j).count("1") for j in range(n)] for i in range(n)])


def paley12():
    squares = {i * i % 11 for i in range(1, 11)}
    sign = lambda a: 0 if a % 11 == 0 else 1 if a % 11 in squares else -1
    matrix = np.zeros((12, 12))
    matrix[0, 1:], matrix[1:, 0] = 1, -1
    matrix[1:, 1:] = [[sign(i - j) for j in range(11)] for i in range(11)]
    return matrix + np.eye(12)


RNG = np.random.default_rng(7)


def normal(*shape):
    return RNG.standard_normal(shape).astype(F)


def signs(n):
    return np.sign(RNG.standard_normal(n)).astype(F)


def attention():
    """One layer's attention as torch's exporter writes it: rotary embedding, repeated KV heads, an additive mask."""
    g = Graph()
    g.input("q", ["b", "s", 32], normal(2, 3, 32))
    for name in "kv":
        g.input(name, ["b", "s", 16], normal(2, 3, 16))
    g.input("angles", ["b", "s", 4], normal(2, 3, 4))
    g.input("mask", ["b", 1, "s", "total"], RNG.random((2, 1, 3, 7)) < 0.8)
    for name in ("past.k", "past.v"):
        g.input(name, ["b", 2, "past", 8], normal(2, 2, 4, 8))
    both = g("Concat", "angles", "angles", axis=-1)
    cosines, sines = g("Unsqueeze", g("Cos", both), [1]), g("Unsqueeze", g("Sin", both), [1])

    def rotated(x):
        low, high = g("Slice", x, [0], [4], [3], [1]), g("Slice", x, [4], [2**63 - 1], [3], [1])
        return g("Add", g("Mul", x, cosines), g("Mul", g("Concat", g("Neg", high), low, axis=-1), sines))

    def heads(x, count):
        return g("Transpose", g("Reshape", x, [0, 0, count, 8]), perm=[0, 2, 1, 3])

    def repeated(x):
        shape = g("Shape", x)
        batch, rest = g("Slice", shape, [0], [1]), g("Slice", shape, [2], [2**63 - 1])
        copies = g("Expand", g("Unsqueeze", x, [2]), g("Concat", batch, [2], [2], rest, axis=0))
        return g("Reshape", copies, g("Concat", batch, [4], rest, axis=0))

    query = rotated(heads("q", 4))
    keys = g("Concat", "past.k", rotated(heads("k", 2)), axis=-2, out="present.k")
    values = g("Concat", "past.v", heads("v", 2), axis=-2, out="present.v")
    scale = np.array(8**-0.25, F)
    keys = g("Mul", g("Transpose", repeated(keys), perm=[0, 1, 3, 2]), scale)
    bias = g("Where", "mask", np.array(0, F), np.array(np.finfo(F).min, F))
    weights = g("Softmax", g("Add", g("MatMul", g("Mul", query, scale), keys), bias), axis=-1)
    weights = g("Where", g("IsNaN", weights), np.array(0, F), weights)
    result = g("Transpose", g("MatMul", weights, repeated(values)), perm=[0, 2, 1, 3])
    g("Reshape", result, [0, 0, 32], out="y")
    g.output("y", ["b", "s", 32])
    for name in ("present.k", "present.v"):
        g.output(name, ["b", 2, "past + s", 8])
    return g


def hadamard(make, n=64):
    g = Graph()
    x = g.input("x", ["b", "s", n], normal(2, 3, n))
    make(g, x)
    g.output("y", ["b", "s", n])
    return g


def signed():
    matrix = signs(64)[:, None] * sylvester(64) * signs(64) / 8
    return hadamard(lambda g, x: g("MatMul", x, matrix.astype(F), out="y"))


def paley():
    matrix = np.kron(paley12(), sylvester(4)) / np.sqrt(48)
    return hadamard(lambda g, x: g("MatMul", x, matrix.astype(F), out="y"), 48)


def blocks():
    def make(g, x):
        y = g("MatMul", g("Reshape", x, [0, 0, -1, 16]), sylvester(16).astype(F))
        g("Reshape", g("Mul", y, np.array(0.25, F)), [0, 0, -1], out="y")

    return hadamard(make)


def kronecker():
    def make(g, x):
        h = g.constant(sylvester(8).astype(F))
        g("Reshape", g("MatMul", h, g("MatMul", g("Reshape", x, [0, 0, 8, 8]), h)), [0, 0, 64], out="y")

    return hadamard(make)


def fused():
    g = Graph()
    x, s = normal(2, 3, 64).astype(np.float16), signs(64)
    g("FusedHadamardTransform", g.input("x", ["b", "s", 64], x), s.astype(np.float16), domain="com.microsoft", block_size=16, out="y")
    g.output("y", ["b", "s", 64], TensorProto.FLOAT16)
    g.expected = {"y": ((x * s).astype(np.float64).reshape(2, 3, 4, 16) @ sylvester(16) / 4).reshape(2, 3, 64)}
    return g


def qualcomm():
    g = Graph()
    x = normal(2, 3, 64)
    g("HadamardTransform", g.input("x", ["b", "s", 64], x), domain="qti_aisw", rank=16, scale=0.25, out="y")
    g.output("y", ["b", "s", 64])
    g.expected = {"y": (x.astype(np.float64).reshape(2, 3, 4, 16) @ sylvester(16) / 4).reshape(2, 3, 64)}
    return g


def blocked():
    """int4 weights [K, N] with one scale for each 16 inputs, and zero points."""
    g = Graph(opset=21)
    codes = RNG.integers(-8, 8, (32, 6)).astype(onnx.helper.tensor_dtype_to_np_dtype(TensorProto.INT4))
    zeros = RNG.integers(-8, 8, (2, 6)).astype(codes.dtype)
    weight = g("DequantizeLinear", codes, normal(2, 6), zeros, axis=0, block_size=16)
    g("MatMul", g.input("x", ["s", 32], normal(3, 32)), weight, out="y")
    g.output("y", ["s", 6])
    scales = [v for v in g.constants.values() if v.dtype == F][0].repeat(16, axis=0).astype(np.float64)
    g.expected = {"y": g.inputs["x"][1] @ ((codes.astype(F) - zeros.astype(F).repeat(16, axis=0)) * scales)}
    return g


def dense():
    """A learned rotation: orthogonal, and no Hadamard matrix."""
    matrix = np.linalg.qr(RNG.standard_normal((64, 64)))[0]
    return hadamard(lambda g, x: g("MatMul", x, matrix.astype(F), out="y"))


def main():
    name, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    graph = globals()[name]()
    path = os.path.join(folder, "model.onnx")
    onnx.save(graph.model(), path)
    imported = subprocess.run(["hadron-import-print", path], capture_output=True, check=True).stdout
    raised = subprocess.run(["hadron-opt", "--hadron-raise"], input=imported, capture_output=True, check=True).stdout
    with open(os.path.join(folder, "model.mlir"), "wb") as file:
        file.write(raised)
    command = ["hadron-interpret", os.path.join(folder, "model.mlir"), "--output-dir", folder]
    feeds = {n: v for n, (_, v) in graph.inputs.items()}
    for n, v in feeds.items():
        np.save(os.path.join(folder, f"in-{n}.npy"), v)
        command += ["--state" if n.startswith("past") else "--input", f"{n}={folder}/in-{n}.npy"]
    subprocess.run(command, check=True)
    expected = graph.expected
    if expected is None:
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        expected = dict(zip(graph.outputs, session.run(None, feeds)))
    for n, want in expected.items():
        got = np.load(os.path.join(folder, n + ".npy"))
        tolerance = 2e-3 if graph.outputs[n][1] == TensorProto.FLOAT16 else 2e-5
        same = got.shape == want.shape and np.allclose(got, want, rtol=tolerance, atol=tolerance)
        print(f"{n}: {'agrees' if same else 'DIFFERS'}", file=sys.stderr if same else sys.stdout)
        if not same:
            sys.exit(1)


main()
