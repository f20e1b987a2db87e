"""How fast does a language model decode, beside the time that reading its weights once a token takes?

    build/venv/bin/python benchmarks/decode.py MODEL.onnx [--weights int4] [--threads 1,2] [--json FILE]

Floor: the weights file over the read bandwidth measured before and after each run. A table of embeddings is not read,
but for a row, unless the head shares it; so a model with a table of its own can be above the floor.
"""

import pathlib

import bench


def main():
    results = bench.Results(__doc__)
    results.parser.add_argument("model")
    results.parser.add_argument("--weights", default="int4")
    results.parser.add_argument("--rotate", default="online")
    results.parser.add_argument("--threads", default="1,2")
    options = results.parse()
    with bench.workspace() as folder:
        bench.hadron("compile", options.model, "-o", folder, "--weights", options.weights, "--rotate", options.rotate)
        size = next(pathlib.Path(folder).glob("*.weights")).stat().st_size
        for threads in map(int, options.threads.split(",")):
            read, rates, floors, foreign = bench.Read(threads), [], [], []
            for _ in range(options.rounds):
                before = read()
                report = bench.bench(folder, threads, "--prompt-tokens", 16, "--decode-tokens", 64)
                floors.append((before + read()) / 2 / size)
                rates.append(report["decode_tokens_per_s"])
                foreign.append(report["foreign"])
            results.add(f"decode {threads} threads", "tokens/s", rates, floors, foreign, bytes=size, threads=threads)
    results.write()


if __name__ == "__main__":
    main()
