"""Fixtures for every test in Python: the tools of the build that is tested, and real models."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HADRON_BUILD", ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "scripts"))


def tool(name):
    """Path of a program of the build; the test fails where it was not built."""
    path = BUILD / "bin" / name
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not built")
    return path


@pytest.fixture(scope="session")
def build():
    """The build folder that is tested."""
    return BUILD


@pytest.fixture(scope="session")
def hadron():
    """The driver, as a function: hadron("compile", model, "-o", folder) -> CompletedProcess; fails the test unless it exits with `code`."""
    return runner("hadron")


@pytest.fixture(scope="session")
def hadron_opt():
    """hadron-opt, as a function of its arguments and `input`."""
    return runner("hadron-opt")


def runner(name):
    def run(*arguments, code=0, timeout=300, **options):
        command = [str(tool(name)), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, **options)
        assert (
            done.returncode == code
        ), f"{' '.join(command)}: exit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def model():
    """model("smollm2-genai-fp32") -> path of the graph with its weights beside it, made at the first use."""
    import materialize_model

    def path(name):
        return materialize_model.materialize(
            ROOT / "examples" / "models" / f"{name}.onnx", ROOT / "build" / "models", ROOT / "build" / "cache"
        )

    return path
