"""Every ```mlir example of the dialects' .td files, of docs/ and of README.md goes through hadron-opt.

An example may be a fragment. It is completed like this:
- a line that is a type or an attribute becomes an argument's type or an attribute of a function;
- a value that nothing defines becomes an argument of a function around the example. Its type is the one in its own
  parentheses (`gain(%g : T)`), `index` in parentheses or behind `at` without a type, else the trailing type at its place, the
  last one for operands beyond the list;
- a parameter that `hadron.param.get` reads is defined as zeros;
- functions, parameters and graphs, behind aliases if any, are complete as they are.
"""

import itertools
import pathlib
import re
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = [
    *sorted(ROOT.glob("dialects/**/*.td")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("dialects/**/*.md")),
    ROOT / "README.md",
]
BLOCK = re.compile(r"^([ \t]*)```mlir\n(.*?)^\1```", re.M | re.S)
PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}


def examples():
    for path in SOURCES:
        text = path.read_text() if path.exists() else ""
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            yield pytest.param(textwrap.dedent(match.group(2)), id=f"{path.relative_to(ROOT)}:{line}")


def split(text, separator=","):
    """Splits at separators outside brackets and strings; `->` closes no bracket."""
    parts, depth, start, quoted, i = [], 0, 0, False, 0
    while i < len(text):
        if text[i] == '"':
            quoted = not quoted
        elif quoted:
            pass
        elif text.startswith("->", i):
            i += 1
        elif text[i] in PAIRS:
            depth += 1
        elif text[i] in PAIRS.values():
            depth -= 1
        elif depth == 0 and text.startswith(separator, i):
            parts.append(text[start:i])
            start = i + len(separator)
        i += 1
    return [part.strip() for part in [*parts, text[start:]]]


def operand_types(statement):
    """Names and types of the operands that a statement uses."""
    found = {}
    _, _, operation = statement.rpartition(" = ") if re.match(r"%[\w:, %]+ = ", statement) else ("", "", statement)
    if re.match(r"%[\w:, %]+ = ", statement):
        operation = statement.split(" = ", 1)[1]
    body, *rest = split(operation, " : ")
    trailing = [part for part in split(split(rest[-1], " -> ")[0])] if rest else []
    if len(trailing) == 1 and trailing[0].startswith("("):
        trailing = split(trailing[0][1:-1])

    def group(match):
        names, *types = split(match.group(2), " : ")
        names = split(names)
        if match.group(1) and all(name.startswith("%") for name in names):
            found.update(zip(names, split(types[0]) if types else itertools.repeat("index")))
            return ""
        return match.group(0)

    body = re.sub(r"(?<=[a-z ])(\b[a-z]\w*)\(([^()]*(?:\([^()]*\)[^()]*)*)\)", group, body)
    for name in re.findall(r"\bat (%\w+)", body):
        found[name] = "index"
    plain = [name for name in re.findall(r"%\w+", body) if name not in found]
    if plain and trailing:
        found.update(itertools.zip_longest(plain, trailing[: len(plain)], fillvalue=trailing[-1]))
    return found


def statements(text):
    """Lines joined as long as they go on: a line that starts like an operation starts one."""
    lines = []
    for line in text.splitlines():
        line = line.split("//")[0].rstrip()
        if not line:
            continue
        if lines and not re.match(r"\s*([%}!#\"]|[a-z_]+\.[a-z_.]+ )", line):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


def complete(text):
    joined = statements(text)
    if all(re.match(r"[!#]\w+(\.|$)", line) and " = " not in line.split("<")[0] for line in joined):
        return "\n".join(
            (
                f"func.func private @e{i}({line})"
                if line[0] == "!"
                else f"func.func private @e{i}() attributes {{e = {line}}}"
            )
            for i, line in enumerate(joined)
        )
    defined = set()
    for line in joined:
        match = re.match(r"\s*((?:%\w+(?::\d+)?(?:, )?)+) = ", line)
        defined.update(re.findall(r"%\w+", match.group(1)) if match else [])
        defined.update(re.findall(r"(%\w+): ", line))  # arguments of functions and graphs
    arguments = {}
    for line in joined:
        arguments.update({name: type for name, type in operand_types(line.strip()).items() if name not in defined})
    parameters = [
        f"hadron.param {name} : {type} {{\n  %0 = arith.constant dense<0.0> : {type}\n  hadron.yield %0 : {type}\n}}"
        for name, type in re.findall(r"hadron\.param\.get (@\w+) : (\S+)", text)
        if f"hadron.param {name}" not in text
    ]
    first = next(line for line in joined if not re.match(r"[!#]\w+ = ", line))  # behind aliases
    if not arguments and re.match(r"\s*(func\.func|hadron\.param @|onnx\.graph|module|llvm\.func)", first):
        return "\n".join([*parameters, text])
    signature = ", ".join(f"{name}: {type}" for name, type in arguments.items())
    return "\n".join([*parameters, f"func.func @example({signature}) {{", textwrap.indent(text, "  "), "  return", "}"])


@pytest.mark.parametrize("text", list(examples()))
def test_example(hadron_opt, text):
    module = complete(text)
    print(module)
    printed = hadron_opt(input=module).stdout
    assert hadron_opt(input=printed).stdout == printed


def test_there_are_examples():
    # The pattern above finds what it should: every type, attribute and operation of the dialect has an example.
    text = "".join(path.read_text() for path in ROOT.glob("dialects/Hadron/IR/*.td"))
    definitions = re.findall(r"^def Hadron_\w+ : Hadron_(?:\w*Op|Type|Attr)<", text, re.M)
    assert len(definitions) > 30 and len(BLOCK.findall(text)) == len(definitions)
