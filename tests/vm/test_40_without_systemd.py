# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits where no systemd sets them: a launcher that cannot see one writes them to its own control groups, with
the meaning that systemd gives them. Both places that a launcher of another init may find itself in."""
import re

import pytest

import lab
from lab import CGROUPS, MIB

RESOURCES = """
[Resources]
MemoryMax=150M
MemoryHigh=160M
MemorySwapMax=0
CPUQuota=30%
CPUWeight=50
TasksMax=80
AllowedCPUs=1
IOReadBandwidthMax=/dev/vda 3M
IOWriteBandwidthMax=/dev/vda 2M
IOReadIOPSMax=/dev/vda 500
IOWriteIOPSMax=/dev/vda 400
IOWeight=200
"""
# as on a host with another init: no systemd, no bus
HIDE = "mount -t tmpfs tmpfs /run/systemd; mount -t tmpfs tmpfs /run/dbus; "
LAUNCH = "exec stead-launch --boot --console=read-only --machine=plain"


class Plain(lab.Machine):
    """The launcher is the one process of a delegated control group, or sits in the root of the hierarchy."""

    def begin_in(self, place):
        unit = "other-init.service"
        script = f"umount -R /run/user 2>/dev/null; {HIDE}"
        if place == "delegated":
            self.cgroup = f"{CGROUPS}/system.slice/{unit}"
        else:
            self.cgroup = f"{CGROUPS}/machine.slice/stead-{self.name}"
            script += f"echo 0 >{CGROUPS}/cgroup.procs; "
        self.vm.ok("systemd-run", "-q", f"--unit={unit}", "-pDelegate=yes", "-pKillMode=mixed", "-pSuccessExitStatus=1",
                   "unshare", "-m", "sh", "-c", script + LAUNCH)
        self.unit = unit
        lab.wait_for(lambda: self.state() == "running", what="the machine to be ready")
        self.launcher = self.vm.ok("stead", "show", self.name, "-p", "Launcher", "--value").strip()
        return self

    def there(self, *argv):
        """On the host as the launcher sees it."""
        return self.vm.run("nsenter", f"--mount=/proc/{self.launcher}/ns/mnt", "--", *argv)


@pytest.fixture(scope="module", params=["delegated", "root"])
def plain(vm, request):
    m = Plain(vm, "plain", RESOURCES)
    try:
        yield m.begin_in(request.param)
    finally:
        m.remove()
        lab.wait_for(lambda: vm.run("test", "-e", "/run/stead/machines/plain").status == 1, what="the machine to end")


def test_each_limit_is_written(plain):
    def first(name):
        return plain.limit(name).splitlines()[0]
    assert first("memory.max") == str(150 * MIB)
    assert first("memory.high") == str(160 * MIB)
    assert first("memory.swap.max") == "0"
    quota, period = map(int, first("cpu.max").split())
    assert quota / period == 0.3
    assert first("cpu.weight") == "50"
    assert first("pids.max") == "80"
    assert first("cpuset.cpus") == "1"
    assert re.fullmatch(r"\d+:0 rbps=3000000 wbps=2000000 riops=500 wiops=400", first("io.max"))
    assert first("io.weight") == "default 200"
    # out of the machine's reach
    assert plain.run("sh", "-c", "echo max >/sys/fs/cgroup/memory.max").status != 0


def test_nothing_was_said_of_a_limit(plain):
    """A limit that cannot be set is warned about; here all can."""
    said = plain.vm.run("journalctl", "-o", "cat", "-u", "other-init.service").out
    assert not re.search(r"(?m)(MemoryMax|CPUQuota|TasksMax|AllowedCPUs|IO\w+)=", said), said


def test_they_work(plain):
    with lab.busy(plain):
        lab.assert_held(0.3, lambda: lab.share_of_processor(plain, 5))
    leader = plain.leader()
    r = plain.run("dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1")
    assert r.status != 0 and "copied" not in r.err, r
    assert plain.stat("memory.events")["oom_kill"] == 1
    assert plain.leader() == leader and plain.sh("nproc") == "1"


def test_they_are_set_live(plain):
    r = plain.there("stead", "set", "plain", "MemoryMax=220M", "TasksMax=infinity", "CPUQuota=", "AllowedCPUs=")
    assert r.status == 0, r
    assert plain.limit("memory.max") == str(220 * MIB)
    assert plain.limit("pids.max") == "max"
    assert plain.limit("cpu.max").split()[0] == "max"
    assert plain.limit("cpuset.cpus.effective") == "0-1" and plain.sh("nproc") == "2"
    assert plain.run("dd", "if=/dev/zero", "of=/dev/null", "bs=180M", "count=1").status == 0
