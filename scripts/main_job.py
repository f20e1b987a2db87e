"""Compiles SmolLM2 in several weight formats and compares each library with ONNX Runtime in f32, in one table.

    build/venv/bin/python scripts/main_job.py [MODEL.onnx] [--formats none,int8,int4] [--rotate none,online] [--json FILE]

Logits are those of every position of three prompts (examples/models/prompts.json) and of the 32 tokens that ONNX Runtime
generates after each. Error: the largest difference over the largest |logit|. Top: positions whose best token is the same.
Speed: 64 tokens after a prompt of 16, ONNX Runtime measured in the same run on as many threads.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[1]
HADRON = ROOT / "build" / "release" / "bin" / "hadron"
NEW_TOKENS = 32
BENCH_PROMPT, BENCH_TOKENS, BENCH_RUNS = 16, 64, 3

# Forks the command itself, so that its peak is its own: a process starts with the peak of the one that forked it.
LAUNCHER = """
import os, sys, time
start, pid = time.monotonic(), os.fork()
if not pid: os.execv(sys.argv[1], sys.argv[1:])
status, use = os.wait4(pid, 0)[1:]
print("\\n", time.monotonic() - start, use.ru_maxrss * 1024, os.waitstatus_to_exitcode(status), file=sys.stderr)
"""


class Failed(Exception):
    pass


def run(*command):
    """Output, seconds and peak bytes of a command."""
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *map(str, command)], capture_output=True, text=True)
    message, _, figures = done.stderr.rstrip().rpartition("\n")
    seconds, peak, code = figures.split()
    if code != "0":
        raise Failed(f"`{' '.join(map(str, command))}` exits with {code}: {message.strip()[-500:]}")
    return done.stdout, float(seconds), int(peak)


class Oracle:
    """The model in ONNX Runtime, as a token loop with its cache."""

    def __init__(self, model, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        start = time.monotonic()
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.load_seconds = time.monotonic() - start
        self.inputs = {value.name: value for value in self.session.get_inputs()}
        self.outputs = [value.name for value in self.session.get_outputs()]
        self.reset()

    def reset(self):
        """An empty cache: [1, KV heads, 0, d], where d may go by a name."""
        self.length = 0
        self.past = {
            name: np.zeros(
                (1, value.shape[1], 0, value.shape[3] if isinstance(value.shape[3], int) else 64), np.float32
            )
            for name, value in self.inputs.items()
            if name.startswith("past_key_values")
        }

    def feeds(self, ids):
        total = self.length + len(ids)
        every = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, total), np.int64),
            "position_ids": np.arange(self.length, total, dtype=np.int64)[None],
        }
        return {name: value for name, value in every.items() if name in self.inputs}

    def step(self, ids):
        """Logits [len(ids), vocabulary] of the next tokens."""
        results = dict(zip(self.outputs, self.session.run(None, self.feeds(ids) | self.past)))
        self.length += len(ids)
        self.past = {name: results[name.replace("past_key_values", "present")] for name in self.past}
        return results["logits"][0]

    def generate(self, ids, count):
        self.reset()
        tokens = [int(self.step(ids)[-1].argmax())]
        while len(tokens) < count:
            tokens.append(int(self.step(tokens[-1:])[-1].argmax()))
        return tokens

    def tokens_per_second(self):
        rates = []
        for _ in range(BENCH_RUNS):
            self.reset()
            token = int(self.step(list(range(100, 100 + BENCH_PROMPT)))[-1].argmax())
            start = time.monotonic()
            for _ in range(BENCH_TOKENS):
                token = int(self.step([token])[-1].argmax())
            rates.append(BENCH_TOKENS / (time.monotonic() - start))
        return statistics.median(rates)


def vocabulary(path):
    """ids -> text, by the GGUF's byte-level tokens."""
    import gguf

    field = gguf.GGUFReader(path).fields["tokenizer.ggml.tokens"]
    tokens = [bytes(field.parts[index]).decode() for index in field.data]
    # Bytes that print stand for themselves, the others for U+0100 and on, in order.
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printing]
    byte_of = {chr(byte): byte for byte in printing} | {chr(256 + i): byte for i, byte in enumerate(others)}
    return lambda ids: bytes(byte_of[c] for i in ids for c in tokens[i]).decode(errors="replace")


