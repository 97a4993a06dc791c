# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every init: boots to its usual end state, stops within ten seconds, reboots."""
import os
import pathlib
import re
import signal
import time

import pytest

import lab

# what is true inside when the init is through; `None` for trees without a shell
BOOTED = {
    "bullseye": "systemctl is-active multi-user.target | grep -qx active",
    "bookworm": "systemctl is-active multi-user.target | grep -qx active",
    "trixie": "systemctl is-active multi-user.target | grep -qx active",
    "sysvinit": "runlevel | grep -q ' [2-5]$'",
    "openrc": "rc-status -r | grep -qx default",
    "runit": "pgrep -x runsvdir >/dev/null",
    "busybox": "test -e /run/booted",
    "static": None,
}
KIND = {"bullseye": "systemd", "bookworm": "systemd", "trixie": "systemd", "static": "other"}


def is_booted(m, tree):
    if BOOTED[tree] is None:
        return "static-init: up" in m.output()
    return m.exec("/bin/sh", "-c", BOOTED[tree]).returncode == 0


def boot(tree_path, tree, **more):
    """Ready is what the init says (systemd), or what the launcher finds out for the others."""
    m = lab.Machine(tree_path, **more)
    m.start()
    lab.wait_for(lambda: is_booted(m, tree), what=f"the end of the boot of {tree}; console:\n{m.output()[-1500:]}")
    return m


@pytest.mark.parametrize("tree", list(BOOTED))
@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_155_boots_and_stops(own_tree, tree, userns):
    path = own_tree(tree)

    def seconds():
        m = boot(path, tree, userns=userns)
        try:
            assert m.state()["INIT"] == KIND.get(tree, tree)
            started = time.monotonic()
            assert m.stop() == 0, m.output()[-2000:]
            took = time.monotonic() - started
        finally:
            m.kill()
        assert not re.search(r"(?i)stead-launch: .*(SIGKILL|killed|did not stop)", m.output()), m.output()[-2000:]
        m.assert_clean()
        return took
    lab.promised(10, seconds)


@pytest.mark.parametrize("tree", [t for t in BOOTED if t not in lab.DEBIANS])
def test_CI_155_163_reboots(own_tree, tree):
    """Asked from inside where there is a shell, by signal where there is none."""
    m = boot(own_tree(tree), tree)
    try:
        first = m.leader
        if BOOTED[tree] is None:
            os.kill(first, signal.SIGHUP)
        else:
            m.exec("/bin/sh", "-c", {"openrc": "openrc-shutdown -r now"}.get(tree, "reboot"), timeout=lab.PATIENCE)
        lab.wait_for(lambda: m.leader_or_none() not in (None, first), what=f"a new PID 1; console:\n{m.output()[-1500:]}")
        if BOOTED[tree] is not None:
            lab.wait_for(lambda: is_booted(m, tree), what="the second boot")
        assert m.stop() == 0
    finally:
        m.kill()
    m.assert_clean()


@pytest.mark.parametrize("tree", [t for t in BOOTED if t not in lab.DEBIANS and t != "static"])
def test_CI_160_power_off_from_inside(own_tree, tree):
    m = boot(own_tree(tree), tree)
    try:
        m.exec("/bin/sh", "-c", {"openrc": "openrc-shutdown -p now"}.get(tree, "poweroff"), timeout=lab.PATIENCE)
        assert m.wait() == 0, m.output()[-2000:]
    finally:
        m.kill()
    m.assert_clean()


@pytest.mark.parametrize("tree", ["sysvinit", "runit", "busybox"])
def test_CI_157_early_stop_of_other_inits(own_tree, tree):
    """A stop right after the start is not lost, whatever the init could hear at that time."""
    m = lab.Machine(own_tree(tree))
    m.spawn()
    lab.wait_for(lambda: m.leader_or_none() or m.process.poll() is not None, what="PID 1")
    m.process.terminate()
    m.wait()
    m.assert_clean()


@pytest.mark.parametrize("tree", lab.DEBIANS)
def test_no_unit_fails(own_tree, tree):
    """A fresh Debian is `running`, not `degraded`: nothing that the launcher owes it is missing."""
    with lab.Machine(own_tree(tree)) as m:
        lab.wait_for(lambda: m.sh("systemctl is-system-running") in ("running", "degraded"), what="the end of all jobs")
        assert m.sh("systemctl --failed --no-legend --plain") == ""


@pytest.mark.parametrize("tree", list(BOOTED))
def test_boots_volatile(own_tree, tree):
    """The tree below an overlay is not written to by any init."""
    path = own_tree(tree)
    before = lab.checksum(path)
    m = lab.Machine(path, "--volatile=overlay")
    m.start()
    m.stop()
    assert lab.checksum(path) == before
    m.assert_clean()


def held(m):
    """Descriptors of its launcher."""
    return len(os.listdir(f"/proc/{m.process.pid}/fd"))


def test_ten_reboots_in_a_row(own_tree):
    tree = own_tree("static")
    descriptors = []
    m = lab.Machine(tree, notify=False)
    m.spawn()
    m.wait_ready()
    for _ in range(10):
        leader = m.leader
        lab.wait_for(lambda: m.output().count("static-init: up") > len(descriptors), what="the init")
        descriptors.append(held(m))
        os.kill(leader, signal.SIGHUP)
        lab.wait_for(lambda: m.leader_or_none() not in (None, leader), what="a new PID 1")
    lab.wait_for(lambda: m.output().count("static-init: up") > 10, what="the init")
    # the init may be up before the launcher has put away what it started it with
    lab.wait_for(lambda: held(m) <= min(descriptors), what=f"no leak of descriptors: {descriptors}")
    assert m.stop() == 0
    m.assert_clean()


def test_stop_method_can_be_set(own_tree):
    """The definition of the stop signal wins over what the tree looks like."""
    m = lab.Machine(own_tree("static"), "--kill-signal=SIGINT", notify=False)
    m.spawn()
    m.wait_ready()
    lab.wait_for(lambda: "static-init: up" in m.output(), what="the init")
    assert m.stop() == 0
    assert "static-init: down" in pathlib.Path(m.log_path).read_text()
