"""What a compilation leaves: a folder that may be moved, a header for C99 and C++, a shared object that needs nothing, and the same
bytes every time. A C program that links the library, one that opens it, and two libraries in one process."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from onnx import helper

import hadron as hadron_module
from hadron_fixtures import ROOT

WIDTH = 64
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]

LINKED = r"""
#include "one.h"
#include "two.h"
#include <stdio.h>
static int ask(const void *descriptor, float *y) {
  float x[64];
  int64_t shape[2] = {1, 64};
  char error[512];
  hadron_library *library;
  hadron_tensor in = {sizeof in, HADRON_FLOAT32, 2, 0, 0, 0, HADRON_CPU, 0, 0}, out;
  int i, status;
  for (i = 0; i < 64; ++i) x[i] = (float)i / 64;
  in.data = x;
  in.shape = shape;
  out = in;
  out.data = y;
  if (hadron_library_open(descriptor, NULL, NULL, &library, error, sizeof error)) { fprintf(stderr, "%s\n", error); return 1; }
  status = hadron_run(library, "main", &in, 1, &out, 1, NULL, 0, NULL, 0, NULL);
  if (status) fprintf(stderr, "%s\n", hadron_last_error(library));
  hadron_library_close(library);
  return status;
}
int main(void) {
  float y[64];
  int i;
  if (ask(one_hadron_descriptor(), y)) return 1;
  for (i = 0; i < 64; ++i) printf("%.9g ", y[i]);
  if (ask(two_hadron_descriptor(), y)) return 1;
  for (i = 0; i < 64; ++i) printf("%.9g ", y[i]);
  return 0;
}
"""


@pytest.fixture(scope="module")
def libraries(hadron, onnx_model, tmp_path_factory):
    """Two libraries, y = relu(x W) with different W, and their functions."""
    folder = tmp_path_factory.mktemp("libraries")
    made = {}
    for seed, name in enumerate(["one", "two"]):
        weights = (np.random.default_rng(seed).standard_normal((WIDTH, WIDTH)) / 8).astype(np.float32)
        nodes = [helper.make_node("MatMul", ["x", "W"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
        path = onnx_model(folder / f"{name}.onnx", nodes, [("x", ["rows", WIDTH])], [("y", ["rows", WIDTH])], {"W": weights})
        hadron("compile", path, "-o", folder / name)
        made[name] = (folder / name, lambda x, w=weights: np.maximum(x @ w, 0))
    return made


def build(source, output, *options, compiler="gcc"):
    done = subprocess.run([compiler, source, "-o", output, f"-I{ROOT}/include", *map(str, options)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def linked(libraries):
    return [option for name, (folder, _) in libraries.items() for option in (f"-I{folder}", f"-L{folder}", f"-l{name}", f"-Wl,-rpath,{folder}")]


def test_what_is_in_the_folder(libraries):
    folder = libraries["one"][0]
    assert sorted(p.name for p in folder.iterdir()) == ["libone.so", "one.h", "one.json", "one.weights"]
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o044 == 0o044, f"{file} may be read by others"
    assert folder.stat().st_mode & 0o055 == 0o055


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler")
def test_a_program_that_links_two_libraries(libraries, tmp_path):
    (tmp_path / "main.c").write_text(LINKED)
    program = build(tmp_path / "main.c", tmp_path / "main", *STRICT, *linked(libraries))
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    got = np.array(done.stdout.split(), np.float32).reshape(2, WIDTH)
    x = np.arange(WIDTH, dtype=np.float32) / 64
    for y, (_, function) in zip(got, libraries.values()):
        np.testing.assert_allclose(y, function(x), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
def test_the_header_is_cpp_too(libraries, tmp_path):
    for name, (folder, _) in libraries.items():
        (tmp_path / "t.cpp").write_text(f'#include "{name}.h"\n#include "{name}.h"\nint main() {{ return {name}_hadron_descriptor() == nullptr; }}\n')
        options = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        program = build(tmp_path / "t.cpp", tmp_path / "t", *options, *linked(libraries), compiler="g++")
        subprocess.run([program], check=True)


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler")
def test_the_example_in_c(libraries, tmp_path):
    """examples/c/run.c opens a folder, here one that was moved, from another working directory."""
    program = build(ROOT / "examples" / "c" / "run.c", tmp_path / "run", *STRICT, "-ldl")
    shutil.copytree(libraries["one"][0], tmp_path / "moved")
    done = subprocess.run([program, "moved", "main", "2"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    x = np.arange(2 * WIDTH, dtype=np.float32).reshape(2, WIDTH)
    shown = done.stdout.split("y: 128 elements ")[1].split()
    np.testing.assert_allclose(np.array(shown, float), libraries["one"][1](x)[0, :4], rtol=1e-4)
    assert subprocess.run([program, "moved", "nothing"], cwd=tmp_path, capture_output=True).returncode == 1
    assert subprocess.run([program, "elsewhere"], cwd=tmp_path, capture_output=True).returncode == 1
    assert subprocess.run([program], capture_output=True).returncode == 2


@pytest.mark.skipif(not shutil.which("readelf"), reason="no readelf")
def test_the_shared_object_needs_only_the_c_library(libraries):
    for name, (folder, _) in libraries.items():
        dynamic = subprocess.run(["readelf", "-dW", folder / f"lib{name}.so"], capture_output=True, text=True, check=True).stdout
        needed = {line.split("[")[1].split("]")[0] for line in dynamic.splitlines() if "(NEEDED)" in line}
        assert needed <= {"libc.so.6", "libm.so.6"} and "TEXTREL" not in dynamic and f"[lib{name}.so]" in dynamic
        symbols = subprocess.run(["readelf", "--dyn-syms", "-W", folder / f"lib{name}.so"], capture_output=True, text=True, check=True)
        exported = {line.split()[7] for line in symbols.stdout.splitlines() if " GLOBAL " in line and " UND " not in line}
        assert f"{name}_hadron_descriptor" in exported
        assert all(symbol.startswith(("hadron_", f"{name}_hadron_")) for symbol in exported), exported
        header = subprocess.run(["readelf", "-lW", folder / f"lib{name}.so"], capture_output=True, text=True, check=True).stdout
        stack = next(line for line in header.splitlines() if "GNU_STACK" in line)
        assert "RWE" not in stack


@pytest.mark.skipif(not shutil.which("gcc") or not shutil.which("readelf"), reason="no C compiler")
def test_an_allocator_of_the_users_is_no_dependency(hadron, libraries, tmp_path):
    """Libraries link the C library that runs here; with a preloaded allocator that is not where malloc is."""
    (tmp_path / "malloc.c").write_text(
        "#include <stddef.h>\nvoid *__libc_malloc(size_t);\nvoid *malloc(size_t n) { return __libc_malloc(n); }\n"
    )
    preloaded = build(tmp_path / "malloc.c", tmp_path / "mine.so", "-shared", "-fPIC")
    model = libraries["one"][0].parent / "one.onnx"
    hadron("compile", model, "-o", tmp_path / "lib", env={**os.environ, "LD_PRELOAD": str(preloaded)})
    dynamic = subprocess.run(["readelf", "-dW", tmp_path / "lib" / "libone.so"], capture_output=True, text=True, check=True).stdout
    assert "[libc.so.6]" in dynamic and "mine.so" not in dynamic


def test_a_moved_folder_and_two_libraries_in_one_process(libraries, tmp_path):
    x = np.random.default_rng(5).standard_normal((3, WIDTH)).astype(np.float32)
    opened = {}
    for name, (folder, function) in libraries.items():
        shutil.copytree(folder, tmp_path / name)
        opened[name] = (hadron_module.load(tmp_path / name), function)
        os.rename(tmp_path / name, tmp_path / f"{name}-moved")  # what is mapped stays
    for _ in range(2):
        for library, function in opened.values():
            np.testing.assert_allclose(library.run({"x": x})["y"], function(x), rtol=1e-5, atol=1e-5)
    opened["one"][0].close()
    library, function = opened["two"]
    np.testing.assert_allclose(library.run({"x": x})["y"], function(x), rtol=1e-5, atol=1e-5)


def test_python_compiles_loads_and_runs(onnx_model, tmp_path, monkeypatch):
    from hadron_fixtures import BUILD

    monkeypatch.setenv("PATH", f"{BUILD}/bin:{os.environ['PATH']}")
    weights = (np.random.default_rng(3).standard_normal((WIDTH, 32)) / 8).astype(np.float32)
    path = onnx_model(tmp_path / "m.onnx", [helper.make_node("MatMul", ["x", "W"], ["y"])], [("x", ["rows", WIDTH])],
                      [("y", ["rows", 32])], {"W": weights})  # fmt: skip
    library = hadron_module.load(hadron_module.compile(path, tmp_path / "out", weights="int8", activations="f32", chip="all"))
    x = np.random.default_rng(4).standard_normal((9, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(library.run({"x": x})["y"], x @ weights, atol=0.05)
    assert library.entries["main"].inputs[0].shape == ("rows", WIDTH)
    assert library.manifest["target"]["chips"][0] == "x86-64" and library.cpu in library.manifest["target"]["chips"]
    with pytest.raises(hadron_module.Error, match="dimension 1 is 3"):
        library.run({"x": x[:, :3]})


@pytest.mark.parametrize("options", [[], ["--weights", "int4", "--activations", "int8", "--chip", "all", "--seed", "5"]])
def test_the_same_bytes_every_time(hadron, libraries, tmp_path, options):
    model = libraries["one"][0].parent / "one.onnx"
    shutil.copy(model, tmp_path / "one.onnx")
    hadron("compile", model, "-o", tmp_path / "a", *options, "--threads", 1)
    hadron("compile", tmp_path / "one.onnx", "-o", tmp_path / "deeper" / "b", *options, "--threads", 2, cwd=tmp_path)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "deeper" / "b" / file.name).read_bytes(), file.name


def test_the_seed_changes_signs_and_little_else(hadron, libraries, run_library, tmp_path):
    model = libraries["one"][0].parent / "one.onnx"
    x = np.random.default_rng(6).standard_normal((4, WIDTH)).astype(np.float32)
    results = []
    for seed in (1, 2):
        hadron("compile", model, "-o", tmp_path / str(seed), "--rotate", "online", "--seed", seed)
        results.append(run_library(tmp_path / str(seed), x=x)["y"])
    assert not np.array_equal(*results)
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-5)
