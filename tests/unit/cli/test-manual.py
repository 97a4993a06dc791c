#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares stead(1) and the completion with what `stead VERB --help` prints from the table of verbs."""
import re
import subprocess
import sys

stead, page, completion = sys.argv[1:]


def run(*words):
    return subprocess.run([stead, *words], check=True, capture_output=True, text=True).stdout


def manual():
    """verb -> set of long options, from the page's indentation."""
    found, verb = {}, None
    for line in open(page):
        head = re.match(r"\*(?!stead)([a-z]+(?: [a-z]+)?)\* [\[_]", line)
        option = re.match(r"\t\*(?:-\w\*, \*)?--([a-z-]+)\*", line)
        if head:
            verb = head[1]
            found[verb] = set()
        elif line.startswith("# "):
            verb = None
        elif option and verb:
            found[verb].add(option[1])
    return found


def helped():
    """The same of the help; verbs that are several stand in it as 'VERB ...'."""
    verbs = []
    for verb, operands in re.findall(r"(?m)^  ([a-z]+) (\S*)", run("--help")):
        if operands == "VERB":
            verbs += [(verb, word) for word in re.findall(r"(?m)^  ([a-z]+) ", run(verb, "--help"))]
        else:
            verbs.append((verb,))
    return {" ".join(v): set(re.findall(r"(?m)^  (?:-\w,|   ) --([a-z-]+)", run(*v, "--help"))) - {"help"} for v in verbs}


def completed():
    text = open(completion).read()
    return {v: set(re.findall(r"--([a-z-]+)", flags)) - {"help"}
            for v, flags in re.findall(r"(?m)^        \"?([a-z ]+)\"?\)\n +flags='([^']*)'", text)}


failed = 0
table = helped()
for what, other in (("stead(1)", manual()), ("the completion", completed())):
    for verb in sorted(table.keys() | other.keys()):
        if table.get(verb) != other.get(verb):
            print(f"{verb}: --help has {table.get(verb)}, {what} has {other.get(verb)}")
            failed += 1
print(f"{len(table)} verbs compared, {failed} differences")
sys.exit(1 if failed or not table else 0)
