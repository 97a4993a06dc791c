# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 7: control groups. The host here has no systemd, so the items about its units are for
machines that run on one; what the machine sees is the same everywhere."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import lab
import table
from table import row

CHECKS = [
    row("CI-099", "PID 1 is at the root of its own hierarchy", "grep ^0: /proc/1/cgroup", r"^0::/init\.scope$"),
    row("CI-100", "unified hierarchy", "stat -fc %T /sys/fs/cgroup; findmnt -no OPTIONS /sys/fs/cgroup",
        r"^cgroup2fs\nrw,nosuid,nodev,noexec"),
    row("CI-100", "systemd shows its tree", "systemctl status --no-pager | head -40", r"init\.scope"),
    row("CI-098", "children may be made", "mkdir /sys/fs/cgroup/t && rmdir /sys/fs/cgroup/t && echo ok", r"^ok$"),
    row("CI-098", "delegated files belong to the machine",
        "cd /sys/fs/cgroup; stat -c %u . cgroup.procs cgroup.threads cgroup.subtree_control | sort -u", r"\A0$"),
    row("CI-098", "the host's files do not",
        "cd /sys/fs/cgroup; for f in memory.max pids.max cpu.max cgroup.max.depth cgroup.freeze; do [ ! -e $f ] || stat -c '%u %n' $f; done; echo end",
        r"end$", unless=r"^0 ", userns=True),
    row("CI-105", "nothing is threaded", "cat /sys/fs/cgroup/cgroup.type", r"^domain$"),
    row("CI-097", "no failed unit for want of a cgroup", "journalctl -b -q -p err --no-pager | grep -i cgroup; echo end", r"\Aend$"),
    row("CI-119", "services with their own namespaces start", "systemd-run -q --wait -pPrivateTmp=yes true; echo $?", r"^0$"),
]
table.in_machine(globals(), CHECKS)


@table.on_machines()
def test_CI_091_one_cgroup_for_the_machine(machine):
    """Everything of the machine is below one cgroup that carries its name, and the launcher is not in it."""
    inside = machine.cgroup()
    assert machine.name in str(inside) or "payload" in str(inside), inside
    assert str(inside).endswith(machine.state()["CGROUP"].rstrip("/").split("/unified")[-1]), machine.state()["CGROUP"]
    launcher = pathlib.Path(f"/proc/{machine.process.pid}/cgroup").read_text()
    payload = str(inside)[len(str(lab.cgroup_mount())):]
    assert f"0::{payload}" not in launcher


@table.on_machines()
def test_CI_092_inner_nodes_hold_no_process(machine):
    path = machine.cgroup()
    assert (path / "cgroup.procs").read_text() == ""
    assert (path.parent / "cgroup.procs").read_text() == "" or path.parent == lab.cgroup_mount()


@table.on_machines()
def test_CI_096_controllers_are_handed_down(machine):
    available = set((machine.cgroup().parent / "cgroup.controllers").read_text().split())
    assert set(machine.sh("cat /sys/fs/cgroup/cgroup.controllers").split()) == available


@table.on_machines(userns=True)
def test_CI_098_exactly_the_delegated_files_are_given(machine):
    listed = pathlib.Path("/sys/kernel/cgroup/delegate")
    names = set(listed.read_text().split()) if listed.exists() else {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}
    given = {p.name for p in machine.cgroup().iterdir() if p.is_file() and p.stat().st_uid == machine.base}
    present = {p.name for p in machine.cgroup().iterdir() if p.is_file()}
    assert given == names & present
    assert machine.cgroup().stat().st_uid == machine.base


@table.on_trees()
def test_CI_099_membership_comes_before_the_namespace(plain):
    out = plain("/bin/cat", "/proc/self/cgroup")
    assert re.search(r"^0::/$", out.stdout, re.M), out


@table.on_trees(trees=["bookworm"])
def test_CI_102_a_new_process_never_was_elsewhere(plain):
    """Every hierarchy that the machine can see shows it at its own root."""
    out = plain("/bin/sh", "-c", "grep -v '^[1-9]' /proc/self/cgroup; cat /proc/self/cgroup | wc -l")
    assert out.stdout.startswith("0::/\n"), out


