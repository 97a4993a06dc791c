# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines on the virtual machine: definitions, units, and their control groups.

The trees they share are /var/lib/machines/small, a systemd with hardly a unit, and /var/lib/machines/full;
changes go to memory and are gone with the machine.
"""
import contextlib
import os
import re
import time

import vm as virtual

PATIENCE = virtual.PATIENCE
CGROUPS = "/sys/fs/cgroup"
MIB = 1 << 20


def running_vm():
    """Socket of a virtual machine that somebody keeps up, or None."""
    return os.environ.get("STEAD_VM")


def wait_for(condition, seconds=PATIENCE, what="condition", pause=0.3):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(pause)


def assert_held(limit, measure, margin=0.1, times=4):
    """What @measure gives is never above the limit, and once close to it: who keeps the processors busy outside
    of the virtual machine takes away from what is used inside, and adds nothing."""
    measured = []
    while not measured or measured[-1] < limit * (1 - margin) and len(measured) < times:
        measured.append(measure())
        assert measured[-1] <= limit * (1 + margin), f"{measured} of {limit}"
    assert measured[-1] >= limit * (1 - margin), f"{measured} and never close to {limit}"


def keyed(text):
    """Files such as memory.events and cpu.stat: key -> number."""
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())}


class Machine:
    """A definition and the unit of it. `with` starts and stops it."""

    def __init__(self, vm, name, text="", tree="small", volatile="overlay"):
        self.vm, self.name, self.unit = vm, name, f"stead@{name}.service"
        self.path = f"/etc/stead/{name}.machine"
        self.cgroup = f"{CGROUPS}/machine.slice/{self.unit}"
        self.process = None
        self.define(f"[Image]\nDirectory=/var/lib/machines/{tree}\n"
                    f"[Files]\nVolatile={volatile}\n[Network]\nPrivate=yes\n{text}")

    # life

    def define(self, text):
        self.text = text
        self.vm.write_file(self.path, text)

    def start(self):
        """As a unit; waits until it is ready."""
        # a reload takes seconds here, and systemd needs one only for what the generator makes
        if re.search(r"\[(Unit|Service|Resources|Install)\]", self.text):
            self.vm.ok("systemctl", "daemon-reload")
        r = self.vm.run("systemctl", "start", self.unit)
        assert r.status == 0, f"{r}\n{self.vm.run('systemctl', 'status', '-n', '40', self.unit)}"
        return self

    def start_by_hand(self, *options):
        """A launcher, as from a shell: makes a scope."""
        self.unit = f"machine-{self.name}.scope"
        self.cgroup = f"{CGROUPS}/machine.slice/{self.unit}"
        self.process = self.vm.begin("stead-launch", "--boot", "--notify-ready=yes", "--console=read-only",
                                     f"--machine={self.name}", *options)
        wait_for(lambda: self.state() == "running" or self.process.done.is_set(), what=f"{self.name} to be ready")
        if self.process.done.is_set():
            raise AssertionError(self.process.wait())
        return self

    def stop(self):
        self.vm.ok("systemctl", "stop", self.unit)

    def remove(self):
        """At the end of a test, whatever happened: not running, not defined. Killed from inside, so that the
        launcher clears away and nobody waits for an orderly stop."""
        name = self.name
        self.vm.run("sh", "-c", f"echo 1 >{self.cgroup}/payload/cgroup.kill; systemctl stop {self.unit}; "
                    f"systemctl reset-failed {self.unit}; "
                    f"rm -rf /etc/systemd/system/stead@{name}.service.d /run/systemd/system/stead@{name}.service.d "
                    f"/etc/systemd/system.control/stead@{name}.service.d "
                    f"/run/systemd/system.control/stead@{name}.service.d {self.path} {self.path}.d")
        if self.process:
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()

    # knowledge

    def show(self, *properties):
        """Properties of the unit; one as text, several as a dict."""
        out = self.vm.ok("systemctl", "show", self.unit, *(f"-p{p}" for p in properties))
        found = dict(line.split("=", 1) for line in out.splitlines())
        return found[properties[0]] if len(properties) == 1 else found

    def state(self):
        return self.vm.run("stead", "show", self.name, "-p", "State", "--value").out.strip()

    def leader(self):
        return int(self.vm.ok("stead", "show", self.name, "-p", "Leader", "--value"))

    def limit(self, name):
        """A file of the unit's control group, where limits are."""
        return self.vm.ok("cat", f"{self.cgroup}/{name}")

    def payload(self, name):
        return self.vm.ok("cat", f"{self.cgroup}/payload/{name}")

    def stat(self, name):
        return keyed(self.limit(name))

    def journal(self):
        return self.vm.run("journalctl", "-o", "cat", "--no-pager", "-u", self.unit).out

    # inside

    def run(self, *argv, **more):
        return self.vm.run("stead", "exec", self.name, "--", *argv, **more)

    def sh(self, script, **more):
        """Output of a shell script inside, which must succeed."""
        r = self.run("sh", "-c", script, **more)
        assert r.status == 0, r
        return r.out.rstrip("\n")

    def begin(self, script):
        """A shell script inside that goes on while the test does."""
        return self.vm.begin("stead", "exec", self.name, "--", "sh", "-c", script)


class Together:
    """A control group above machines; for share_of_processor()."""

    def __init__(self, vm, cgroup):
        self.vm, self.cgroup = vm, cgroup


@contextlib.contextmanager
def busy(machine, loops=2):
    """Uses all the processor time that the machine gets."""
    command = machine.begin("for i in %s; do while :; do :; done & done; wait" % " ".join("x" * loops))
    try:
        yield
    finally:
        machine.run("pkill", "-KILL", "-x", "sh")
        command.wait()


def share_of_processor(machine, seconds):
    """Processors that a machine used over a time, by the kernel's two clocks: 1.0 is one of them."""
    def sample():
        # both at one moment, on one side of the wire
        out = machine.vm.ok("sh", "-c", f"head -n1 {machine.cgroup}/cpu.stat; date +%s%N")
        usage, now = re.fullmatch(r"usage_usec (\d+)\n(\d+)", out).groups()
        return int(usage), int(now) / 1000
    used, began = sample()
    time.sleep(seconds)
    used_later, ended = sample()
    return (used_later - used) / (ended - began)
