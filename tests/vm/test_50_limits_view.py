# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines see their limits in place of the host's figures, whatever becomes of their supervisor."""
import json
import re

import pytest

import lab

LIMIT = 512 * lab.MIB


def meminfo(text):
    return {key: int(value) * 1024 for key, value in re.findall(r"(?m)^(\S+): +(\d+) kB$", text)}


def total(machine):
    """Megabytes, as free(1) says."""
    return int(re.search(r"(?m)^Mem: +(\d+)", machine.sh("free -m"))[1])


@pytest.fixture(scope="module")
def limited(vm):
    m = lab.Machine(vm, "limited", "[Resources]\nMemoryMax=512M\nMemorySwapMax=0\nAllowedCPUs=0\n")
    try:
        yield m.start()
    finally:
        m.remove()


def test_free_and_nproc(limited):
    assert total(limited) == 512
    assert limited.sh("nproc; getconf _NPROCESSORS_ONLN; cat /sys/devices/system/cpu/online").split() == ["1", "1", "0"]
    host = meminfo(limited.vm.ok("cat", "/proc/meminfo"))
    inside = meminfo(limited.sh("cat /proc/meminfo"))
    assert list(host) == list(inside), "the same lines in the same order"
    assert inside["SwapTotal"] == 0 and inside["MemTotal"] == LIMIT
    assert inside["MemFree"] <= inside["MemAvailable"] <= LIMIT


def test_use_is_the_machines(limited):
    """A page cache of 100 MiB shows as cache, 100 MiB of a program's as used."""
    before = meminfo(limited.sh("cat /proc/meminfo"))
    limited.sh("head -c 100M /dev/zero >/var/tmp/fill")
    after = {}

    def shown():
        after.update(meminfo(limited.sh("cat /proc/meminfo")))
        return 90 * lab.MIB < after["Cached"] - before["Cached"]
    lab.wait_for(shown, what="the cache to be shown")
    assert after["Cached"] - before["Cached"] < 130 * lab.MIB
    assert 80 * lab.MIB < before["MemFree"] - after["MemFree"] < 140 * lab.MIB
    limited.sh("rm /var/tmp/fill")
    lab.wait_for(lambda: meminfo(limited.sh("cat /proc/meminfo"))["Cached"] < after["Cached"] - 90 * lab.MIB, what="the cache to be gone")


def test_runtimes_inside_find_the_limit(limited):
    """systemd and others look at the top of the hierarchy that they see."""
    assert limited.sh("cat /sys/fs/cgroup/memory.max") == str(LIMIT)
    r = limited.run("sh", "-c", "echo max >/sys/fs/cgroup/memory.max")
    assert r.status != 0 and "denied" in r.err


def test_the_view_cannot_be_changed_from_inside(limited):
    for script in ("echo x >/proc/meminfo", "chmod 666 /proc/meminfo", "umount /proc/meminfo", "umount /sys/devices/system/cpu/online",
                   "mount -o remount,rw,bind /proc/meminfo && echo x >/proc/meminfo"):
        assert limited.run("sh", "-c", script).status != 0, script
    assert total(limited) == 512


def test_readers_do_not_wait_for_the_supervisor(limited):
    vm = limited.vm
    launcher = vm.ok("stead", "show", "limited", "-p", "Launcher", "--value").strip()
    vm.ok("kill", "-STOP", launcher)
    try:
        r = vm.run("timeout", "20", "nsenter", "-t", str(limited.leader()), "-m", "-r", "free", "-m")
        assert r.status == 0 and re.search(r"(?m)^Mem: +512 ", r.out), r
    finally:
        vm.ok("kill", "-CONT", launcher)


def test_a_limit_set_live(machine, vm):
    """Set, changed and lifted while it runs."""
    m = machine("later", tree="full").start()
    host = meminfo(vm.ok("cat", "/proc/meminfo"))["MemTotal"]
    assert m.sh("findmnt -n /proc/meminfo || echo none") == "none", "nothing is put there without a limit"
    assert meminfo(m.sh("cat /proc/meminfo"))["MemTotal"] == host
    m.sh("systemd-run --quiet --unit=apart -p PrivateMounts=yes -p ProtectSystem=yes sleep 1000")
    vm.ok("systemctl", "set-property", "--runtime", m.unit, "MemoryMax=512M")
    lab.wait_for(lambda: total(m) == 512, what="the limit in free")
    # services with mounts of their own, started before, see it as well
    assert m.sh("nsenter -t $(systemctl show -P MainPID apart) -m grep MemTotal /proc/meminfo") == "MemTotal:         524288 kB"
    vm.ok("systemctl", "set-property", "--runtime", m.unit, "MemoryMax=256M")
    lab.wait_for(lambda: total(m) == 256, what="the new limit in free")
    vm.ok("systemctl", "set-property", "--runtime", m.unit, "MemoryMax=infinity")
    lab.wait_for(lambda: meminfo(m.sh("cat /proc/meminfo"))["MemTotal"] == host, what="the host's memory in free")
    assert m.sh("cat /sys/fs/cgroup/memory.max") == "max"


