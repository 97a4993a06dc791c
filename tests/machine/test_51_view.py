# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people see of machines and their load: top, list, status."""
import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

import lab
from test_50_verbs import Terminal, forget, new_machine, show, stead  # noqa: F401


@pytest.fixture(scope="module")
def pair():
    """Two running machines; shared by tests that only look."""
    names = [lab.new_name(word) for word in ("busy", "calm")]
    for name in names:
        stead("create", "-q", name, f"--from={lab.tree('bookworm')}")
    stead("start", *names)
    yield names
    for name in names:
        forget(name)


class Shell(Terminal):
    """A shell command on a terminal of its own, with `stead` in its PATH."""

    def __init__(self, script):
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = lab.clean_environment(TERM="xterm", PATH=f"{lab.STEAD.parent}:{lab.PATH}")
            os.execve("/bin/sh", ["sh", "-c", script], env)


def burn(name, seconds):
    """A process in the machine that takes a whole processor."""
    return subprocess.Popen([lab.STEAD, "exec", name, "--", "timeout", str(seconds), "sh", "-c", "while :; do :; done"],
                            stdin=subprocess.DEVNULL)


# --- top -----------------------------------------------------------------------------------------

def test_top_prints_tables_where_there_is_no_terminal(pair):
    lines = stead("top", "-n", "2", "-d", "200ms", *pair).stdout.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("NAME ")]
    assert len(heads) == 2 and heads[1] == 4 and lines[3] == ""
    assert lines[0].split() == ["NAME", "CPU%", "MEMORY", "READ/S", "WRITE/S", "TASKS", "PRESSURE"]
    assert sorted(line.split()[0] for line in lines[1:3]) == sorted(pair)
    assert "\033" not in "".join(lines)
    assert all(re.fullmatch(r"\S+ +[\d.]+ +\S+ +\S+ +\S+ +[1-9]\d*(/\d+)? +[\d-]+/[\d-]+/[\d-]+", line) for line in lines[1:3]), lines


def test_top_measures_the_processor(pair):
    busy, calm = pair
    samples, rows = [], {}

    def is_busy():
        samples[:] = [json.loads(line) for line in stead("top", "--json", "-n", "2", "-d", "1s", *pair).stdout.splitlines()]
        rows.update((row["name"], row) for row in samples[1]["machines"])
        # one loop never takes more than one processor, and less for as long as others use them, too
        return 20 < rows[busy]["cpu_percent"] < 115 and rows[calm]["cpu_percent"] < rows[busy]["cpu_percent"] / 2
    process = burn(busy, 200)
    try:
        lab.wait_for(lambda: "timeout" in lab.processes(busy).values(), what="the busy loop")
        lab.wait_for(is_busy, what=rows)
    finally:
        process.terminate()
        process.wait()
    assert len(samples) == 2
    assert samples[1]["machines"][0]["name"] == busy, "the largest first"
    assert rows[busy]["tasks"] > 2 and rows[busy]["memory"] > 1 << 20
    assert set(rows[busy]["pressure"]) == {"cpu", "memory", "io"}
    assert samples[1]["time_usec"] - samples[0]["time_usec"] > 900000


def test_top_sorts_by_name(pair):
    rows = json.loads(stead("top", "--once", "--json", "-d", "100ms", "--sort=name").stdout)["machines"]
    names = [row["name"] for row in rows]
    assert names == sorted(names) and set(pair) <= set(names)


def test_top_on_a_terminal(pair):
    t = Shell(f"a=$(stty -g); stead top -d 100ms {pair[0]}; echo left=$?; [ \"$a\" = \"$(stty -g)\" ] && echo same")
    t.resize(10, 60)
    t.expect(r"\x1b\[\?1049h")
    t.expect(rf"{pair[0]} +[\d.]+ ")
    t.type("m")
    t.expect(r"\x1b\[H")
    t.resize(10, 30)
    t.expect(r"\x1b\[7mNAME +CPU% +\w*\x1b")
    # no line is longer than the terminal
    frame = re.sub(rb"\x1b\[[?\d]*[a-zA-Z]", b"", t.expect(r"(?s)\x1b\[H(.*?)\x1b\[J").group(1))
    assert max(map(len, frame.decode().splitlines())) <= 30, frame
    t.type("q")
    t.expect(r"\x1b\[\?25h\x1b\[\?1049l")
    t.expect("left=0\r\nsame")
    assert t.wait() == 0


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 0), (signal.SIGHUP, 129)])
def test_top_restores_the_terminal_after_a_signal(pair, number, status):
    script = f"trap '' HUP; a=$(stty -g); (trap - HUP; echo pid=$(sh -c 'echo $PPID'); exec stead top {' '.join(pair)}); echo left=$?; [ \"$a\" = \"$(stty -g)\" ] && echo same"
    t = Shell(script)
    pid = int(t.expect(r"pid=(\d+)").group(1))
    t.expect("PRESSURE")
    os.kill(pid, number)
    t.expect(r"\x1b\[\?25h\x1b\[\?1049l")
    t.expect(f"left={status}\r\nsame")
    t.wait()


