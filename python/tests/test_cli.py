"""The `hadron` program: exit codes, what it says, and what it writes, on the hand-written library of test/unit/Runtime and on small models."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hadron_fixtures import BUILD, tool

FAKE = BUILD / "test" / "fakeA"


@pytest.fixture
def fake():
    if not FAKE.is_dir():
        pytest.skip("the unit tests are not built")
    return FAKE


def save(model_path, nodes, inputs, outputs, weights=()):
    info = lambda name, dtype, shape: helper.make_tensor_value_info(name, dtype, shape)  # noqa: E731
    graph = helper.make_graph(nodes, "g", [info(*i) for i in inputs], [info(*o) for o in outputs],
                              [numpy_helper.from_array(value, name) for name, value in weights])  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    made.ir_version = 10
    onnx.save(made, model_path)
    return model_path


@pytest.fixture
def mlp(tmp_path):
    """y = relu(x W), and the function."""
    weights = np.random.default_rng(0).standard_normal((64, 32)).astype(np.float32) / 8
    nodes = [helper.make_node("MatMul", ["x", "W"], ["a"], name="proj"), helper.make_node("Relu", ["a"], ["y:0"], name="relu")]
    path = save(tmp_path / "mlp.onnx", nodes, [("x", TensorProto.FLOAT, ["rows", 64])],
                [("y:0", TensorProto.FLOAT, ["rows", 32])], [("W", weights)])  # fmt: skip
    return path, lambda x: np.maximum(x @ weights, 0)


@pytest.fixture
def bigram(tmp_path):
    """A language model whose logits are a row of a table: after token t comes (5 t + 1) mod 16."""
    table = np.random.default_rng(1).standard_normal((16, 16)).astype(np.float32)
    for t in range(16):
        table[t, (5 * t + 1) % 16] = 5 + t / 16
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["logits"], name="look")]
    path = save(tmp_path / "bigram.onnx", nodes, [("input_ids", TensorProto.INT64, ["batch", "seq"])],
                [("logits", TensorProto.FLOAT, ["batch", "seq", 16])], [("table", table)])  # fmt: skip
    return path, table


def arrays(folder, **values):
    """Saves arrays and gives the options that name them; `__` stands for a dot."""
    options = []
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value)
        options += ["--input", f"{name.replace('__', '.')}={folder}/{name}.npy"]
    return options


# ---- usage ----


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["compile"], ["run", "x", "--nope"], ["compile", "m", "-o", "d", "--weights", "int5"]])
def test_wrong_usage_exits_with_2(hadron, arguments):
    done = hadron(*arguments, code=2)
    assert done.stderr.startswith("hadron: error: ") and not done.stdout


@pytest.mark.parametrize("command", ["import", "compile", "run", "generate", "perplexity", "bench", "formats", "version"])
def test_every_command_has_help(hadron, command):
    assert f"usage: hadron {command}" in hadron(command, "--help").stdout


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool("hadron"), "version"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "cannot write" in done.stderr


# ---- the hand-written library ----


def test_run_begins_with_an_empty_state(hadron, fake, tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    given = arrays(tmp_path, x=x, mask=np.ones((1, 3), np.int64))
    done = hadron("run", fake, "--entry", "step", *given, "--output-dir", tmp_path / "out")
    assert done.stdout == f"y  float32 [1, 3, 4]  {tmp_path}/out/y.npy\n"
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "y.npy"), 2 * x + 1)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["y.npy"]


def test_run_takes_and_gives_caches(hadron, fake, tmp_path):
    x = np.arange(8, dtype=np.float32).reshape(2, 1, 4)
    key = np.random.default_rng(2).standard_normal((2, 2, 5, 2)).astype(np.float32)
    given = arrays(tmp_path, x=x, mask=np.ones((2, 6), np.int64), past__key=key, past__value=-key)
    for more in ([], ["--repeat", 3]):
        hadron("run", fake, "--entry", "step", *given, "--output-dir", tmp_path, "--output", "present.key", *more)
        got = np.load(tmp_path / "present.key.npy")
        np.testing.assert_array_equal(got, np.concatenate([key, x.reshape(2, 1, 2, 2).transpose(0, 2, 1, 3)], 2))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"x": None}, "input 'x' (float32 [batch, seq, 4]) is missing; give --input x=FILE.npy"),
        ({"z": np.zeros(1)}, "there is no input 'z'; the inputs are x (float32 [batch, seq, 4]), mask"),
        ({"x": np.zeros((1, 3, 4))}, "input 'x' is float64 [1, 3, 4]; it must be float32 [batch, seq, 4]"),
        ({"x": np.zeros((1, 3, 5), np.float32)}, "input 'x' is float32 [1, 3, 5]; it must be float32 [batch, seq, 4]"),
        ({"mask": np.ones((1, 4), np.int64)}, "input mask, dimension 1 is 'past + seq' = 3; the call passes 4"),
        ({"past__key": np.ones((1, 2, 1, 2), np.float32)}, "input 'past.value' is missing; caches are given all or none"),
        ({"past__key": np.ones((1, 3, 1, 2), np.float32)}, "it must be float32 [batch, 2, length, 2]"),
    ],
)  # fmt: skip
def test_wrong_inputs(hadron, fake, tmp_path, change, message):
    values = {"x": np.zeros((1, 3, 4), np.float32), "mask": np.ones((1, 3), np.int64), **change}
    given = arrays(tmp_path, **{name: value for name, value in values.items() if value is not None})
    done = hadron("run", fake, "--entry", "step", *given, "--output-dir", tmp_path, code=1)
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_other_mistakes_of_run(hadron, fake, tmp_path):
    given = arrays(tmp_path, n=np.zeros(13, np.int32))
    assert "name one with --entry: step, isa" in hadron("run", fake, code=1).stderr
    assert "has no entry point 'z'; it has step, isa" in hadron("run", fake, "--entry", "z", code=1).stderr
    assert "there is no output 'q'; the output is i" in hadron("run", fake, "--entry", "isa", *given, "--output", "q", code=1).stderr
    assert "is a folder with a library" in hadron("run", fake, "--weights", "int4", code=2).stderr
    assert "a bug in Hadron" in hadron("run", fake, "--entry", "isa", *given, code=70).stderr
    (tmp_path / "bad.npy").write_text("no")
    assert "not a .npy file" in hadron("run", fake, "--entry", "isa", "--input", f"n={tmp_path}/bad.npy", code=1).stderr
    assert "is no token loop" in hadron("generate", fake, "--tokens", "1", code=1).stderr


def test_bench_of_every_entry(hadron, fake, tmp_path):
    report = tmp_path / "bench.json"
    hadron("bench", fake, "--input-shape", "x=2x8x4", "--input-shape", "n=16", "--min-time", 0.01, "--threads", 1, "--json", report)
    read = json.loads(report.read_text())
    assert {"library", "threads", "chip", "device", "entries", "load_us", "foreign"} <= set(read)
    assert (read["library"], read["threads"], read["device"]) == ("fakeA", 1, "cpu")
    step = read["entries"][0]
    assert step["name"] == "step" and step["shapes"] == {"x": [2, 8, 4], "mask": [2, 8]} and step["runs"] >= 5
    assert 0 < step["min_us"] <= step["median_us"] <= step["max_us"]
    assert "give its sizes with --input-shape x=" in hadron("bench", fake, code=1).stderr
    assert "there is no input 'q'" in hadron("bench", fake, "--input-shape", "q=1", code=1).stderr


# ---- models ----


def test_compile_and_run(hadron, mlp, tmp_path):
    path, function = mlp
    lib = tmp_path / "lib"
    done = hadron("compile", path, "-o", lib)
    assert not done.stdout and not done.stderr, "quiet in a pipe"
    assert sorted(p.name for p in lib.iterdir()) == ["libmlp.so", "mlp.h", "mlp.json", "mlp.weights"]
    x = np.random.default_rng(3).standard_normal((5, 64)).astype(np.float32)
    given = arrays(tmp_path, x=x)
    for subject in (lib, path):
        done = hadron("run", subject, *given, "--output-dir", tmp_path / "out")
        assert f"y:0  float32 [5, 32]  {tmp_path}/out/y_0.npy" in done.stdout
        np.testing.assert_allclose(np.load(tmp_path / "out" / "y_0.npy"), function(x), rtol=1e-4, atol=1e-5)
        (tmp_path / "out" / "y_0.npy").unlink()


def test_run_leaves_no_temporary_files(hadron, mlp, tmp_path):
    path, _ = mlp
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    given = arrays(tmp_path, x=np.zeros((1, 64), np.float32))
    hadron("run", path, *given, "--output-dir", tmp_path, env={**os.environ, "TMPDIR": str(temporary)})
    hadron("run", path, *given, "--output", "q", code=1, env={**os.environ, "TMPDIR": str(temporary)})
    assert not list(temporary.iterdir())


def test_phases(hadron, mlp, tmp_path):
    path, _ = mlp
    assert "onnx.graph" in hadron("import", path, "-o", "-", "--compile-to", "import").stdout
    hadron("import", path, "-o", tmp_path / "mlp.mlir", "--dump-phases-to", tmp_path / "phases")
    assert "hadron.param @W" in (tmp_path / "mlp.mlir").read_text()
    assert [p.name for p in sorted((tmp_path / "phases").iterdir())] == ["0-import.mlir", "1-raise.mlir"]
    hadron("compile", path, "-o", tmp_path / "ir", "--compile-to", "raise")
    assert (tmp_path / "ir" / "raise.mlir").read_text() == (tmp_path / "mlp.mlir").read_text()


def test_an_unsupported_operator_is_named(hadron, tmp_path):
    nodes = [helper.make_node("StringNormalizer", ["x"], ["y"], name="shout")]
    path = save(tmp_path / "m.onnx", nodes, [("x", TensorProto.STRING, [2])], [("y", TensorProto.STRING, [2])])
    done = hadron("compile", path, "-o", tmp_path / "lib", code=1)
    assert done.stderr.startswith("hadron: error: ") and "StringNormalizer" in done.stderr and str(path) in done.stderr
    assert not (tmp_path / "lib").exists()


def test_test_data(hadron, mlp, tmp_path):
    path, function = mlp
    x = np.random.default_rng(4).standard_normal((3, 64)).astype(np.float32)
    want = function(x)
    cases = {"good": want, "wrong": want + 1, "close": want + 1e-7, "shape": want[:2], "type": want.astype(np.float64)}
    for name, value in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
        (folder / "output_0.pb").write_bytes(numpy_helper.from_array(value, "y:0").SerializeToString())
    good, *bad = hadron("run", path, "--test-data", *(tmp_path / name for name in cases), code=1).stdout.splitlines()
    assert good == f"ok     {tmp_path}/good"
    assert "y:0': " in bad[0] and "elements differ" in bad[0] and bad[0].startswith("fails")
    assert bad[1].startswith("ok")
    assert "is float32 [3, 32], expected float32 [2, 32]" in bad[2]
    assert "expected float64 [3, 32]" in bad[3]
    hadron("run", path, "--test-data", tmp_path / "good", tmp_path / "close")
    hadron("run", path, "--test-data", tmp_path / "wrong", "--atol", 2)
    hadron("run", path, "--test-data", tmp_path / "close", "--atol", 0, "--rtol", 0, code=1)
    (tmp_path / "good" / "input_0.pb").write_bytes(b"\xff\xff")
    assert "not a TensorProto" in hadron("run", path, "--test-data", tmp_path / "good", code=1).stdout


# ---- token loops ----


def test_generate(hadron, bigram, tmp_path):
    path, _ = bigram
    hadron("compile", path, "-o", tmp_path / "lib")
    for subject in (path, tmp_path / "lib"):
        assert hadron("generate", subject, "--tokens", "3,1", "--max-new", 4).stdout == "6 15 12 13\n"
    assert hadron("generate", path, "--tokens", "3", "--max-new", 0).stdout == "\n"
    assert "token 16 does not exist; the model has 16 tokens" in hadron("generate", path, "--tokens", "16", code=1).stderr


def test_perplexity(hadron, bigram, tmp_path):
    path, table = bigram
    tokens = np.random.default_rng(5).integers(0, 16, (3, 10))
    logits = table.astype(np.float64)
    loss = np.log(np.exp(logits).sum(1))[:, None] - logits
    want = [loss[row[:-1], row[1:]].sum() for row in tokens]
    np.save(tmp_path / "tokens.npy", tokens)
    report = tmp_path / "report.json"
    hadron("perplexity", path, "--tokens", tmp_path / "tokens.npy", "--json", report)
    read = json.loads(report.read_text())
    np.testing.assert_allclose(read["nll"], want, rtol=1e-6)
    assert read["perplexity"] == pytest.approx(np.exp(sum(want) / 27)) and read["top1_agreement"] is None
    np.save(tmp_path / "row.npy", tokens.reshape(-1))
    hadron("perplexity", path, "--tokens", tmp_path / "row.npy", "--window", 10, "--reference", path, "--json", report)
    read = json.loads(report.read_text())
    np.testing.assert_allclose(read["nll"], want, rtol=1e-6)
    assert read["top1_agreement"] == 1
    assert "token 16 does not exist" in hadron("perplexity", path, "--tokens", save_tokens(tmp_path, [1, 16]), code=1).stderr
    assert "no window of two tokens" in hadron("perplexity", path, "--tokens", save_tokens(tmp_path, [1]), code=1).stderr


def save_tokens(folder, tokens):
    np.save(folder / "some.npy", np.array(tokens))
    return folder / "some.npy"


def test_bench_of_a_token_loop(hadron, bigram, tmp_path):
    report = tmp_path / "bench.json"
    hadron("bench", bigram[0], "--prompt-tokens", 8, "--decode-tokens", 4, "--min-time", 0.01, "--json", report)
    read = json.loads(report.read_text())
    for name in ("prefill_tokens_per_s", "decode_tokens_per_s"):
        assert 0 < read[name + "_min"] <= read[name] <= read[name + "_max"]
    assert read["entries"] == []


def test_an_interrupted_run_leaves_nothing(mlp, tmp_path):
    temporary, pipe = tmp_path / "tmp", tmp_path / "x.npy"
    temporary.mkdir()
    os.mkfifo(pipe)  # the program waits for a writer
    program = subprocess.Popen([tool("hadron"), "run", mlp[0], "--input", f"x={pipe}"], env={**os.environ, "TMPDIR": str(temporary)})
    time.sleep(0.5)
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=30) == -signal.SIGINT
    assert not list(temporary.iterdir())


def test_a_full_disk_leaves_no_file(mlp, tmp_path):
    """A limit on the size of files stands for the disk."""
    given = arrays(tmp_path, x=np.zeros((2000, 64), np.float32))
    subprocess.run([tool("hadron"), "compile", mlp[0], "-o", tmp_path / "lib"], check=True)
    out = tmp_path / "out"
    limited = ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", str(tool("hadron")), "run", tmp_path / "lib", *given, "--output-dir", out]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"hadron: error: cannot write '{out}/y_0.npy': File too large\n"
    assert not list(out.iterdir())