def measure(model, weights, rotate, prompts, oracle, folder):
    """One row of the table: compiles, runs, generates, times."""
    library = folder / f"{weights}-{rotate}"
    row = {"weights": weights, "rotate": rotate}
    _, row["compile_s"], row["peak_bytes"] = run(
        HADRON, "compile", model, "-o", library, "--weights", weights, "--rotate", rotate
    )
    row["bytes"] = sum(file.stat().st_size for file in library.iterdir())
    worst = same = positions = largest = equal = 0
    for prompt in prompts:
        ids = prompt["ids"] + prompt["generated"][:-1]
        oracle.reset()
        given = []
        for name, value in oracle.feeds(ids).items():
            np.save(folder / f"{name}.npy", value)
            given += ["--input", f"{name}={folder / name}.npy"]
        run(HADRON, "run", library, *given, "--output", "logits", "--output-dir", folder)
        logits = np.load(folder / "logits.npy")[0].astype(np.float64)
        worst = max(worst, np.abs(logits - prompt["logits"]).max())
        largest = max(largest, np.abs(prompt["logits"]).max())
        same += int((logits.argmax(1) == prompt["logits"].argmax(1)).sum())
        positions += len(ids)
        output, *_ = run(
            HADRON, "generate", library, "--tokens", ",".join(map(str, prompt["ids"])), "--max-new", NEW_TOKENS
        )
        tokens = [int(token) for token in output.split()]
        if len(tokens) != NEW_TOKENS:
            raise Failed(f"`hadron generate` gives {len(tokens)} tokens, not {NEW_TOKENS}")
        equal += sum(a == b for a, b in zip(tokens, prompt["generated"]))
    row |= {"error": float(worst / largest), "top": same / positions, "generated_equal": equal}
    run(
        HADRON,
        "bench",
        library,
        "--prompt-tokens",
        BENCH_PROMPT,
        "--decode-tokens",
        BENCH_TOKENS,
        "--json",
        folder / "bench.json",
    )
    row["tokens_per_s"] = json.loads((folder / "bench.json").read_text())["decode_tokens_per_s"]
    return row


def table(rows, generated):
    yield f"{'weights':<14}{'rotate':<8}{'MB':>8}{'compile s':>11}{'peak MB':>9}{'error':>10}{'top':>8}{'same text':>11}{'tokens/s':>10}"
    for row in rows:
        if "failure" in row:
            yield f"{row['weights']:<14}{row['rotate']:<8}  {row['failure']}"
            continue
        error = f"{row['error']:.1e}" if "error" in row else ""
        peak = f"{row['peak_bytes'] / 1e6:.0f}" if "peak_bytes" in row else ""
        top = f"{row['top']:.1%}" if "top" in row else ""
        equal = f"{row['generated_equal']}/{generated}" if "generated_equal" in row else ""
        yield (
            f"{row['weights']:<14}{row['rotate']:<8}{row['bytes'] / 1e6:>8.1f}{row['compile_s']:>11.2f}{peak:>9}{error:>10}{top:>8}"
            f"{equal:>11}{row['tokens_per_s']:>10.1f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "model", nargs="?", type=pathlib.Path, default=ROOT / "build" / "models" / "smollm2-genai-fp32.onnx"
    )
    parser.add_argument("--formats", default="none,int8,int4")
    parser.add_argument("--rotate", default="none,online")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    for path, advice in (
        (HADRON, "./quickstart.sh builds it"),
        (arguments.model, "scripts/materialize_model.py makes it"),
    ):
        if not path.exists():
            sys.exit(f"main_job.py: {path} is not there; {advice}.")
    threads = len(os.sched_getaffinity(0))
    prompts = json.loads((ROOT / "examples" / "models" / "prompts.json").read_text())["prompts"]

    oracle = Oracle(arguments.model, threads)
    text = vocabulary(ROOT / "build" / "cache" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    for prompt in prompts:
        prompt["generated"] = oracle.generate(prompt["ids"], NEW_TOKENS)
        oracle.reset()
        prompt["logits"] = oracle.step(prompt["ids"] + prompt["generated"][:-1]).astype(np.float64)
        print(
            f"{prompt['text']}\x1b[1m{text(prompt['generated'])}\x1b[0m\n"
            if sys.stdout.isatty()
            else f"{prompt['text']} | {text(prompt['generated'])}\n"
        )
    rows = [
        {
            "weights": "ONNX Runtime",
            "rotate": "-",
            "bytes": sum(file.stat().st_size for file in arguments.model.parent.glob(f"{arguments.model.stem}.*")),
            "compile_s": oracle.load_seconds,
            "tokens_per_s": oracle.tokens_per_second(),
        }
    ]
    with tempfile.TemporaryDirectory() as folder:
        for weights in arguments.formats.split(","):
            for rotate in arguments.rotate.split(","):
                try:
                    rows.append(measure(arguments.model, weights, rotate, prompts, oracle, pathlib.Path(folder)))
                except Failed as failure:
                    rows.append({"weights": weights, "rotate": rotate, "failure": str(failure)})
    print("\n".join(table(rows, NEW_TOKENS * len(prompts))))
    print(
        f"\n{arguments.model.name}, {threads} threads. ONNX Runtime {onnxruntime.__version__}: 'compile s' is its time to load the graph."
    )
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"model": arguments.model.name, "threads": threads, "rows": rows}, indent=1) + "\n"
        )
    sys.exit(any("failure" in row for row in rows))


if __name__ == "__main__":
    main()
