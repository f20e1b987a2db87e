"""README.md says what is: commands and options exist, folders too, and the list of operators is that of the tables."""

import re

import pytest

import list_operators
from hadron_fixtures import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"^    hadron (\w+) (.*?)(?:\s{2,}#.*)?$", README, re.M)))


def test_operators():
    listed = re.search(r"<!-- scripts/list_operators.py -->\n(.*)\n<!-- end -->", README, re.S).group(1).strip()
    assert listed == list_operators.section(), "put the output of scripts/list_operators.py into README.md"


@pytest.mark.parametrize("command, arguments", COMMANDS)
def test_options(hadron, command, arguments):
    text = hadron(command, "--help").stdout
    for option in re.findall(r"(?<!\S)--?\w[\w-]*", arguments):
        assert re.search(rf"^ *{option}\b", text, re.M), f"hadron {command} has no {option}"


@pytest.mark.parametrize(
    "path",
    sorted(
        set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", README)) - {"lib/X.h", "build/release/bin", "build/release/docs"}
    ),
)
def test_paths(path):
    assert (ROOT / path).exists()