@pytest.mark.parametrize("words, text", [
    (["-d", "0"], "'0' is no delay"), (["-n", "0"], "'0' is no number of samples"), (["-s", "size"], "Nothing is sorted by 'size'"),
    (["nosuch-machine"], "no machine 'nosuch-machine'")])
def test_top_says_what_is_wrong(words, text):
    p = stead("top", *words, status=None)
    assert p.returncode == (1 if "nosuch" in text else 2) and text in p.stderr and "Try: " in p.stderr


# --- list, status --------------------------------------------------------------------------------

def status_lines(name):
    """What stands behind each head."""
    return dict(re.findall(r"(?m)^ *(\w+): (.*)$", stead("status", "-n", "0", name).stdout))


def test_list_fits_a_terminal(pair):
    lines = stead("list", *pair).stdout.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "OS", "ADDRESSES", "MEMORY", "CPU%", "SINCE"]
    assert len(lines[0]) <= 80 and max(map(len, lines)) <= 80
    wide = stead("list", "-w", *pair).stdout.splitlines()
    assert wide[0].split() == ["NAME", "STATE", "INIT", "OS", "ADDRESSES", "PORTS", "UNIT", "LEADER", "TASKS", "MEMORY", "CPU%", "SINCE"]
    assert f" {show(pair[0], 'Leader')} " in next(line for line in wide if line.startswith(pair[0]))


def test_list_and_status_measure_now(pair):
    busy, calm = pair
    rows, now = {}, []

    def is_listed():
        rows.update((row["name"], row) for row in json.loads(stead("list", "--json", *pair).stdout))
        return rows[busy]["cpu_percent"] > 20 > rows[calm]["cpu_percent"]

    def is_shown():
        now.append(float(re.match(r"([\d.]+)% now, [\d.]+ s in all$", status_lines(busy)["CPU"])[1]))
        return now[-1] > 20
    process = burn(busy, 200)
    try:
        lab.wait_for(lambda: "timeout" in lab.processes(busy).values(), what="the busy loop")
        lab.wait_for(is_listed, what=rows)
        lab.wait_for(is_shown, what=now)
    finally:
        process.terminate()
        process.wait()
    assert rows[busy]["tasks"] > 2 and rows[busy]["os_id"] == "debian" and rows[busy]["os_version"] == "12"


def test_status_asks_the_systemd_inside(new_machine):
    name = new_machine()
    stead("start", name)
    # the tree's own services may take a moment longer than the start
    lab.wait_for(lambda: status_lines(name)["Health"] == "running", what="a healthy machine")
    stead("exec", name, "--", "systemd-run", "--unit=sick", "false")
    lab.wait_for(lambda: status_lines(name)["Health"] == "degraded; failed: sick.service", what="the failed unit")
    row = json.loads(stead("status", "--json", name).stdout)[0]
    assert show(name, "SystemState") == "degraded" and show(name, "FailedUnits") == "sick.service"
    assert float(show(name, "CPUPercent")) >= 0 and "SystemState" not in stead("show", name).stdout
    assert row["SystemState"] == "degraded" and row["FailedUnits"] == ["sick.service"] and row["TasksCurrent"] > 2


def test_status_of_a_machine_that_stands_still(pair):
    """Frozen, or with an init that answers nobody: status is not kept waiting."""
    name = pair[1]
    group = show(name, "ControlGroup")
    with open(f"{group}/cgroup.freeze", "w", encoding="ascii") as f:
        f.write("1")
    try:
        lab.wait_for(lambda: "frozen 1" in open(f"{group}/cgroup.events", encoding="ascii").read(), what="the freezer")
        assert status_lines(name)["Health"] == "frozen"
    finally:
        with open(f"{group}/cgroup.freeze", "w", encoding="ascii") as f:
            f.write("0")
    os.kill(int(show(name, "Leader")), signal.SIGSTOP)

    def seconds():
        began = time.monotonic()
        assert status_lines(name)["Health"] == "no answer from the systemd inside"
        return time.monotonic() - began
    try:
        lab.promised(15, seconds)
    finally:
        os.kill(int(show(name, "Leader")), signal.SIGCONT)


def test_status_of_other_inits(new_machine):
    name = new_machine("runit")
    stead("start", name)
    lines = status_lines(name)
    assert "Health" not in lines and lines["Init"] == "runit" and "Tasks" in lines and "Memory" in lines
