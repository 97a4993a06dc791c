# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead build elf with programs that nobody should trust: refused in a word, or taken, but at once."""
import json
import pathlib
import subprocess
import sys

import pytest

import hostile_elf
import lab

SECONDS = 2
KILOBYTES = 64 * 1024


@pytest.mark.parametrize("name", hostile_elf.CASES)
def test_hostile_elf(name):
    words, write = hostile_elf.CASES[name]
    where = lab.work / lab.new_name("elf")
    (where / "bin").mkdir(parents=True)
    try:
        write(where / "bin/program")
        lab.promised(SECONDS, lambda: refused_or_taken(where, words))
    finally:
        lab.remove_tree(where)


def refused_or_taken(where, words):
    """How long that took."""
    out = subprocess.run([sys.executable, "-I", "-S", pathlib.Path(__file__).with_name("measured.py"), "/dev/null",
                          lab.STEAD, "build", "elf", where.name, "/bin/program", f"--root={where}", "--list"],
                         capture_output=True, timeout=lab.PATIENCE, env=lab.clean_environment())
    *said, measured = out.stderr.decode(errors="surrogateescape").splitlines()
    measured = json.loads(measured)
    assert all(line.isprintable() for line in said + out.stdout.decode(errors="surrogateescape").splitlines()), out
    if words or measured["status"] != 0:
        assert measured["status"] == 1, out
        assert said and said[0].startswith("stead: ") and (words or "") in said[0], said
        # one line, and one with what to type
        assert all(line.startswith("  ") for line in said[1:]) and len(said) <= 2, said
    assert measured["kilobytes"] < KILOBYTES, measured
    return measured["seconds"]
