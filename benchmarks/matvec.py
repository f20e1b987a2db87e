"""What share of the read bandwidth does a product of one row with packed weights reach?

    build/venv/bin/python benchmarks/matvec.py [--formats int4:g128,int8:g128] [--threads 1,2] [--json FILE]

Products 4096 -> 14336 and 4096 -> 4096 in turn, so many that no cache holds their weights; integer arithmetic. Floor: the
weights file over the read bandwidth measured before and after each run.
"""

import pathlib

import bench

PAIR = (4096, 14336), (4096, 4096)
LEAST = 192 << 20


def program(bits):
    """Independent products of one row. The weights are splats, each of another value: time does not depend on it."""
    count = max(2, -(-LEAST * 8 // (bits * sum(k * n for k, n in PAIR)))) * 2
    params, body, results = [], [], []
    for i in range(count):
        k, n = PAIR[i % 2]
        packed = f"!hadron.packed<{k}x{n}, #hadron.dense<f32>>"
        params.append(
            f"  hadron.param @w{i} : {packed} {{\n    %0 = arith.constant dense<{i + 1}.0> : tensor<{k}x{n}xf32>\n"
            f"    %1 = hadron.quantize %0 : tensor<{k}x{n}xf32> -> {packed}\n    hadron.yield %1 : {packed}\n  }}\n"
        )
        body.append(
            f"    %w{i} = hadron.param.get @w{i} : {packed}\n"
            f"    %y{i} = hadron.matmul %x, %w{i} : tensor<?x{k}xf32>, {packed} -> tensor<?x{n}xf32>\n"
        )
        results.append(f'tensor<?x{n}xf32> {{hadron.name = "y{i}", hadron.shape = ["rows", "{n}"]}}')
    types = ", ".join(text.split(" ")[0] for text in results)
    return (
        'module attributes {hadron.library = "matvec"} {\n'
        + "".join(params)
        + '  func.func @main(%x: tensor<?x4096xf32> {hadron.name = "x", hadron.shape = ["rows", "4096"]}) -> ('
        + ", ".join(results)
        + ") attributes {hadron.entry} {\n"
        + "".join(body)
        + "    return "
        + ", ".join(f"%y{i}" for i in range(count))
        + f" : {types}\n  }}\n}}\n"
    )


def main():
    results = bench.Results(__doc__)
    results.parser.add_argument("--formats", default="int4:g128,int8:g128")
    results.parser.add_argument("--threads", default="1,2")
    options = results.parse()
    for weights in options.formats.split(","):
        with bench.workspace() as folder:
            model, library = pathlib.Path(folder) / "matvec.mlir", pathlib.Path(folder) / "library"
            model.write_text(program(int(weights[3])), encoding="utf-8")
            bench.hadron("compile", model, "-o", library, "--weights", weights, "--rotate", "none")
            size = next(library.glob("*.weights")).stat().st_size
            for threads in map(int, options.threads.split(",")):
                read, times, floors, foreign = bench.Read(threads), [], [], []
                for _ in range(options.rounds):
                    before = read()
                    report = bench.bench(library, threads, "--input-shape", "x=1x4096")
                    floors.append(size / ((before + read()) / 2) * 1e6)
                    times.append(report["entries"][0]["median_us"])
                    foreign.append(report["foreign"])
                name = f"matvec {weights} {threads} threads"
                results.add(name, "us", times, floors, foreign, bytes=size, threads=threads)
    results.write()


if __name__ == "__main__":
    main()
