# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many machines that come up with the host: they take turns, all become ready, and it takes no longer than one
after another."""
import os
import re
import time

import pytest

import lab

MACHINES = int(os.environ.get("STEAD_VM_MACHINES", "60"))
SAMPLE = 4
WANTS = "/etc/systemd/system/machines.target.wants"
CONF = "/etc/stead/stead.conf"


def names(count):
    return [f"storm{i:02}" for i in range(count)]


@pytest.fixture
def storm(vm):
    """A function that defines so many machines."""
    def call(count, resources="MemoryMax=128M"):
        vm.sh("mkdir -p /etc/stead\n"
              f"for i in {' '.join(names(count))}; do cat >/etc/stead/$i.machine <<END\n"
              "[Image]\nDirectory=/var/lib/machines/small\n[Files]\nVolatile=overlay\n[Network]\nPrivate=yes\n"
              f"[Resources]\n{resources}\nEND\n"
              "done; systemctl daemon-reload")
        return names(count)
    yield call
    vm.sh("for d in /sys/fs/cgroup/machine.slice/stead@storm*/payload; do [ ! -d $d ] || echo 1 >$d/cgroup.kill; done; "
          "systemctl stop 'stead@storm*.service'; systemctl reset-failed; "
          f"rm -f {WANTS}/stead@storm* /etc/stead/storm*.machine {CONF}", timeout=300)


def kill(vm, some):
    vm.sh(f"for i in {' '.join(some)}; do echo 1 >/sys/fs/cgroup/machine.slice/stead@$i.service/payload/cgroup.kill; done; "
          "systemctl stop 'stead@storm*.service'; systemctl reset-failed 'stead@storm*.service'", timeout=300)


class Watch:
    """What one sees of a storm from outside, a line every second."""

    SCRIPT = """while :; do
        running=0 starting=0
        for f in /run/stead/machines/storm*/state; do
                [ -e $f ] || continue
                while read -r line; do case $line in
                        STATE=running) running=$((running + 1)) ;;
                        STATE=starting) starting=$((starting + 1)) ;;
                esac; done <$f
        done
        read -r _ cpu _ </proc/pressure/cpu
        echo "$running $starting $cpu"
        [ $running -lt %d ] || exit 0
        sleep 1
        done"""

    def __init__(self, vm, count):
        self.command = vm.begin("sh", "-c", self.SCRIPT % count)

    def wait(self, timeout):
        """(running, starting) for each look."""
        lines = [line.split() for line in self.command.wait(timeout).out.splitlines()]
        return [(int(line[0]), int(line[1])) for line in lines]


def test_sixty_machines_at_boot(vm, storm):
    machines = storm(MACHINES)
    # as `systemctl enable` does, which would reload systemd again
    vm.sh(f"mkdir -p {WANTS}; for i in {' '.join(machines)}; do "
          f"ln -s /usr/lib/systemd/system/stead@.service {WANTS}/stead@$i.service; done; systemctl daemon-reload")
    began = time.monotonic()
    for name in machines[:SAMPLE]:
        vm.ok("systemctl", "start", f"stead@{name}.service")
    each = (time.monotonic() - began) / SAMPLE
    kill(vm, machines[:SAMPLE])

    # systemd pulls in what is enabled, in one transaction, as when the host boots
    watch = Watch(vm, MACHINES)
    began = time.monotonic()
    vm.ok("systemctl", "start", "--no-block", "machines.target")
    looks = watch.wait(timeout=MACHINES * each * 2 + 60)
    lab.wait_for(lambda: vm.run("systemctl", "is-active", *(f"stead@{n}.service" for n in machines)).status == 0,
                 what="all units to be active")
    seconds = time.monotonic() - began
    print(f"\n{MACHINES} machines in {seconds:.0f} s; one after another {each * MACHINES:.0f} s ({each:.2f} s each); "
          f"at most {max(s for _, s in looks)} at a time")

    assert max(starting for _, starting in looks) <= 3, "two processors and one more"
    # half as much again is the scatter of a busy host; a storm without a gate takes several times as long
    assert seconds <= each * MACHINES * 1.5, f"{seconds:.0f} s, one after another {each * MACHINES:.0f} s"
    shown = vm.ok("systemctl", "show", "-pNRestarts", "-pResult", "-pActiveState", "stead@storm*.service")
    assert shown.count("ActiveState=active") == MACHINES and shown.count("Result=success") == MACHINES
    assert shown.count("NRestarts=0") == MACHINES
    assert len(re.findall(r"(?m)^storm\d+ +running", vm.ok("stead", "list"))) == MACHINES


def test_parallelism_is_the_admins(vm, storm):
    """One at a time, in order, and a stop of one that waits does not wait."""
    machines = storm(5)
    vm.write_file(CONF, "[Start]\nParallel=1\n")
    watch = Watch(vm, 4)
    vm.ok("systemctl", "start", "--no-block", *(f"stead@{n}.service" for n in machines))
    waiting = lab.wait_for(lambda: re.findall(r"StatusText=Machine (\S+) waits for the start of ", shown(vm)),
                           what="some to say that they wait", pause=0)
    began = time.monotonic()
    vm.ok("systemctl", "stop", f"stead@{waiting[-1]}.service")
    assert time.monotonic() - began < 10
    looks = watch.wait(timeout=120)
    assert max(starting for _, starting in looks) == 1, looks
    assert vm.run("systemctl", "is-active", f"stead@{waiting[-1]}.service").out == "inactive\n"


def shown(vm):
    return vm.ok("systemctl", "show", "-pStatusText", "stead@storm*.service")


def test_pressure_makes_them_queue(vm, storm):
    """Where the admin says that any wait for a processor is too much, a busy host starts one at a time."""
    machines = storm(4)
    vm.write_file(CONF, "[Start]\nParallel=4\nCPUPressure=1%\n")
    load = vm.begin("sh", "-c", "for i in 1 2 3; do while :; do :; done & done; wait")
    try:
        lab.wait_for(lambda: float(re.search(r"some avg10=([\d.]+)", vm.read_file("/proc/pressure/cpu"))[1]) > 20,
                     what="pressure")
        watch = Watch(vm, len(machines))
        vm.ok("systemctl", "start", "--no-block", *(f"stead@{n}.service" for n in machines))
        lab.wait_for(lambda: "the host is short of cpu (/etc/stead/stead.conf)" in shown(vm), what="the reason", pause=0)
        looks = watch.wait(timeout=240)
    finally:
        load.kill()
    assert max(starting for _, starting in looks) == 1, looks


def test_a_mistake_in_the_settings_stops_nothing(vm, machine):
    vm.write_file(CONF, "[Start]\nParalel=1\n")
    try:
        r = vm.run("stead", "check")
        assert r.status == 1 and f"{CONF}:2: there is no key Paralel= in section [Start]" in r.out + r.err, r
        m = machine("careless").start()
        assert f"{CONF}:2: there is no key Paralel= in section [Start]" in m.journal()
    finally:
        vm.run("rm", CONF)


def test_a_machine_that_hangs_frees_its_place(vm, machine):
    """One that never becomes ready holds up others for its turn and no longer."""
    vm.write_file(CONF, "[Start]\nParallel=1\nTurnSec=12\n")
    try:
        hangs = machine("hangs", "[Exec]\nParameters=--unit=hang.target\n[Files]\nBind=/srv/hang.service:/etc/systemd/system/"
                        "hang.service\nBind=/srv/hang.target:/etc/systemd/system/hang.target\n")
        vm.write_file("/srv/hang.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n")
        vm.write_file("/srv/hang.target", "[Unit]\nRequires=hang.service\nAfter=hang.service\n")
        vm.ok("systemctl", "start", "--no-block", hangs.unit)
        lab.wait_for(lambda: hangs.state() == "starting", what="the first to start")
        began = time.monotonic()
        machine("follows").start()
        assert 5 < time.monotonic() - began < 60
        assert hangs.state() == "starting"
    finally:
        vm.run("rm", "-f", CONF, "/srv/hang.service", "/srv/hang.target")
