"""How much worse does a language model predict a text once its weights and activations have few bits?

    build/venv/bin/python benchmarks/quality.py MODEL.onnx --tokens WINDOWS.npy [--only int4] [--graph MODEL.onnx]… [--json FILE]

MODEL is the graph in f32. WINDOWS are token ids, int64 [windows, length]; each window is fed at once into an empty cache and every
token but the first is predicted from those before it. Perplexity: exp of the mean loss. Agreement: positions at which the
compressed model and the one in f32 like the same token best. Each --graph is a model that a tool has quantized already: measured in
ONNX Runtime and compiled as it is. `head` and `embedding`: the formats of the weights with one row or column for each token.
"""

import argparse
import datetime
import json
import pathlib
import re
import struct
import subprocess
import sys
import time

import bench
import numpy as np

# What is compiled: --weights, --rotate, --activations; and what is asked of it: least agreement, greatest perplexity.
CONFIGURATIONS = [
    ("none", "none", "f32", None),
    ("int8:g64", "none", "f32", None),
    ("int8:g64", "none", "int8", None),
    ("int8:g64", "online", "f32", (0.96, 39.0)),
    ("int8:g64", "online", "int8", (0.945, 39.0)),
    ("int4:g32:asym", "none", "f32", None),
    ("int4:g32:asym", "online", "f32", (0.57, 62.0)),
    ("int4", "none", "int8", None),
    ("int8", None, None, None),  # as the command line has them by default
    ("int4", None, None, None),
]


