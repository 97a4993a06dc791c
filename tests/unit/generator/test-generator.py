#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs stead-generator on each folder here as if it were a host's root, and compares what it says and all
that it makes with FOLDER.expected. STEAD_TEST_WRITE=1 writes those anew."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

generator, unit_dir = sys.argv[1:]
HERE = pathlib.Path(__file__).resolve().parent


def made(folder):
    """Every file and link below, with its text or its target."""
    out = []
    for path in sorted(p for p in folder.rglob("*") if p.is_symlink() or p.is_file()):
        name = path.relative_to(folder)
        if path.is_symlink():
            out.append(f"{name} -> {os.readlink(path).replace(unit_dir, '@units@')}\n")
        else:
            out.append(f"==> {name}\n{path.read_text()}")
    return "".join(out)


def run(host):
    with tempfile.TemporaryDirectory() as work:
        for name in ("normal", "early", "late"):
            os.mkdir(f"{work}/{name}")
        r = subprocess.run([generator, f"--root={host}", *(f"{work}/{n}" for n in ("normal", "early", "late"))],
                           capture_output=True, text=True, env={})
        assert not os.listdir(f"{work}/early") and not os.listdir(f"{work}/late")
        said = re.sub(r"(?m)^stead-generator\[\d+\]: ", "", r.stderr)
        text = f"exit {r.returncode}\n{said}{made(pathlib.Path(work, 'normal'))}".replace(str(host), "")
        # where a long description is cut depends on the path of the checkout
        return re.sub(r"(?m)^(Description=.{100}).*\.\.\.$", r"\1...", text)


def check_folders():
    hosts = sorted(p for p in HERE.iterdir() if p.is_dir())
    assert len(hosts) >= 4
    for host in hosts:
        expected = HERE / f"{host.name}.expected"
        text = run(host)
        if os.environ.get("STEAD_TEST_WRITE"):
            expected.write_text(text)
        assert text == expected.read_text(), f"{host.name}: not as in {expected}:\n{text}"
        assert run(host) == text, f"{host.name}: not the same the second time"


def check_usage():
    for words in ([], ["a", "b"], ["a", "b", "c", "d"], ["--root=/"], ["/nonexistent", "b", "c"]):
        r = subprocess.run([generator, *words], capture_output=True, text=True)
        assert r.returncode == 1 and r.stderr, words


check_folders()
check_usage()
