"""Runs the `hadron` program."""

import pathlib
import shutil
import subprocess

from ._library import Error


def _program():
    package = pathlib.Path(__file__).resolve().parent
    for folder in (package / "bin", package.parent.parent / "build" / "release" / "bin"):
        if (folder / "hadron").is_file():
            return str(folder / "hadron")
    found = shutil.which("hadron")
    if not found:
        raise Error("the program `hadron` is neither beside this package nor on PATH")
    return found


def _flags(options):
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            yield flag
        elif value is None or value is False:
            continue
        elif isinstance(value, (list, tuple)):
            for one in value:
                yield from (flag, str(one))
        else:
            yield from (flag, str(value))


def _run(command, model, out, options):
    arguments = [_program(), command, str(model), "-o", str(out), *_flags(options)]
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise Error(done.stderr.strip() or f"`hadron {command}` ended with code {done.returncode}", done.returncode)
    return pathlib.Path(out)


def compile(model, out, **options):
    """Compiles a model into a library in the folder `out` and returns that folder.

    Options are those of `hadron compile`: weights="int4", chip="all", rotate="online", keep=["lm_head=none"], …
    """
    return _run("compile", model, out, options)


def quantize(model, out, **options):
    """Quantizes a model's weights; options are those of `hadron quantize`. Returns `out`."""
    return _run("quantize", model, out, options)
