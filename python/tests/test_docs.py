"""Every example of docs/cli.md runs; links between pages lead somewhere; files that pages name exist."""

import re
import subprocess

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from hadron_fixtures import BUILD, ROOT, tool

PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "dialects").glob("*/README.md")])
CLI = (ROOT / "docs" / "cli.md").read_text()
VOCABULARY, WIDTH = 48, 64


def write_model(path, nodes, inputs, outputs, weights):
    info = lambda name, shape, kind: helper.make_tensor_value_info(name, kind, shape)  # noqa: E731
    graph = helper.make_graph(nodes, "g", [info(*i) for i in inputs], [info(*o) for o in outputs],
                              [numpy_helper.from_array(value, name) for name, value in weights.items()])  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    made.ir_version = 10
    save(made, path)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    numbers = np.random.default_rng(5)
    draw = lambda *shape: (numbers.standard_normal(shape) / 8).astype(np.float32)  # noqa: E731
    kind, ids = TensorProto.FLOAT, TensorProto.INT64
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["x"]), helper.make_node("MatMul", ["x", "up"], ["h"]),
             helper.make_node("Tanh", ["h"], ["t"]), helper.make_node("MatMul", ["t", "head"], ["logits"])]  # fmt: skip
    write_model(folder / "model.onnx", nodes, [("input_ids", ["batch", "seq"], ids)], [("logits", ["batch", "seq", VOCABULARY], kind)],
                {"table": draw(VOCABULARY, WIDTH), "up": draw(WIDTH, WIDTH), "head": draw(WIDTH, VOCABULARY)})  # fmt: skip
    weight, x = draw(WIDTH, 32), draw(5, WIDTH)
    write_model(folder / "net.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], [("x", ["rows", WIDTH], kind)],
                [("y", ["rows", 32], kind)], {"w": weight})  # fmt: skip
    np.save(folder / "x.npy", x)
    np.save(folder / "ids.npy", np.array([[1, 2, 3]]))
    np.save(folder / "tokens.npy", numbers.integers(0, VOCABULARY, (2, 32)))
    case = folder / "cases" / "test_0"
    case.mkdir(parents=True)
    (case / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (case / "output_0.pb").write_bytes(numpy_helper.from_array(x @ weight, "y").SerializeToString())
    return folder


def test_commands(workplace):
    commands = re.findall(r"^    (hadron .*)$", CLI, re.M)
    assert {command.split()[1] for command in commands} >= set(
        re.findall(r"^  ([a-z]+) ", subprocess.run([tool("hadron"), "--help"], capture_output=True, text=True).stdout, re.M)
    ), "a command without an example"
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=workplace, capture_output=True, text=True,
                              env={"PATH": f"{BUILD / 'bin'}:/usr/bin:/bin"})  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    for name in ["lib/libmodel.so", "lib4/small.json", "remarks.yaml", "phases/7-host.mlir", "kernels.mlir", "out/y.npy",
                 "out/logits.npy", "perplexity.json", "bench.json"]:  # fmt: skip
        assert (workplace / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names(page):
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(r"`((?:test|lib|docs|include|dialects|scripts|benchmarks|python|examples)/[\w./-]+)`", text):
        known = (ROOT / name).exists() or (ROOT / "include" / name).exists() or name.startswith("lib/libmodel")
        assert known, name


def test_remarks_are_listed():
    """docs/remarks.md has the remarks of the passes, no more and no less."""
    sources = "".join(path.read_text() for path in (ROOT / "lib").rglob("*.cpp"))
    emitted = set(re.findall(r'about\(\s*[^"]*?, "(\w+)", "hadron\.', sources))
    assert set(re.findall(r"^\| [^|]*\| `(\w+)` \|", (ROOT / "docs" / "remarks.md").read_text(), re.M)) == emitted
