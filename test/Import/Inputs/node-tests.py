"""Imports the models of ONNX's own node tests and compares the inferred outputs with the declared ones.

    node-tests.py hadron-import-print

The outputs are static there, so a difference in a number or an element type is a bug. Prints how many agree, and each that
does not.
"""

import glob
import os
import subprocess
import sys

import onnx

ELEMENTS = {1: "f32", 2: "ui8", 3: "i8", 4: "ui16", 5: "i16", 6: "i32", 7: "i64", 8: "string", 9: "i1", 10: "f16", 11: "f64",
            12: "ui32", 13: "ui64", 14: "complex64", 15: "complex128", 16: "bf16", 17: "f8E4M3FN", 18: "f8E4M3FNUZ",
            19: "f8E5M2", 20: "f8E5M2FNUZ", 21: "ui4", 22: "i4", 23: "f4E2M1FN", 24: "f8E8M0FNU", 25: "ui2", 26: "i2"}


def declared(output):
    tensor = output.type.tensor_type
    dims = [str(d.dim_value) if d.HasField("dim_value") else "?" for d in tensor.shape.dim]
    return dims + [ELEMENTS[tensor.elem_type]]


def main():
    models = sorted(glob.glob(os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "node", "*", "model.onnx")))
    run = subprocess.run([sys.argv[1], "--outputs", *models], capture_output=True, text=True)
    if run.returncode not in (0, 1):
        sys.exit(f"exit status {run.returncode}: {run.stderr[-2000:]}")
    agree = unknown = refused = 0
    for path, line in zip(models, run.stdout.splitlines(), strict=True):
        name = path.split(os.sep)[-2]
        graph = onnx.load(path, load_external_data=False).graph
        if line == "error" or not all(o.type.HasField("tensor_type") for o in graph.output):
            refused += 1
            continue
        worst = "agree"
        for got, output in zip(line.split("; "), graph.output, strict=True):
            want = declared(output)
            got = [part.strip("()") for part in got.removeprefix("!onnx.tensor<").removesuffix(">").split(" x ")]
            for g, w in zip(got, want) if len(got) == len(want) and got[0] != "*" else [(" x ".join(got), " x ".join(want))]:
                if g == w or w == "?":
                    continue
                if g.isdigit() or len(got) != len(want) and got[0] != "*":
                    print(f"different: {name}: {' x '.join(got)}, declared {' x '.join(want)}")
                worst = "unknown"
        agree += worst == "agree"
        unknown += worst == "unknown"
    print(f"{len(models)} models: {agree} agree, {unknown} not known, {refused} refused")


if __name__ == "__main__":
    main()
