"""The Python module over the hand-written library of test/unit/Runtime: y = 2 x + 1, and a state with the rows of x."""

import os
import pathlib
import re
import shutil
import stat
import threading

import numpy as np
import pytest

import hadron

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAKE = pathlib.Path(os.environ.get("HADRON_BUILD", ROOT / "build" / "release")) / "test"
BASIS = 0xABC


@pytest.fixture
def lib():
    if not FAKE.is_dir():
        pytest.skip("the unit tests are not built")
    return hadron.load(FAKE / "fakeA", threads=2)


def step(lib, state, seq, **more):
    x = np.arange(seq * 4, dtype=np.float32).reshape(1, seq, 4)
    mask = np.ones((1, len(state) + seq), np.int64)
    return x, lib.run({"x": x, "mask": mask}, "step", state, {"x": BASIS}, **more)["y"]


def test_describes(lib):
    assert lib.name == "fakeA" and lib.version and lib.threads == 2
    lib.threads = 3
    assert lib.threads == 3
    entry = lib.entries["step"]
    assert entry.inputs[0] == ("x", "float32", ("batch", "seq", 4), BASIS)
    assert entry.inputs[1].shape == ("batch", "past + seq")
    assert entry.states == ["kv"]
    assert lib.states["kv"][0].name == "past.key"


def test_runs_and_keeps_a_state(lib):
    state = lib.new_state(capacity=8)
    assert state and len(state) == 0 and state.capacity == 8 and state.batch == 1
    x, y = step(lib, state, 3)
    np.testing.assert_array_equal(y, 2 * x + 1)
    step(lib, state, 2)
    assert len(state) == 5
    value = state.read("past.value")
    assert value.shape == (1, 2, 5, 2)
    np.testing.assert_array_equal(value[:, :, :3], -x.reshape(1, 3, 2, 2).transpose(0, 2, 1, 3))
    state.length = 1
    assert state.read(1).shape == (1, 2, 1, 2)
    state.reset()
    state.write("past.value", value)
    state.length = 5
    np.testing.assert_array_equal(state.read("past.value"), value)


def test_strided_inputs_and_lists(lib):
    state = lib.new_state(8)
    x = np.arange(24, dtype=np.float32).reshape(1, 4, 6)[:, ::2, ::2]
    wide = np.concatenate([x, x[..., :1]], -1)[..., :4]
    y = lib.run({"x": wide, "mask": [[1, 1]]}, "step", [state], {"x": BASIS})["y"]
    np.testing.assert_array_equal(y, 2 * wide + 1)


@pytest.mark.parametrize(
    "inputs, bases, message",
    [
        ({"x": np.zeros((1, 1, 4))}, {"x": BASIS}, "input 'x' is float64; it must be float32"),
        ({"x": np.zeros((1, 1, 4), np.float32)}, {}, "input 'x' is in the standard basis; it must be in basis"),
        ({"x": np.zeros((1, 2, 4), np.float32)}, {"x": BASIS}, "input mask, dimension 1 is 'past + seq' = 2; the call passes 1"),
        ({"x": np.zeros((1, 1, 5), np.float32)}, {"x": BASIS}, "dimension 2 is 5; it must be 4"),
        ({"z": 1}, {}, "entry 'step' has no input 'z'; its inputs are x, mask"),
        ({}, {}, "entry 'step' needs an input 'x'"),
    ],
)  # fmt: skip
def test_errors(lib, inputs, bases, message):
    with pytest.raises(hadron.Error, match=re.escape(message)):
        lib.run({"mask": np.ones((1, 1), np.int64), **inputs}, "step", lib.new_state(4), bases)


def test_more_errors(lib, tmp_path, monkeypatch):
    state = lib.new_state(2)
    with pytest.raises(hadron.Error, match="holds 0 rows and the call adds 3, which is more than its capacity of 2"):
        step(lib, state, 3)
    with pytest.raises(hadron.Error, match="has several entries; name one of step, isa"):
        lib.run({})
    with pytest.raises(hadron.Error, match="is no token loop"):
        lib.generate([1], 2, entry="isa")
    with pytest.raises(hadron.Error, match="has no state 'vk'"):
        lib.new_state(2, name="vk")
    with pytest.raises(hadron.Error, match="holds no library"):
        hadron.load(tmp_path)
    monkeypatch.setenv("HADRON_CPU", "z80")
    with pytest.raises(hadron.Error, match="HADRON_CPU is 'z80'"):
        hadron.load(FAKE / "fakeA")
    lib.close()
    with pytest.raises(hadron.Error, match="library 'fakeA' is closed"):
        lib.run({}, "isa")


def test_a_rebuilt_library_is_loaded_anew(lib, tmp_path):
    for name in ("fakeA", "fakeB"):
        shutil.copy(FAKE / name / f"lib{name}.so", tmp_path / "new.so")
        os.replace(tmp_path / "new.so", tmp_path / "libX.so")
        assert hadron.load(tmp_path).name == name


def test_threads_at_once(lib):
    wrong = []

    def work():
        state = lib.new_state(100)
        for _ in range(30):
            x, y = step(lib, state, 3)
            if not np.array_equal(y, 2 * x + 1):
                wrong.append(y)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_generate_fills_in_what_it_knows(lib, monkeypatch):
    """A counting model: the next token is the last one + 1."""
    info = lambda name, dtype="int64": hadron.TensorInfo(name, dtype, ("batch", "seq"), 0)  # noqa: E731
    for dtype in ("float32", "bfloat16"):
        entry = hadron.Entry("main", [info("input_ids"), info("attention_mask")], [info("logits", dtype)], [])
        monkeypatch.setattr(lib, "entries", {"main": entry})
        calls = []

        def run(inputs, name, states):
            calls.append(inputs["input_ids"].tolist())
            assert inputs["attention_mask"].shape == inputs["input_ids"].shape
            logits = np.zeros((1, inputs["input_ids"].shape[1], 16), np.float32)
            logits[0, -1] = -1
            logits[0, -1, inputs["input_ids"][0, -1] + 1] = -0.5
            return {"logits": logits if dtype == "float32" else (logits.view(np.uint32) >> 16).astype(np.uint16)}

        monkeypatch.setattr(lib, "run", run)
        assert lib.generate([3, 4], 3) == [5, 6, 7]
        assert calls == [[[3, 4]], [[3, 4, 5]], [[3, 4, 5, 6]]]


def test_compile_runs_the_program(tmp_path, monkeypatch):
    program = tmp_path / "hadron"
    program.write_text('#!/bin/sh\n[ "$2" = bad ] && { echo "error: bad is no model" >&2; exit 1; }\necho "$@" > "$4"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("hadron._compiler._program", lambda: str(program))
    out = hadron.compile("m.onnx", tmp_path / "out", weights="int4", rotation_size=64, keep=["a=none", "b=none"], quiet=True)
    assert out.read_text().split()[4:] == "--weights int4 --rotation-size 64 --keep a=none --keep b=none --quiet".split()
    with pytest.raises(hadron.Error, match="bad is no model"):
        hadron.compile("bad", out)
