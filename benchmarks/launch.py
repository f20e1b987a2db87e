"""What does a launch cost, and from how many bytes on is a second thread worth having?

    build/venv/bin/python benchmarks/launch.py [--json FILE]

A chain of 256 RMS normalizations of rows of 64 numbers: time per launch on two threads, beside the same on one. The
floor is half of the time on one thread. The host phase gives a thread to each 64 KiB of tensors (16 KiB of weights) that
a launch reads and writes: at 128 rows (64 KiB in all) and below the launch stays on its caller.
"""

import pathlib

import bench

LAUNCHES, WIDTH = 256, 64
SIGNATURE = """
module attributes {{hadron.library = "launch"}} {{
  func.func @main(%v0: tensor<?x{n}xf32> {{hadron.name = "x", hadron.shape = ["rows", "{n}"]}})
      -> (tensor<?x{n}xf32> {{hadron.name = "y", hadron.shape = ["rows", "{n}"]}}) attributes {{hadron.entry}} {{
"""


def program():
    lines = [SIGNATURE.format(n=WIDTH)]
    for i in range(LAUNCHES):
        lines.append(f"    %v{i + 1} = hadron.rms_norm %v{i} {{epsilon = 1.0e-5 : f64}} : tensor<?x{WIDTH}xf32>\n")
    return "".join(lines) + f"    return %v{LAUNCHES} : tensor<?x{WIDTH}xf32>\n  }}\n}}\n"


def main():
    results = bench.Results(__doc__)
    options = results.parse()
    with bench.workspace() as folder:
        model = pathlib.Path(folder) / "launch.mlir"
        model.write_text(program(), encoding="utf-8")
        bench.hadron("compile", model, "-o", f"{folder}/library")
        for rows in (1, 16, 32, 64, 128, 256, 1024, 4096):
            times, floors, foreign = [], [], []
            for _ in range(options.rounds):
                shape = ("--input-shape", f"x={rows}x{WIDTH}", "--min-time", 0.2)
                one, two = (bench.bench(f"{folder}/library", threads, *shape) for threads in (1, 2))
                floors.append(one["entries"][0]["median_us"] / LAUNCHES / 2)
                times.append(two["entries"][0]["median_us"] / LAUNCHES)
                foreign.append(max(one["foreign"], two["foreign"]))
            results.add(f"launch of {rows * WIDTH * 8} bytes", "us", times, floors, foreign, rows=rows)
    results.write()


if __name__ == "__main__":
    main()
