"""A real model with a cache, from the Python module, against ONNX Runtime: prompts at once and in pieces, several sequences at a
time, greedy continuation, and what happens when the cache is full."""

import json
import shutil

import numpy as np
import pytest

import hadron as hadron_module
from hadron_fixtures import ROOT

PIECES = [5, 1, 3, 1]
PROMPTS = [prompt["ids"] for prompt in json.loads((ROOT / "examples" / "models" / "prompts.json").read_text())["prompts"]]
PROMPT = PROMPTS[0][: sum(PIECES)]
NEW = 6


@pytest.fixture(scope="module")
def library(hadron, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("smollm2")
    hadron("compile", model("smollm2-genai-fp32"), "-o", folder)
    library = hadron_module.load(folder, threads=2)
    library.folder = folder
    yield library
    shutil.rmtree(folder)  # half a gigabyte


@pytest.fixture(scope="module")
def reference(model):
    """Logits [batch, length, vocabulary] of whole sequences."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(model("smollm2-genai-fp32")), options, providers=["CPUExecutionProvider"])

    def run(tokens):
        tokens = np.array(tokens, np.int64)
        feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        for given in session.get_inputs():
            if given.name.startswith("past"):
                feed[given.name] = np.zeros((len(tokens), given.shape[1], 0, 64), np.float32)
        return session.run(["logits"], feed)[0]

    return run


def run(library, state, tokens, past=0):
    tokens = np.array(tokens, np.int64)
    mask = np.ones((len(tokens), past + tokens.shape[1]), np.int64)
    return library.run({"input_ids": tokens, "attention_mask": mask}, state=state)["logits"]


def check(got, want):
    # 30 layers of f32 sums in another order; logits are of the order of 20.
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 2e-5 * np.abs(want).max(), np.abs(got - want).max()


def test_prompt_at_once_and_in_pieces(library, reference):
    want = reference([PROMPT])
    whole = run(library, library.new_state(len(PROMPT)), [PROMPT])
    check(whole, want)
    state, parts, past = library.new_state(len(PROMPT)), [], 0
    for piece in PIECES:
        parts.append(run(library, state, [PROMPT[past : past + piece]], past))
        past += piece
        assert len(state) == past
    check(np.concatenate(parts, 1), want)


def test_a_shortened_state_forgets(library):
    state = library.new_state(16)
    first = run(library, state, [PROMPT[:6]])
    state.length = 3
    np.testing.assert_array_equal(run(library, state, [PROMPT[3:6]], 3).argmax(-1), first[:, 3:].argmax(-1))
    state.reset()
    np.testing.assert_array_equal(run(library, state, [PROMPT[:6]]), first)


def test_several_sequences_at_a_time(library, reference):
    batch = [PROMPTS[0][:8], PROMPTS[1][:8], PROMPTS[2][:8]]
    state = library.new_state(8, batch=3)
    got = np.concatenate([run(library, state, [row[:7] for row in batch]), run(library, state, [row[7:] for row in batch], 7)], 1)
    check(got, reference(batch))
    for i, row in enumerate(batch):
        check(run(library, library.new_state(8), [row])[0], got[i])


def test_greedy_continuation(library, reference, hadron):
    tokens = list(PROMPT)
    for _ in range(NEW):
        tokens.append(int(reference([tokens])[0, -1].argmax()))
    assert library.generate(PROMPT, NEW) == tokens[-NEW:]
    done = hadron("generate", library.folder, "--tokens", ",".join(map(str, PROMPT)), "--max-new", NEW)
    assert done.stdout.split() == [str(t) for t in tokens[-NEW:]]



def test_a_full_state(library):
    state = library.new_state(4)
    run(library, state, [PROMPT[:3]])
    with pytest.raises(hadron_module.Error, match="holds 3 rows and the call adds 2, which is more than its capacity of 4"):
        run(library, state, [PROMPT[3:5]], 3)
    assert len(state) == 3, "a refused call leaves it as it was"
    run(library, state, [PROMPT[3:4]], 3)
    assert len(state) == 4


def test_a_state_of_another_batch(library):
    with pytest.raises(hadron_module.Error, match="batch"):
        run(library, library.new_state(8, batch=2), [PROMPT[:3]])
