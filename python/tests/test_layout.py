"""One pass is one file and one folder of tests, all named after its flag."""
import re

import pytest

from hadron_fixtures import ROOT

PASSES = re.findall(r'Pass<"hadron-([\w-]+)"', (ROOT / "include" / "hadron" / "Transforms" / "Passes.td").read_text())


@pytest.mark.parametrize("name", PASSES)
def test_pass(name):
    files = [path.stem.lower() for path in (ROOT / "lib" / "Transforms").glob("*.cpp")]
    assert name.replace("-", "") in files, f"--hadron-{name} is not in a file of its name"
    assert any((ROOT / "test" / "Transforms" / name).glob("*.mlir")), f"--hadron-{name} has no tests in test/Transforms/{name}"


def test_there_are_passes():
    assert PASSES
