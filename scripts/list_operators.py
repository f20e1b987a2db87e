"""Prints the ONNX operators that Hadron compiles, as the section of README.md has them.

    python3 scripts/list_operators.py

They are the rows of the tables in lib/Raise: {domain, "operator", since, until, …}; `Constant` is the importer's. Rows of
kRaised are what patterns of several nodes become, and no operators of ONNX.
"""

import pathlib
import re
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROW = re.compile(r'^\s*\{("[\w.]*"|k\w+),\s*"(\w+)",\s*\d+,\s*\w+,', re.M)
DOMAINS = {'""': "ai.onnx", "kMicrosoft": "com.microsoft"}


def section():
    domains = {"ai.onnx": {"Constant"}}
    for path in sorted((ROOT / "lib" / "Raise").glob("*.cpp")):
        for domain, operator in ROW.findall(path.read_text()):
            if domain != "kRaised":
                domains.setdefault(DOMAINS.get(domain, domain.strip('"')), set()).add(operator)
    lines = []
    for domain in sorted(domains):
        operators = sorted(domains[domain])
        lines.append(f"**`{domain}`** ({len(operators)}):")
        lines += textwrap.wrap(", ".join(operators) + ".", 118)
        lines.append("")
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    print(section())
