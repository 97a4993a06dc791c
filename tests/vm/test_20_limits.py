# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits of a definition: on the unit's control group, at work inside, and nowhere else."""
import json
import re
import time

import pytest

import lab
from lab import MIB


@pytest.fixture(scope="module")
def bystander(vm):
    """A machine that nothing may happen to."""
    m = lab.Machine(vm, "bystander")
    try:
        leader = m.start().leader()
        yield m
        assert m.leader() == leader and m.show("NRestarts") == "0"
    finally:
        m.remove()


@pytest.fixture(scope="module")
def limited(vm):
    vm.ok("sh", "-c", "mkdir -p /srv/limited && head -c 64M /dev/urandom >/srv/limited/data && "
          "chmod 755 /srv/limited && chmod 644 /srv/limited/data && sync")
    m = lab.Machine(vm, "limited", """
[Files]
BindReadOnly=/srv/limited
[Resources]
MemoryMax=192M
MemorySwapMax=0
CPUQuota=40%
TasksMax=60
IOReadBandwidthMax=/dev/vda 4M
IOWeight=50
""")
    try:
        yield m.start()
    finally:
        m.remove()
        vm.run("rm", "-r", "/srv/limited")


def responsive(vm, *machines):
    """Host and machines answer, each within the patience that one has with a prompt."""
    began = time.monotonic()
    vm.ok("systemctl", "is-active", "dbus.service")
    for m in machines:
        assert m.sh("echo here") == "here"
    return time.monotonic() - began


def test_limits_are_on_the_unit(limited):
    assert limited.show("MemoryMax", "MemorySwapMax", "TasksMax", "CPUQuotaPerSecUSec", "IOReadBandwidthMax", "IOWeight") == {
        "MemoryMax": str(192 * MIB), "MemorySwapMax": "0", "TasksMax": "60", "CPUQuotaPerSecUSec": "400ms",
        "IOReadBandwidthMax": "/dev/vda 4000000", "IOWeight": "50"}
    assert limited.limit("memory.max") == str(192 * MIB)
    assert limited.limit("memory.swap.max") == "0"
    assert limited.limit("pids.max") == "60"
    quota, period = map(int, limited.limit("cpu.max").split())
    assert quota / period == 0.4
    assert "rbps=4000000 " in limited.limit("io.max")
    assert limited.limit("io.weight").splitlines()[0] == "default 50"


def test_processor_quota(limited):
    with lab.busy(limited):
        lab.assert_held(0.4, lambda: lab.share_of_processor(limited, 6))


def test_read_bandwidth(limited):
    """64 MiB at 4 MB/s would take 17 s; as much as goes through in some is measured."""
    def read_bytes():
        lines = limited.limit("io.stat").splitlines()
        return sum(int(word[7:]) for line in lines for word in line.split() if word.startswith("rbytes="))
    began = read_bytes()
    out = limited.sh("exec 2>&1; dd if=/srv/limited/data of=/dev/null bs=64k count=400 iflag=direct")
    seconds = float(out.rsplit(",", 2)[1].split()[0])
    rate = 400 * 65536 / seconds
    assert read_bytes() - began >= 400 * 65536, "nothing was read from the disk"
    assert 3.2e6 <= rate <= 4.4e6, out
    # the host reads as fast as the disk is
    out = limited.vm.sh("dd if=/srv/limited/data of=/dev/null bs=64k count=400 iflag=direct 2>&1")
    assert float(out.rsplit(",", 2)[1].split()[0]) < seconds / 2, out


def take_memory(machine, mib):
    """One process that wants so much at once."""
    return machine.run("dd", "if=/dev/zero", "of=/dev/null", f"bs={mib}M", "count=1")


def test_memory_kills_inside_only(limited, bystander):
    leader = limited.leader()
    assert take_memory(limited, 60).status == 0
    assert limited.stat("memory.events")["oom_kill"] == 0
    r = take_memory(limited, 400)
    assert r.status != 0 and "copied" not in r.err, r
    assert limited.stat("memory.events")["oom_kill"] == 1
    assert limited.leader() == leader and limited.state() == "running"
    assert bystander.sh("echo well") == "well"
    assert bystander.stat("memory.events")["oom_kill"] == 0