def test_the_limit_of_a_slice(machine, vm):
    vm.ok("systemctl", "set-property", "--runtime", "machine.slice", "MemoryMax=1G")
    try:
        m = machine("sliced", "[Resources]\nMemoryMax=2G\n").start()
        assert total(m) == 1024
        vm.ok("systemctl", "set-property", "--runtime", m.unit, "MemoryMax=300M")
        lab.wait_for(lambda: total(m) == 300, what="the machine's own limit")
    finally:
        vm.ok("systemctl", "set-property", "--runtime", "machine.slice", "MemoryMax=infinity")


def test_after_a_reboot(machine):
    m = machine("rebooted", "[Resources]\nMemoryMax=512M\n").start()
    leader = m.leader()
    m.vm.ok("stead", "reboot", m.name)
    assert m.leader() != leader and total(m) == 512


def test_processors_follow(machine, vm):
    m = machine("cpus").start()
    assert m.sh("cat /sys/devices/system/cpu/online; nproc") == "0-1\n2"
    vm.ok("systemctl", "set-property", "--runtime", m.unit, "AllowedCPUs=1")
    assert m.sh("cat /sys/devices/system/cpu/online; nproc") == "1\n1"


@pytest.mark.parametrize("resources", ["", "[Resources]\nMemoryMax=512M\n"], ids=["free", "limited"])
def test_nesting_still_works(machine, resources):
    """The kernel lets a user namespace mount proc and sysfs only where uncovered ones are."""
    m = machine("nest", f"[Exec]\nNesting=yes\n{resources}").start()
    assert m.sh("unshare -Urpfn --mount-proc sh -c 'mount -t sysfs -o ro sysfs /mnt && ls /mnt/kernel && echo nested'").endswith("nested")


def test_who_was_short_of_memory(machine, vm):
    """The journal of the unit tells, with the limit; a limit of the machine's own making is told apart."""
    m = machine("short", "[Resources]\nMemoryMax=100M\nMemorySwapMax=0\n").start()
    assert m.run("sh", "-c", "head -c 200M /dev/zero | tail").status != 0
    line = "Machine 'short' ran out of its memory limit of 100M: the kernel killed 1 process inside."
    lab.wait_for(lambda: line in m.journal().splitlines(), what=f"the message in\n{m.journal()}")
    assert m.state() == "running"
    status = vm.ok("stead", "status", "-n", "0", m.name)
    assert re.search(r"(?m)^ +Memory: [\d.]+M of 100.0M; 1 process was killed for want of memory$", status), status
    assert "Try: stead set short MemoryMax=200M" in status and f"Unit: {m.unit}" in status
    kills = lab.keyed(m.limit("memory.events"))["oom_kill"]
    m.sh("mkdir /sys/fs/cgroup/own; echo 20M >/sys/fs/cgroup/own/memory.max; echo 0 >/sys/fs/cgroup/own/memory.swap.max")
    m.run("sh", "-c", "echo $$ >/sys/fs/cgroup/own/cgroup.procs; head -c 50M /dev/zero | tail")
    assert lab.keyed(m.limit("memory.events"))["oom_kill"] > kills
    lab.wait_for(lambda: "A service of machine 'short' ran out of a memory limit that was set inside" in m.journal(),
                 what="the second message")


def test_top_knows_all_figures(limited):
    row, = json.loads(limited.vm.ok("stead", "top", "--once", "--json", "limited"))["machines"]
    assert row["memory_max"] == LIMIT and 0 < row["memory"] < LIMIT and row["tasks_max"] == 16384 and row["tasks"] > 0
    assert None not in (row["cpu_percent"], row["swap"], row["oom_kills"], row["io_read_per_second"], row["io_written_per_second"])
    assert all(pair["some"] is not None for pair in row["pressure"].values())
    line = limited.vm.ok("stead", "top", "--once", "limited").splitlines()[1]
    assert re.match(r"limited +[\d.]+ +[\d.]+M/512\.0M ", line) and re.search(r" \d+/16384 ", line), line


def test_a_machine_inside_a_machine(limited, vm):
    """What the inner launcher reads as the host's memory is the machine's."""
    out = limited.sh("cat /proc/meminfo | head -1; cat /proc/self/mountinfo | grep -c ' /proc/meminfo '")
    assert out.split()[-1] == "1" and "524288" in out
