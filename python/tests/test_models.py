"""The real models of examples/models, and the script that gives them their weights."""

import json
import shutil

import numpy as np
import pytest

import main_job
import materialize_model
from hadron_fixtures import ROOT

EXAMPLES = ROOT / "examples" / "models"
CACHE = ROOT / "build" / "cache"


def test_weights_and_vocabulary(model):
    # The SHA-256 of the weights is checked on the way.
    graph = model("smollm2-genai-int4")
    assert graph.with_suffix(".weights").stat().st_size == 86413312
    text = main_job.vocabulary(CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf")
    for prompt in json.loads((EXAMPLES / "prompts.json").read_text())["prompts"]:
        assert text(prompt["ids"]) == prompt["text"]


def test_rounding_is_matmulnbits():
    rows = np.random.default_rng(1).normal(size=(7, 70)).astype(np.float32)
    rows[0] = 0
    data, scale = materialize_model.round_symmetric(rows, 4, 32)
    assert data.shape == (7, 3, 16) and scale.shape == (7, 3)
    codes = np.stack([data & 15, data >> 4], axis=3).reshape(7, 3, 32).astype(np.float32)
    decoded = ((codes - 8) * scale[..., None]).reshape(7, 96)
    # Codes go from -8 to 7: only on the far side of the largest value may the error be more than half a step.
    assert (np.abs(decoded[:, :70] - rows) <= np.repeat(np.abs(scale), 32, axis=1)[:, :70] * 1.0001).all()
    assert (decoded[0] == 0).all() and (decoded[:, 70:] == 0).all()
    assert (codes.min(axis=2)[1:] == 0).all()  # the largest magnitude


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda m: m["tensors"].clear(), "says nothing of the initializer"),
        (lambda m: m["tensors"].update({name: "no.such" for name in m["tensors"]}), "holds no tensor 'no.such'"),
        (lambda m: m["tensors"].update({name: ["fold", "x"] for name in m["tensors"]}), "does not know"),
        (lambda m: m["source"].update(member_sha256="0" * 64), "Delete it and try again"),
    ],
)
def test_broken_map_is_named(model, tmp_path, break_it, message):
    model("smollm2-genai-int4")  # its source is in the cache now
    shutil.copyfile(EXAMPLES / "smollm2-genai-int4.onnx", tmp_path / "m.onnx")
    mapping = json.loads((EXAMPLES / "smollm2-genai-int4.map.json").read_text())
    break_it(mapping)
    (tmp_path / "m.map.json").write_text(json.dumps(mapping))
    with pytest.raises(materialize_model.ModelError, match=message):
        materialize_model.materialize(tmp_path / "m.onnx", tmp_path / "out", CACHE)
    assert not (tmp_path / "out" / "m.weights").exists()
