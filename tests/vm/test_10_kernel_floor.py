# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of machines on the oldest kernel that is supported, on a host with all controllers."""
import re

import pytest

import lab


def test_kernel_is_the_floor(vm):
    assert vm.ok("uname", "-r").startswith("6.1.")
    assert vm.ok("cat", "/proc/1/comm") == "systemd"


def test_a_service_boots_runs_commands_reboots_and_stops(machine):
    m = machine("floor").start()
    assert m.state() == "running"
    assert m.sh("cat /proc/1/comm; id -u; uname -n") == "systemd\n0\nfloor"
    assert m.run("sh", "-c", "exit 7").status == 7
    # a range of its own, and the tree, which belongs to root of the host, shown in it
    assert int(m.sh("cat /proc/self/uid_map").split()[1]) >= 1 << 16
    assert m.sh("stat -c %u /usr/bin/env; touch /root/t; stat -c %u /root/t") == "0\n0"

    before = m.leader()
    m.vm.ok("stead", "reboot", "floor")
    lab.wait_for(lambda: m.state() == "running" and m.leader() != before, what="the machine to be back")
    assert m.show("ActiveState") == "active"
    assert m.show("NRestarts") == "0", "a reboot is the launcher's, not the unit's"

    m.stop()
    assert m.show("ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    assert m.vm.run("test", "-e", m.cgroup).status == 1
    assert m.vm.run("test", "-e", "/run/stead/machines/floor").status == 1


def test_a_whole_debian_boots(machine):
    m = machine("whole", tree="full").start()
    assert m.sh("systemctl is-system-running") == "running"
    assert "systemd-journald.service" in m.sh("systemctl list-units --state=running --plain --no-legend")


def test_a_plain_command_runs_and_gives_its_status(vm):
    r = vm.run("stead", "run", "--volatile=overlay", "/var/lib/machines/small", "--", "sh", "-c",
               "id -u; cat /proc/self/uid_map; touch /x && echo written; exit 3")
    assert r.status == 3, r
    assert re.fullmatch(r"0\s+0 +\d{6,} +65536\s+written\s+", r.out), r
    assert vm.run("test", "-e", "/var/lib/machines/small/x").status == 1


# --- control groups ------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def shared(vm):
    m = lab.Machine(vm, "shared")
    try:
        yield m.start()
    finally:
        m.remove()


@pytest.fixture(scope="module")
def by_hand(vm):
    m = lab.Machine(vm, "hand")
    try:
        yield m.start_by_hand()
    finally:
        m.remove()


@pytest.fixture(params=["shared", "by_hand"])
def either(request):
    return request.getfixturevalue(request.param)


def test_layout_of_a_service(shared):
    assert shared.show("Slice", "ControlGroup", "Delegate") == {
        "Slice": "machine.slice", "ControlGroup": "/machine.slice/stead@shared.service", "Delegate": "yes"}
    out = shared.vm.sh(f"cd {shared.cgroup}; cat cgroup.procs; ls -d */; cat supervisor/cgroup.procs")
    *folders, launcher = out.split()
    assert folders == ["payload/", "supervisor/"]
    assert launcher == shared.show("MainPID")


def test_layout_of_a_scope(by_hand):
    assert by_hand.show("Slice", "ActiveState") == {"Slice": "machine.slice", "ActiveState": "active"}
    out = by_hand.vm.sh(f"cd {by_hand.cgroup}; cat cgroup.procs; ls -d */")
    assert out.split() == ["payload/", "supervisor/"]
    # the launcher stays where it was started
    launcher = by_hand.vm.ok("stead", "show", "hand", "-p", "Launcher", "--value")
    assert "stead-vm-agent.service" in by_hand.vm.read_file(f"/proc/{launcher}/cgroup")


def test_CI_096_every_controller_is_inside(either):
    given = set(either.limit("cgroup.controllers").split())
    assert given >= {"cpuset", "cpu", "io", "memory", "pids"}
    assert set(either.limit("cgroup.subtree_control").split()) == given
    assert set(either.sh("cat /sys/fs/cgroup/cgroup.controllers").split()) == given
    # and the init of the machine uses them
    assert set(either.sh("cat /sys/fs/cgroup/cgroup.subtree_control").split()) >= {"memory", "pids"}


def test_CI_098_only_files_to_delegate_change_owner(either):
    base = either.sh("cat /proc/self/uid_map").split()[1]
    listed = set(either.vm.read_file("/sys/kernel/cgroup/delegate").split())
    found = dict(line.rsplit(" ", 1) for line in either.vm.sh(
        f"cd {either.cgroup}/payload; stat -c '%n %u' . cgroup.* memory.* cpu.* io.* pids.* cpuset.*").splitlines())
    assert {name for name, owner in found.items() if owner == base} == (listed & set(found)) | {"."}
    # one level up nothing is
    above = either.vm.sh(f"cd {either.cgroup}; stat -c %u . * supervisor/*")
    assert set(above.split()) <= {"0", base} and either.vm.sh(f"stat -c %u {either.cgroup}") == "0"
    assert set(either.vm.sh(f"cd {either.cgroup}; stat -c %u *.* supervisor/*").split()) == {"0"}


def test_CI_095_own_limits_are_out_of_reach(either):
    r = either.run("sh", "-c", "echo max >/sys/fs/cgroup/memory.max")
    assert r.status != 0 and "Permission denied" in r.err, r
    # those of what it makes itself are not
    assert either.sh("mkdir /sys/fs/cgroup/t && echo 32M >/sys/fs/cgroup/t/memory.max && "
                     "cat /sys/fs/cgroup/t/memory.max && rmdir /sys/fs/cgroup/t") == str(32 * lab.MIB)


# --- devices -------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["service", "by hand"])
def test_devices_are_shut_without_user_namespace(machine, kind):
    """Root of such a machine can make a node of the host's disk; it must be of no use."""
    m = machine("devices", "[Exec]\nPrivateUsers=no\nCapability=CAP_MKNOD\n")
    if kind == "service":
        m.start()
    else:
        m.start_by_hand()
    numbers = m.vm.sh("lsblk -dno MAJ:MIN /dev/vda").strip().replace(":", " ")
    assert m.sh("cat /proc/self/uid_map").split() == ["0", "0", "4294967295"]
    r = m.run("sh", "-c", f"mknod /root/disk b {numbers} && head -c 512 /root/disk | wc -c")
    assert "Operation not permitted" in r.err and "512" not in r.out, r
    # what a machine needs is open
    assert m.sh("echo x >/dev/null; head -c 4 /dev/urandom | wc -c; mknod /root/null c 1 3 && echo x >/root/null && echo ok") == \
        "4\nok"


# --- crashes -------------------------------------------------------------------------------------

def test_a_killed_launcher_takes_its_machine_along(machine):
    m = machine("killed").start()
    other = machine("bystander").start()
    bystander = other.leader()
    child = m.leader()
    m.vm.ok("kill", "-KILL", m.show("MainPID"))
    lab.wait_for(lambda: m.show("ActiveState") == "failed", what="systemd to notice")
    assert m.vm.run("test", "-e", f"/proc/{child}").status == 1
    assert m.vm.run("test", "-e", m.cgroup).status == 1, "its control group is still there"
    assert "killed" not in m.vm.ok("stead", "list")

    m.vm.ok("systemctl", "start", m.unit)
    assert m.sh("echo back") == "back"
    assert other.leader() == bystander and other.state() == "running"
