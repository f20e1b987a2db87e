"""What the tests of whole compilations share: small ONNX models, libraries, and the reference interpreter beside them."""

import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hadron_fixtures import tool


def save_onnx(path, nodes, inputs, outputs, weights):
    """inputs, outputs: (name, shape) of float32, or (name, shape, element type). weights: arrays by name."""
    info = lambda name, shape, kind=TensorProto.FLOAT: helper.make_tensor_value_info(name, kind, shape)  # noqa: E731
    graph = helper.make_graph(nodes, "g", [info(*i) for i in inputs], [info(*o) for o in outputs],
                              [numpy_helper.from_array(value, name) for name, value in weights.items()])  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    made.ir_version = 10
    onnx.save(made, path)
    return path


@pytest.fixture(scope="session")
def onnx_model():
    return save_onnx


@pytest.fixture(scope="session")
def run_library(hadron, tmp_path_factory):
    """run_library(folder, x=array, …) -> outputs by name, through `hadron run`; options: threads, cpu, env."""
    folder = tmp_path_factory.mktemp("run")

    def run(library, threads=1, env=None, **inputs):
        for file in folder.iterdir():
            file.unlink()
        options = []
        for name, value in inputs.items():
            np.save(folder / f"{name}.in.npy", value)
            options += ["--input", f"{name}={folder}/{name}.in.npy"]
        hadron("run", library, *options, "--output-dir", folder, "--threads", threads, env=env)
        return {p.name[:-4]: np.load(p) for p in folder.glob("*.npy") if not p.name.endswith(".in.npy")}

    return run


@pytest.fixture(scope="session")
def interpret(tmp_path_factory):
    """interpret(file, model_folder, x=array, …) -> outputs by name, in f64 from the reference interpreter."""
    folder = tmp_path_factory.mktemp("interpret")

    def run(file, model_folder, **inputs):
        for old in folder.iterdir():
            old.unlink()
        command = [tool("hadron-interpret"), file, "--folder", model_folder, "--output-dir", folder]
        for name, value in inputs.items():
            np.save(folder / f"{name}.in.npy", value)
            command += ["--input", f"{name}={folder}/{name}.in.npy"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return {p.name[:-4]: np.load(p) for p in folder.glob("*.npy") if not p.name.endswith(".in.npy")}

    return run
