#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts results of a test run.

    tally.py meson BUILDDIR    from meson-logs/testlog.json, cmocka's own sub-tests counted one by one
    tally.py junit FILE        from pytest's --junit-xml
    tally.py sum FILE          adds up lines of "rung passed failed skipped"

Prints "passed failed skipped" on standard output and the names of what failed or was skipped on
standard error.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

CMOCKA = {"passed": r"\[  PASSED  \] (\d+) test\(s\)",
          "failed": r"\[  FAILED  \] (?:.*: )?(\d+) test\(s\)",
          "skipped": r"\[  SKIPPED \] (?:.*: )?(\d+) test\(s\)"}


def meson(build):
    total = [0, 0, 0]
    log = pathlib.Path(build, "meson-logs", "testlog.json")
    if not log.exists():
        return total
    for line in log.read_text().splitlines():
        run = json.loads(line)
        output = run.get("stdout", "") + "\n" + run.get("stderr", "")
        counts = [sum(int(n) for n in re.findall(pattern, output)) for pattern in CMOCKA.values()]
        tap = [len(re.findall(r"(?m)^ok \d+(?!.*# SKIP)", output)), len(re.findall(r"(?m)^not ok \d+", output)),
               len(re.findall(r"(?mi)^ok \d+.*# SKIP", output))]
        if not sum(counts):
            counts = tap
        ok = run["result"] in ("OK", "EXPECTEDFAIL")
        if run["result"] == "SKIP":
            counts = [0, 0, max(1, counts[2])]
        elif not ok and not counts[1]:
            counts[1] = 1  # it crashed or ran out of time: what it had not counted failed
        elif not sum(counts):
            counts = [1, 0, 0]
        if not ok and run["result"] != "SKIP":
            print(f"failed: {run['name']} ({run['result']})\n{output.rstrip()}", file=sys.stderr)
        elif counts[2]:
            print(f"skipped: {counts[2]} in {run['name']}", file=sys.stderr)
        total = [a + b for a, b in zip(total, counts)]
    return total


def junit(path):
    total = [0, 0, 0]
    if not pathlib.Path(path).exists():
        return total
    for case in ET.parse(path).iter("testcase"):
        skipped = case.find("skipped")
        name = case.get("name")
        if case.find("failure") is not None or case.find("error") is not None:
            total[1] += 1
        elif skipped is not None:
            total[2] += 1
            print(f"skipped: {name}: {skipped.get('message')}", file=sys.stderr)
        else:
            total[0] += 1
    return total


def add_up(path):
    total = [0, 0, 0]
    for line in pathlib.Path(path).read_text().splitlines():
        total = [a + int(b) for a, b in zip(total, line.split()[1:4])]
    return total


if __name__ == "__main__":
    print(*{"meson": meson, "junit": junit, "sum": add_up}[sys.argv[1]](sys.argv[2]))