def run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(map(str, command))}` exits with {done.returncode}: {done.stderr.strip()}")


def formats(library):
    """Formats of the head and of the embedding, from the types in the header of the weights file."""
    with next(library.glob("*.weights")).open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))["__metadata__"]
    manifest = json.loads(next(library.glob("*.json")).read_text(encoding="utf-8"))
    logits = next(output for output in manifest["entries"][0]["outputs"] if output["name"] == "logits")
    vocabulary = logits["shape"][-1]
    short = lambda text: re.sub(r"#hadron\.|, scale = f32|group = | ", "", text)  # noqa: E731
    head = embedding = None
    for name, kind in header.items():
        packed = re.match(r"!hadron\.packed<(\d+)x(\d+), (#hadron\.\w+<[^>]*>)(.*)", kind)
        if name.startswith("type:") and packed and int(packed[2]) == vocabulary:
            head = short(packed[3]) + (" rotated" if "in = " in packed[4] else "")
        elif name.startswith("type:") and re.match(rf"(tensor|!hadron\.packed)<{vocabulary}x", kind):
            embedding = short(kind)
    return head or "?", embedding or "the head's"


def measure(options, folder, model, flags, reference):
    """Compiles and measures one library."""
    library = folder / "library"
    start = time.monotonic()
    run(options.hadron, "compile", model, "-o", library, "--name", "model", *flags)
    seconds = time.monotonic() - start
    path = folder / "report.json"
    reference_flags = ["--reference", reference] if reference else []
    run(options.hadron, "perplexity", library, "--tokens", options.tokens, *reference_flags, "--json", path)
    report = json.loads(path.read_text(encoding="utf-8"))
    head, embedding = formats(library)
    size = sum(file.stat().st_size for file in library.iterdir())
    figures = {key: report[key] for key in ("perplexity", "top1_agreement", "nll")}
    return {"bytes": size, "compile_s": seconds, "head": head, "embedding": embedding, **figures}


class Runtime:
    """A graph in ONNX Runtime: losses and best tokens of windows. Caches have the shapes that a library says."""

    def __init__(self, model, library):
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
        self.inputs = self.session.get_inputs()
        manifest = json.loads(next(library.glob("*.json")).read_text(encoding="utf-8"))
        self.states = {state["past"]: state["shape"] for state in manifest["entries"][0]["states"]}

    def read(self, window):
        count = len(window)
        feeds = {
            "input_ids": window[None],
            "attention_mask": np.ones((1, count), np.int64),
            "position_ids": np.arange(count, dtype=np.int64)[None],
        }
        for value in self.inputs:
            if shape := self.states.get(value.name):
                kind = np.float16 if "float16" in value.type else np.float32
                feeds[value.name] = np.zeros((1, shape[1], 0, shape[3]), kind)
        names = {value.name for value in self.inputs}
        feeds = {name: value for name, value in feeds.items() if name in names}
        logits = self.session.run(["logits"], feeds)[0][0, :-1].astype(np.float64)
        largest = logits.max(1, keepdims=True)
        losses = np.log(np.exp(logits - largest).sum(1)) + largest[:, 0] - logits[np.arange(count - 1), window[1:]]
        return losses.sum(), logits.argmax(1)

    def measure(self, windows, reference):
        losses, best = zip(*(self.read(window) for window in windows))
        best = np.concatenate(best)
        agreement = None if reference is None else float((best == reference).mean())
        perplexity = float(np.exp(sum(losses) / len(best)))
        return {"perplexity": perplexity, "top1_agreement": agreement, "nll": list(map(float, losses))}, best


def graph_bytes(model):
    """A graph and the file beside it that holds its weights."""
    beside = model.with_suffix(".weights")
    return model.stat().st_size + (beside.stat().st_size if beside.exists() else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--tokens", required=True, help="int64 [windows, length], as .npy")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--graph", type=pathlib.Path, action="append", default=[], help="a graph with packed weights")
    parser.add_argument("--hadron", default=bench.HADRON, help="the program")
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    options = parser.parse_args()
    lines, missed = [], []
    commit = bench.commit()

    print(
        f"{'what':42} {'MB':>6} {'compile':>8} {'perplexity':>11} {'agreement':>10}  {'head':20} {'embedding':22} bar"
    )

    def add(name, line, bar=None):
        verdict = ""
        if bar:
            agreement, perplexity = bar
            holds = line["top1_agreement"] >= agreement and line["perplexity"] <= perplexity
            verdict = f"{'holds' if holds else 'MISSED'}: ≥ {100 * agreement:.1f} %, ≤ {perplexity}"
            line["bar"] = {"agreement": agreement, "perplexity": perplexity, "holds": holds}
            if not holds:
                missed.append(name)
        seconds = f"{line['compile_s']:.1f} s" if "compile_s" in line else ""
        agreed = "" if line["top1_agreement"] is None else f"{100 * line['top1_agreement']:.2f} %"
        print(
            f"{name:42} {line['bytes'] / 1e6:6.1f} {seconds:>8} {line['perplexity']:11.3f} {agreed:>10}  "
            f"{line.get('head', ''):20} {line.get('embedding', ''):22} {verdict}",
            flush=True,
        )
        lines.append({"name": name, **line})

    with bench.workspace() as folder:
        folder = pathlib.Path(folder)
        reference = folder / "reference"
        run(options.hadron, "compile", options.model, "-o", reference)
        for weights, rotate, activations, bar in CONFIGURATIONS:
            name = f"{weights} rotate {rotate}, activations {activations}" if rotate else f"{weights} (defaults)"
            if options.only not in name:
                continue
            flags = ["--weights", weights]
            flags += ["--rotate", rotate, "--activations", activations] if rotate else []
            add(name, measure(options, folder, options.model, flags, reference), bar)
        for graph in options.graph:
            add(f"{graph.stem} as it is", measure(options, folder, graph, [], reference))
            flags = ["--activations", "f32"]
            add(f"{graph.stem}, activations f32", measure(options, folder, graph, flags, reference))
        windows, best = np.load(options.tokens), None
        for graph in [options.model, *options.graph] if options.graph else []:
            line, tokens = Runtime(graph, reference).measure(windows, best)
            best = tokens if best is None else best
            add(f"{graph.stem} in ONNX Runtime", {"bytes": graph_bytes(graph), **line})
    if options.json:
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        text = {"windows": windows.shape[0], "length": windows.shape[1]}
        report = {"machine": bench.machine(), "date": date, "commit": commit, "model": options.model.name}
        report |= {"text": text, "lines": lines}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if missed:
        sys.exit("bars missed: " + ", ".join(missed))


if __name__ == "__main__":
    main()