def test_memory_kill_is_reported(limited):
    """By status, and in the journal of the unit; after the kill above."""
    if limited.stat("memory.events")["oom_kill"] == 0:
        take_memory(limited, 400)
    status = limited.vm.ok("stead", "status", "limited")
    assert re.search(r"Memory: \S+ of 192.0M; 1 process was killed for want of memory\n +Try: stead set limited MemoryMax=", status), \
        status
    lab.wait_for(lambda: re.search(r"(?m)^Machine 'limited' ran out of its memory limit of 192M: the kernel killed 1 process "
                                   "inside", limited.journal()), what="the journal to tell of the kill")


def test_fork_bomb(limited, bystander):
    quiet = responsive(limited.vm, bystander)
    bomb = limited.begin("f() { f | f & }; for i in 1 2 3 4 5 6 7 8; do f; done; sleep 30")
    try:
        lab.wait_for(lambda: int(limited.limit("pids.current")) >= 58, what="the bomb to hit its limit")
        # it has 40 % of one processor and no more processes than 60
        assert any(responsive(limited.vm, bystander) < quiet * 5 + 2 for _ in range(3)), f"{quiet:.1f} s without the bomb"
        with lab.busy(bystander, 1):
            assert any(lab.share_of_processor(bystander, 4) > 0.7 for _ in range(3)), "the other machine got too little"
        assert int(limited.limit("pids.current")) <= 60
    finally:
        limited.vm.sh(f"echo 1 >{limited.cgroup}/payload/cgroup.kill")
        bomb.wait()
    lab.wait_for(lambda: limited.show("ActiveState") == "failed", what="the bombed machine to end")
    limited.vm.ok("systemctl", "start", limited.unit)
    assert limited.state() == "running"


def test_limits_of_a_slice(vm, machine):
    """Two machines in one slice share its limit."""
    vm.write_file("/etc/systemd/system/machine-pair.slice", "[Slice]\nCPUQuota=50%\nMemoryMax=170M\n")
    try:
        text = "[Resources]\nSlice=machine-pair.slice\n"
        pair = [machine(name, text) for name in ("left", "right")]
        for m in pair:
            m.cgroup = f"{lab.CGROUPS}/machine.slice/machine-pair.slice/{m.unit}"
            m.start()
            assert m.show("Slice") == "machine-pair.slice"
        with lab.busy(pair[0], 1), lab.busy(pair[1], 1):
            both = lab.Together(vm, f"{lab.CGROUPS}/machine.slice/machine-pair.slice")
            lab.assert_held(0.5, lambda: lab.share_of_processor(both, 6))
            each = [m.stat("cpu.stat")["usage_usec"] for m in pair]
        assert min(each) > 0
        # what the first holds, the second cannot have, and neither has a limit of its own
        assert [m.limit("memory.max") for m in pair] == ["max", "max"]
        pair[0].sh("head -c 90M /dev/zero >/tmp/held")
        r = take_memory(pair[1], 100)
        assert r.status != 0 and "copied" not in r.err, r
        pair[0].sh("rm /tmp/held")
        assert take_memory(pair[1], 100).status == 0
        assert lab.keyed(vm.read_file(f"{both.cgroup}/memory.events"))["oom_kill"] >= 1
        lab.wait_for(lambda: "or a slice that machine 'right' is in, ran out of memory" in pair[1].journal(),
                     what="the journal to tell of the kill")
    finally:
        for name in ("left", "right"):
            vm.run("systemctl", "stop", f"stead@{name}.service")
        vm.run("sh", "-c", "rm /etc/systemd/system/machine-pair.slice; systemctl stop machine-pair.slice")


def test_top_shows_use(limited, bystander):
    """Table and JSON, with a machine that works and one that does not."""
    with lab.busy(limited):
        time.sleep(1)
        table = limited.vm.ok("stead", "top", "--once").splitlines()
        sample = json.loads(limited.vm.ok("stead", "top", "--json", "--iterations=1", "--delay=2s"))
    assert table[0].split()[0] == "NAME" or "NAME" in " ".join(table[:4]), table
    rows = {line.split()[0]: line for line in table if line.split()[:1] in (["limited"], ["bystander"])}
    assert set(rows) == {"limited", "bystander"}, table
    machines = {m["name"]: m for m in sample["machines"]}
    busy, idle = machines["limited"], machines["bystander"]
    assert 25 <= busy["cpu_percent"] <= 55 and idle["cpu_percent"] < 25, machines
    assert busy["memory"] <= busy["memory_max"] == 192 * MIB
    assert busy["tasks"] >= 3 and busy["tasks_max"] == 60
    assert busy["pressure"]["cpu"]["some"] > 0, busy
