# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead set, diff and apply where every controller is there: what was said is what the kernel holds the
machine to."""
import pytest

import lab
from lab import MIB

KEYS = ["MemoryMax=150M", "MemoryHigh=140M", "CPUQuota=25%", "CPUWeight=30", "TasksMax=50", "AllowedCPUs=1", "IOWeight=300",
        "IOReadBandwidthMax=/dev/vda 3M"]


@pytest.fixture
def changed(machine):
    return machine("changed", "[Resources]\nMemoryMax=300M\nTasksMax=100\n").start()


def test_each_key_reaches_the_kernel(vm, changed):
    leader = changed.leader()
    vm.ok("stead", "set", "changed", *KEYS)
    assert changed.limit("memory.max") == str(150 * MIB)
    assert changed.limit("memory.high") == str(140 * MIB)
    quota, period = map(int, changed.limit("cpu.max").split())
    assert quota / period == 0.25
    assert changed.limit("cpu.weight") == "30"
    assert changed.limit("pids.max") == "50"
    assert changed.limit("cpuset.cpus.effective") == "1"
    assert changed.limit("io.weight").splitlines()[0] == "default 300"
    assert "rbps=3000000 " in changed.limit("io.max")
    # the machine is held to them from then on, and was not restarted
    with lab.busy(changed):
        lab.assert_held(0.25, lambda: lab.share_of_processor(changed, 4), 0.2)
    assert changed.sh("nproc") == "1" and changed.leader() == leader

    # back to the definition
    out = vm.ok("stead", "apply", "changed")
    assert changed.limit("memory.max") == str(300 * MIB) and changed.limit("pids.max") == "100", out
    assert changed.limit("cpu.max").split()[0] == "max" and changed.limit("memory.high") == "max"
    assert changed.leader() == leader


def test_all_keys_of_a_call_or_none(vm, changed):
    r = vm.run("stead", "set", "changed", "MemoryMax=200M", "TasksMax=many")
    assert r.status != 0 and "TasksMax=many" in r.err, r
    assert changed.limit("memory.max") == str(300 * MIB)


def test_persistent_outlives_the_machine(vm, changed):
    vm.ok("stead", "set", "--persist", "changed", "MemoryMax=200M")
    assert changed.limit("memory.max") == str(200 * MIB)
    changed.stop()
    changed.start()
    assert changed.limit("memory.max") == str(200 * MIB) and changed.limit("pids.max") == "100"
    r = vm.run("stead", "diff", "changed")
    assert r.status == 0, r


def test_a_limit_below_use_is_refused_or_held(vm, changed):
    """The kernel reclaims or kills inside; nothing else of the host is touched, and the figure is what was said."""
    hog = changed.begin("head -c 100M /dev/zero | { sleep 1000; cat; }")
    vm.ok("stead", "set", "changed", "MemoryMax=64M", "MemorySwapMax=0")
    assert changed.limit("memory.max") == str(64 * MIB)
    assert int(changed.limit("memory.current")) <= 64 * MIB
    assert changed.state() == "running"
    hog.kill()
