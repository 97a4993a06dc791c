# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 of the launcher at any moment: nothing of the machine lives on, and the next start of the
same name finds a clean ground."""
import contextlib
import os
import random
import re
import subprocess
import time

import pytest

import lab

# fractions of the time from the launcher's start to READY, and beyond it
random.seed(os.environ.get("STEAD_TEST_SEED", "stead"))
MOMENTS = [0.0, 0.002, 0.005, 0.01] + sorted(random.uniform(0.0, 1.3) for _ in range(6))


def assert_no_process(m):
    lab.wait_for(lambda: not lab.processes(m.name), what="the end of all processes")


def start_again(m):
    """The next start of the same name, whatever it starts, takes away what the crash left."""
    tree = lab.copy_tree("busybox")
    try:
        assert lab.run(tree, "/bin/true", options=["-M", m.name]).returncode == 0
    finally:
        lab.remove_tree(tree)
    m.assert_clean()


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda x: f"{x:.3f}")
def test_CI_014_209_launcher_killed(own_tree, moment):
    m = lab.Machine(own_tree("bookworm"), name=lab.new_name("crash"))
    m.spawn()
    time.sleep(moment)
    m.process.kill()
    m.wait()
    assert_no_process(m)
    again = lab.Machine(m.where, name=m.name)
    with again:
        assert again.sh("cat /proc/1/comm") == "systemd"
        assert len([p for p in lab.cgroups(m.name) if p.endswith("payload")]) <= 1
    again.assert_clean()


@pytest.mark.parametrize("tree", ["busybox", "static"])
def test_CI_014_launcher_of_another_init_killed(own_tree, tree):
    m = lab.Machine(own_tree(tree), notify=False)
    m.spawn()
    m.wait_ready()
    leader = m.leader
    m.process.kill()
    m.wait()
    assert_no_process(m)
    with contextlib.suppress(OSError), open(f"/proc/{leader}/stat") as stat:
        assert "Z" in stat.read().split()[2]
    start_again(m)


def test_CI_014_descendants_die_too(own_tree):
    """Also those that made themselves sessions, namespaces and cgroups of their own."""
    m = lab.Machine(own_tree())
    m.start()
    long = f"1234.{os.getpid()}"
    m.sh(f"mkdir -p /sys/fs/cgroup/deep/er; setsid unshare -m sleep {long} >/dev/null 2>&1 </dev/null & "
         f"until p=$(pgrep -fx 'sleep {long}'); do sleep 0.1; done; echo $p >/sys/fs/cgroup/deep/er/cgroup.procs")
    m.process.kill()
    m.wait()
    assert_no_process(m)
    assert not subprocess.run(["pgrep", "-fx", f"sleep {long}"], capture_output=True).stdout
    start_again(m)


def test_CI_209_start_of_the_same_name_cleans_up(own_tree):
    tree = own_tree("busybox")
    m = lab.Machine(tree, boot=False, argv=["/bin/sh", "-c", "mkdir -p /sys/fs/cgroup/left/over; echo up; sleep 1000"])
    m.spawn()
    lab.wait_for(lambda: "up" in m.output(), what="the command")
    m.process.kill()
    m.wait()
    assert_no_process(m)
    out = lab.run(tree, "/bin/sh", "-c", "ls -d /sys/fs/cgroup/*/ 2>/dev/null; echo end", options=["-M", m.name], userns=True)
    assert out.stdout == "end\n", out
    m.assert_clean()


@pytest.mark.parametrize("sig", ["SEGV", "ABRT"])
def test_a_crash_is_told(own_tree, sig):
    """The init dies of a signal: the launcher says which one, and its own status is a failure."""
    out = lab.run(own_tree("busybox"), "/bin/sh", "-c", f"kill -{sig} $$; sleep 1", options=["-a"], userns=True)
    assert out.returncode != 0
    if out.stderr:
        assert re.search(rf"(?i){sig}|signal|status", out.stderr), out
