#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls every method of org.stead1 with random arguments of the right types, of wrong types, and sends
messages that no library would: bus_fuzz.py SEED CALLS [BUS]. Runs in a host, next to wire.py.

Nothing that it may get right harms what runs: the names that exist are only given to methods that look.
Exits with 0 as long as the service answers.
"""
import os
import random
import signal
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire  # noqa: E402

LOOKING = {"GetMachine", "Check", "Plan", "Diff", "Exec", "OpenShell", "OpenLogin", "OpenConsole"}
WORDS = ["", "a", "web", "nowhere", "../web", "web/..", ".", "-x", "--force", "a" * 64, "a" * 65, "a" * 4096, "\N{SNOWMAN}", "a\nb", "%s%n",
         "a=b", "=", "TasksMax=-1", "/", "/etc", "leader", "all", "org.stead1.Manager", "org.stead1.Job", "Name", "{}", "*", "root", "65535",
         "4294967295", "-1", "PATH=/nowhere"]
NUMBERS = [0, 1, 2, 9, 15, 64, 65, 255, 256, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, -1, -2**31]
TYPES = list("ybnqiuxtdsogvh") + ["as", "ai", "a{sv}", "(ss)", "a(ss)", "aas", "av"]


class Fuzz:
    def __init__(self, seed, bus):
        self.random, self.bus = random.Random(seed), bus
        r, w = os.pipe()
        os.set_blocking(w, False)
        self.fds = [os.open("/dev/null", os.O_RDWR), os.open("/", os.O_RDONLY), os.open("/etc/passwd", os.O_PATH),
                    os.open("/dev/null", os.O_RDONLY), r, w, os.memfd_create("x"), os.pidfd_open(os.getpid())]
        self.paths = ["/org/stead1", "/org/stead1/machine/web", "/org/stead1/machine/nowhere", "/org/stead1/machine/a_e2b", "/",
                      "/org/stead1/job/1", "/org/stead1/job/99999999999999999999", "/org/stead1/process/1", "/org/stead1/machine", "/x/y"]
        self.members = []
        for path in ("/org/stead1", "/org/stead1/machine/web"):
            root = ElementTree.fromstring(bus.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0])
            self.members += [(i.get("name"), m.get("name"), "".join(a.get("type") for a in m.findall("arg") if a.get("direction") != "out"))
                             for i in root.findall("interface") for m in i.findall("method")]
        self.members += [("org.stead1.Job", "Wait", ""), ("org.stead1.Job", "Cancel", ""), ("org.stead1.Process", "Wait", ""),
                         ("org.stead1.Process", "Kill", "i")]

    def value(self, kind, depth=0):
        rnd, c = self.random, kind[0]
        if c == "h":
            return rnd.choice(self.fds)
        if c == "b":
            return rnd.randrange(2)
        if c == "d":
            return rnd.uniform(-1e300, 1e300)
        if c in wire.FIXED:
            bits = {"y": 8, "n": 16, "q": 16, "i": 32, "u": 32, "x": 64, "t": 64}[c]
            n = rnd.choice(NUMBERS) % 2**bits
            return n - 2**bits if c in "nix" and n >= 2**(bits - 1) else n
        if c == "s":
            return rnd.choice(WORDS)
        if c == "o":
            return rnd.choice(self.paths)
        if c == "g":
            return rnd.choice(["", "s", "a{sv}", "(ss)"])
        if c == "v":
            inner = rnd.choice("sui") if depth > 3 else rnd.choice(TYPES)
            return (inner, self.value(inner, depth + 1))
        if c == "a":
            n = rnd.choice([0, 1, 2, 3, 20, 300]) if depth == 0 else rnd.randrange(3)
            if kind[1] == "{":
                key, inner = wire.split(kind[2:-1])
                return {self.value(key, depth + 1): self.value(inner, depth + 1) for _ in range(n)}
            return [self.value(kind[1:], depth + 1) for _ in range(n)]
        return tuple(self.value(k, depth + 1) for k in wire.split(kind[1:-1]))

    def one(self):
        """Sends one call; gives its number, or None if it wants no answer."""
        rnd = self.random
        interface, member, signature = rnd.choice(self.members)
        path = rnd.choice(self.paths) if rnd.random() < 0.3 else {
            "org.stead1.Machine": "/org/stead1/machine/web", "org.stead1.Job": "/org/stead1/job/1",
            "org.stead1.Process": f"/org/stead1/process/{rnd.randrange(1, 50)}"}.get(interface, "/org/stead1")
        if rnd.random() < 0.2:
            signature = "".join(rnd.choice(TYPES) for _ in range(rnd.randrange(5)))
        if rnd.random() < 0.05:
            interface = rnd.choice(["org.stead1.Nothing", "org.freedesktop.DBus.Properties", "org.stead1.Machine"])
        if rnd.random() < 0.05:
            member = rnd.choice(["Nothing", "Get", "Set", "a" * 255])
        args = [self.value(k) for k in wire.split(signature)]
        if member not in LOOKING and path != "/org/stead1/machine/web":
            # none of the machines that there are
            args = [["nowhere" if w == "web" else w for w in a] if isinstance(a, list) else "nowhere" if a == "web" else a for a in args]
            if member == "Apply":
                args = args[:1] + [1] + args[2:] if signature == "asb" else args
        elif interface == "org.stead1.Machine" and member in ("Stop", "Reboot", "Kill"):
            path = "/org/stead1/machine/nowhere"
        if member == "Exec" and signature == "ssasasshhh":
            args[2] = rnd.choice([["true"], ["false"], ["/nosuch"], args[2][:3], ["cat"], ["sleep", "0.1"]])
        flags = rnd.choice([0, 0, 0, wire.NO_REPLY, wire.INTERACTIVE if os.geteuid() == 0 else 0])
        if args and rnd.random() < 0.02:
            flags |= 0xf8
        serial = self.bus.begin(path, interface, member, signature, *args, flags=flags)
        return None if flags & wire.NO_REPLY else serial


def drain(bus, open_calls, keep):
    """Takes answers in until at most so many calls are open; what waits for an end may stay open."""
    while len(open_calls) > keep:
        try:
            bus.read(5)
        except TimeoutError:
            return
        for serial in list(bus.replies):
            for fd in bus.replies.pop(serial).fds:
                os.close(fd)
            open_calls.discard(serial)
        bus.signals.clear()


def main():
    seed, rounds = sys.argv[1], int(sys.argv[2])
    address = sys.argv[3:4] or ["/run/dbus/system_bus_socket"]
    signal.alarm(590)
    bus = wire.Bus(*address)
    fuzz, open_calls = Fuzz(seed, bus), set()
    for i in range(rounds):
        try:
            serial = fuzz.one()
        except (wire.Closed, BrokenPipeError, ConnectionResetError):
            # the bus itself throws out who sends what no message may be
            fuzz.bus = bus = wire.Bus(*address)
            open_calls.clear()
            continue
        if serial is not None:
            open_calls.add(serial)
        try:
            drain(bus, open_calls, 20)
        except (wire.Closed, ConnectionResetError):
            fuzz.bus = bus = wire.Bus(*address)
            open_calls.clear()
        if len(open_calls) > 60:
            # all waiting for something: a caller that leaves
            bus.close()
            fuzz.bus = bus = wire.Bus(*address)
            open_calls.clear()
    answer = wire.Bus(*address).call("/org/stead1", "org.stead1.Manager", "ListJobs")
    print(f"{rounds} calls with seed {seed}; jobs that go on: {answer}")


if __name__ == "__main__":
    main()
