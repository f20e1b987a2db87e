"""Runs one part of the tests of a built tree and counts what passed.

    build/venv/bin/python scripts/run_tests.py lit|unit|python --build build/release --counts FILE [--filter TEXT]

Appends a line `passed failed skipped` to FILE. Output of tests is shown for those that fail; all of it is in BUILD/logs.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = len(os.sched_getaffinity(0))
SECONDS_PER_TEST = 600  # of lit and pytest; a hang must not eat the time of the whole run
SECONDS_PER_PROGRAM = 900  # of GoogleTest, which runs many tests in one process
LINES_OF_A_FAILURE = 60


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def fail(self, name, output):
        self.failed += 1
        self.failures.append((name, output))


def tail(text):
    lines = text.splitlines()
    return "\n".join(lines[-LINES_OF_A_FAILURE:])


def environment(arguments):
    result = dict(os.environ, HADRON_BUILD=arguments.build)
    if os.path.basename(arguments.build) == "asan":
        # LLVM keeps command-line options and managed statics alive until the process ends: no leak of ours.
        result.setdefault("ASAN_OPTIONS", "detect_leaks=0:allow_user_poisoning=0:detect_stack_use_after_return=1")
        result.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        result.setdefault("ASAN_SYMBOLIZER_PATH", "/usr/lib/llvm-22/bin/llvm-symbolizer")
    return result


def run_lit(arguments, logs, counts):
    report = os.path.join(logs, "lit.json")
    command = [
        sys.executable,
        lit_program(),
        "-v",
        f"-j{JOBS}",
        "--timeout",
        str(SECONDS_PER_TEST),
        "--output",
        report,
        "--no-progress-bar",
        os.path.join(arguments.build, "test"),
    ]
    if arguments.filter:
        command += ["--filter", arguments.filter, "--allow-empty-runs"]
    if os.path.exists(report):
        os.remove(report)
    with open(os.path.join(logs, "lit.log"), "w") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment(arguments))
    if not os.path.exists(report):
        with open(os.path.join(logs, "lit.log")) as log:
            sys.exit(tail(log.read()))
    with open(report) as file:
        for test in json.load(file)["tests"]:
            if test["code"] in ("PASS", "XFAIL", "FLAKYPASS"):
                counts.passed += 1
            elif test["code"] in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"):
                counts.skipped += test["code"] != "EXCLUDED"
            else:
                counts.fail(f"{test['name']} ({test['code']})", test["output"])


def lit_program():
    found = shutil.which("lit-22") or "/usr/lib/llvm-22/bin/lit"
    return os.path.realpath(found)


def run_unit(arguments, logs, counts):
    folder = os.path.join(arguments.build, "bin", "unit")
    listing = os.path.join(arguments.build, "unit-tests.txt")
    with open(
        listing
    ) as file:  # what CMake builds: a program of an earlier build that lies in the folder does not count
        programs = file.read().split()

    def run(name):
        report = os.path.join(logs, f"{name}.json")
        command = [os.path.join(folder, name), f"--gtest_output=json:{report}"]
        if arguments.filter and arguments.filter not in name:
            command.append(f"--gtest_filter=*{arguments.filter}*")
        if os.path.exists(report):
            os.remove(report)
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=SECONDS_PER_PROGRAM,
                env=environment(arguments),
            )
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as timeout:
            output, status = (
                f"{(timeout.stdout or b'').decode(errors='replace')}\nran longer than {SECONDS_PER_PROGRAM} s",
                1,
            )
        except OSError as problem:
            output, status = str(problem), 1
        with open(os.path.join(logs, f"{name}.log"), "w") as log:
            log.write(output)
        return name, report, output, status

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, report, output, status in pool.map(run, programs):
            if not os.path.exists(report):
                # A plain program (its exit code is its verdict), or one that died before it could report.
                if status:
                    counts.fail(name, f"{output}\nexit status {status}")
                elif not arguments.filter or arguments.filter in name:
                    counts.passed += 1
                continue
            with open(report) as file:
                suites = json.load(file)["testsuites"]
            failed = 0
            for suite in suites:
                for test in suite["testsuite"]:
                    if test.get("failures"):
                        failed += 1
                        counts.fail(
                            f"{name}: {suite['name']}.{test['name']}", "\n".join(f["failure"] for f in test["failures"])
                        )
                    elif test["result"] == "SKIPPED":
                        counts.skipped += 1
                    elif test["result"] == "COMPLETED":
                        counts.passed += 1
            if status and not failed:
                counts.fail(name, f"{output}\nexit status {status}")


def run_python(arguments, logs, counts):
    report = os.path.join(logs, "pytest.xml")
    if os.path.exists(report):
        os.remove(report)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(JOBS),
        "--dist",
        "loadfile",
        "--timeout",
        str(SECONDS_PER_TEST),
        f"--junitxml={report}",
        "-p",
        "no:cacheprovider",
    ]
    if arguments.filter:
        command += ["-k", arguments.filter]
    with open(os.path.join(logs, "pytest.log"), "w") as log:
        status = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment(arguments)
        ).returncode
    if status == 5:  # nothing collected; whether any test ran at all is test.sh's to judge
        return
    if not os.path.exists(report):
        with open(os.path.join(logs, "pytest.log")) as log:
            sys.exit(tail(log.read()))
    failed = counts.failed
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        problems = [child for child in case if child.tag in ("failure", "error")]
        if problems:
            counts.fail(name, "\n".join(child.text or child.get("message", "") for child in problems))
        elif any(child.tag == "skipped" for child in case):
            counts.skipped += 1
        else:
            counts.passed += 1
    if status and counts.failed == failed:
        with open(os.path.join(logs, "pytest.log")) as log:
            counts.fail("pytest", f"{tail(log.read())}\nexit status {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["lit", "unit", "python"])
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--counts", required=True)
    parser.add_argument("--filter")
    arguments = parser.parse_args()
    logs = os.path.join(arguments.build, "logs")
    os.makedirs(logs, exist_ok=True)
    counts = Counts()
    {"lit": run_lit, "unit": run_unit, "python": run_python}[arguments.part](arguments, logs, counts)
    for name, output in counts.failures:
        print(f"\nFAILED {name}\n{tail(output)}\n")
    # Not in the form of the closing line, which test.sh prints once for all parts.
    print(
        f"{arguments.part}: {counts.passed} of {counts.passed + counts.failed}"
        + (f" ({counts.skipped} skipped)" if counts.skipped else "")
    )
    with open(arguments.counts, "a") as file:
        file.write(f"{counts.passed} {counts.failed} {counts.skipped}\n")


if __name__ == "__main__":
    main()
