"""How fast is a Hadamard transform of the rows of x, beside a copy of x?

    build/venv/bin/python benchmarks/transform.py [--json FILE]

Floor: memcpy of as many bytes on one thread; 256 KiB stay in the second-level cache, 256 MiB in none.
"""

import pathlib

import bench

PROGRAM = """
#r = #hadron.rotation<[#hadron.wht<{n}>]>
module attributes {{hadron.library = "transform"}} {{
  func.func @main(%x: tensor<?x{n}xf32> {{hadron.name = "x", hadron.shape = ["rows", "{n}"]}})
      -> (tensor<?x{n}xf32> {{hadron.name = "y", hadron.shape = ["rows", "{n}"]}}) attributes {{hadron.entry}} {{
    %y = hadron.fwht %x by #r : tensor<?x{n}xf32>
    return %y : tensor<?x{n}xf32>
  }}
}}
"""


def main():
    results = bench.Results(__doc__)
    options = results.parse()
    for n, size in ((64, 1 << 18), (256, 1 << 18), (1024, 1 << 18), (4096, 1 << 18), (1024, 1 << 28)):
        copy, times, floors, foreign = bench.Copy(size), [], [], []
        with bench.workspace() as folder:
            model = pathlib.Path(folder) / "transform.mlir"
            model.write_text(PROGRAM.format(n=n), encoding="utf-8")
            bench.hadron("compile", model, "-o", f"{folder}/library")
            for _ in range(options.rounds):
                floors.append(copy() * 1e6)
                report = bench.bench(f"{folder}/library", 1, "--input-shape", f"x={size // 4 // n}x{n}")
                times.append(report["entries"][0]["median_us"])
                foreign.append(report["foreign"])
        where = "256 KiB" if size < 1 << 20 else "256 MiB"
        results.add(f"transform {n} of {where}", "us", times, floors, foreign, bytes=size)
    results.write()


if __name__ == "__main__":
    main()
