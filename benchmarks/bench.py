"""What the benchmarks share: running `hadron bench` beside its floor, in turn, and keeping the figures."""

import argparse
import ctypes
import datetime
import json
import mmap
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
HADRON = ROOT / "build" / "release" / "bin" / "hadron"
LIBC = ctypes.CDLL(None)


def buffer(size):
    """Anonymous memory on huge pages, and its address."""
    memory = mmap.mmap(-1, size)
    memory.madvise(mmap.MADV_HUGEPAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    LIBC.memset(ctypes.c_void_p(address), 1, ctypes.c_size_t(size))
    return memory, address


def on_threads(threads, call):
    """Seconds until call(i) is done on every one of `threads` threads."""
    workers = [threading.Thread(target=call, args=(i,)) for i in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


class Read:
    """Bytes a second that `threads` threads read at most (read.cpp), on huge pages."""

    def __init__(self, threads, size=256 << 20):
        self.threads, self.size = threads, size
        self.memory, self.address = buffer(size)
        with workspace() as folder:
            library = pathlib.Path(folder) / "read.so"
            flags = ["-O3", "-march=native", "-shared", "-fPIC"]
            source = pathlib.Path(__file__).with_name("read.cpp")
            subprocess.run([os.environ.get("CXX", "c++"), *flags, source, "-o", library], check=True)
            self.read = ctypes.CDLL(library).readArea
        self.read.restype = ctypes.c_uint64

    def __call__(self):
        part = self.size // self.threads

        def read(i):
            self.read(ctypes.c_void_p(self.address + i * part), ctypes.c_size_t(part))

        return self.size / min(on_threads(self.threads, read) for _ in range(3))


class Copy:
    """Seconds of memcpy of `size` bytes, warm."""

    def __init__(self, size):
        self.size = size
        self.memory, self.address = buffer(2 * size + 4096)

    def __call__(self):
        to, source = ctypes.c_void_p(self.address + self.size + 2112), ctypes.c_void_p(self.address)
        count = max(1, (16 << 20) // self.size)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(count):
                LIBC.memcpy(to, source, ctypes.c_size_t(self.size))
            times.append((time.perf_counter() - start) / count)
        return statistics.median(times)


def hadron(*command):
    done = subprocess.run([HADRON, *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"hadron {command[0]}: {done.stderr.strip()}")
    return done.stdout


def bench(library, threads, *options):
    """What `hadron bench --json` reports."""
    with workspace() as folder:
        path = pathlib.Path(folder) / "report.json"
        hadron("bench", library, "--threads", threads, "--json", path, *options)
        return json.loads(path.read_text(encoding="utf-8"))


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "?")
    with open("/sys/kernel/mm/transparent_hugepage/enabled", encoding="utf-8") as file:
        pages = file.read().split("[")[1].split("]")[0]
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(), "huge_pages": pages}


def commit():
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"


class Results:
    """Prints each line as it comes; writes all of them at the end, with where and when."""

    def __init__(self, description):
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--rounds", type=int, default=5, help="how often each side is measured, in turn")
        parser.add_argument("--json", metavar="FILE", help="write the figures")
        self.parser, self.lines = parser, []

    def parse(self):
        self.options = self.parser.parse_args()
        return self.options

    def add(self, name, unit, value, floor, foreign, **more):
        """`value` and `floor`: one number a round, both times or both rates. The ratio is that of each round."""
        ratios = [v / f for v, f in zip(value, floor)]
        median = statistics.median
        print(
            f"{name:28} {median(value):10.4g} {unit}  floor {median(floor):10.4g}  ratio {median(ratios):.2f} "
            f"[{min(ratios):.2f}, {max(ratios):.2f}]  foreign {median(foreign):.2f}",
            flush=True,
        )
        line = {"name": name, "unit": unit, "value": value, "floor": floor, "ratio": median(ratios)}
        self.lines.append({**line, "foreign": median(foreign), **more})

    def write(self):
        if not self.options.json:
            return
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        report = {"machine": machine(), "date": date, "commit": commit(), "lines": self.lines}
        pathlib.Path(self.options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def workspace():
    return tempfile.TemporaryDirectory(prefix="hadron-bench-")