def test_CI_097_leftovers_are_removed_first(own_tree):
    """A stale child of another user in the machine's cgroup, as a crash leaves it, is no obstacle."""
    tree = own_tree()
    m = lab.Machine(tree, name=lab.new_name("stale"))
    m.start()
    path = m.cgroup()
    m.stop()
    (path / "init.scope").mkdir(parents=True)
    os.chown(path / "init.scope", 12345, 12345)
    try:
        with lab.Machine(tree, name=m.name) as again:
            assert again.sh("grep ^0: /proc/1/cgroup") == "0::/init.scope"
        again.assert_clean()
    finally:
        for p in (path / "init.scope", path):
            if p.is_dir() and p != lab.cgroup_mount():
                p.rmdir()


@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_100_on_a_host_with_pure_cgroup2(own_tree, userns):
    with lab.Machine(own_tree(), userns=userns, prefix=lab.PURE_CGROUP2) as m:
        for check in CHECKS:
            if check.userns in (None, userns):
                table.judge(check, m.sh(check.command))
    m.assert_clean()


def test_CI_101_without_a_cgroup_namespace(own_tree):
    """The machine still sees its own directory only as writable."""
    out = lab.run(own_tree(), "/bin/sh", "-c",
                  "mkdir /sys/fs/cgroup/t 2>&1; c=$(sed -n 's/^0:://p' /proc/self/cgroup); mkdir /sys/fs/cgroup$c/t && rmdir /sys/fs/cgroup$c/t && echo own",
                  userns=True, env={"SYSTEMD_NSPAWN_USE_CGNS": "0"})
    refused = out.returncode != 0 and "CGNS" in out.stderr and "Try:" in out.stderr
    assert refused or ("own" in out.stdout and re.search("Read-only|denied", out.stdout)), out


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_CI_106_cgroup_is_removed(own_tree, how):
    with lab.Machine(own_tree()) as m:
        path = m.cgroup()
        m.sh("mkdir -p /sys/fs/cgroup/a/b/c")
        if how == "kill":
            os.kill(m.leader, signal.SIGKILL)
            m.wait()
    assert not path.exists()
    m.assert_clean()


def test_CI_107_suspending_does_no_harm(own_tree):
    with lab.Machine(own_tree()) as m:
        m.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        m.process.send_signal(signal.SIGCONT)
        assert m.exec("/bin/true").returncode == 0


def test_CI_104_trees_without_cgroup2_are_refused(own_tree):
    """systemd before 230 does not know the unified hierarchy; it is recognised by its file's version."""
    tree = own_tree()
    for path in tree.glob("usr/lib/**/libsystemd-shared-*.so"):
        path.rename(path.with_name("libsystemd-shared-229.so"))
    m = lab.Machine(tree)
    m.spawn()
    assert m.wait() != 0
    assert re.search(r"(?i)cgroup|too old|229", m.output()) and "Try:" in m.output(), m.output()


def test_CI_103_hybrid_host_is_served():
    """DESIGN overrides the refusal: on a hybrid host the machine gets a cgroup of the v2 hierarchy."""
    kinds = subprocess.run(["findmnt", "-rno", "FSTYPE"], capture_output=True, text=True).stdout.split()
    assert "cgroup2" in kinds


def test_CI_091_093_never_beside_its_own_cgroup(own_tree):
    """Started in a cgroup of its own, as by a manager that delegated it, the machine is below that one."""
    top = lab.cgroup_mount() / lab.new_name("delegated")
    top.mkdir()
    prefix = ("sh", "-ec", f'echo $$ >{top}/cgroup.procs; exec "$@"', "sh")
    try:
        with lab.Machine(own_tree(), prefix=prefix) as m:
            assert str(m.cgroup()).startswith(f"{top}/"), m.cgroup()
            assert (top / "cgroup.procs").read_text() == "", "the delegated cgroup itself must be empty (CI-092)"
        m.assert_clean()
    finally:
        for path, _, _ in os.walk(top, topdown=False):
            os.rmdir(path)
