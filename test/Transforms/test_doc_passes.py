"""Where a page of docs/ shows IR, then "after `hadron-opt FLAGS`", then IR: the flags make the second of the first."""

import pathlib
import re
import shlex
import subprocess

import pytest

from hadron_fixtures import tool

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAIR = re.compile(r"```mlir\n((?:(?!```).)*)```\n+after `hadron-opt ([^`]*)`:\n+```mlir\n((?:(?!```).)*)```", re.S)


def pairs():
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text()
        for match in PAIR.finditer(text):
            yield pytest.param(*match.groups(), id=f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}")


def print_ir(text, flags=""):
    done = subprocess.run([tool("hadron-opt"), *shlex.split(flags)], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("before, flags, after", pairs())
def test_after(before, flags, after):
    assert print_ir(before, flags) == print_ir(after)


def test_pages_have_examples():
    """A heading that changes must not turn the tests off."""
    for page, count in {"rotate": 2, "quantize": 1, "fuse": 4, "schedule": 1}.items():
        assert len(PAIR.findall((ROOT / "docs" / f"{page}.md").read_text())) == count, page
