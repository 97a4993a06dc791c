# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fifty times something that machines hang on is killed at a random moment: the bus daemon, machined, a launcher,
or the process that talks to systemd for one. Every other machine stays as it was, and what was killed can be
started again. STEAD_TEST_SEED chooses the moments."""
import os
import random
import time

import lab

ROUNDS = 50
SEED = int(os.environ.get("STEAD_TEST_SEED", "3"))
LONGEST = 0.4  # seconds: a start of the small machines takes less

# These systems lie still and have to stay as they are; the small ones, of one static program, come and go.
STILL = [("still-service", "service"), ("still-scope", "scope")]
SMALL = [("small-service", "service"), ("small-scope", "scope")]
SMALL_DEFINITION = "[Exec]\nNotifyReady=no\n[Network]\nPrivate=yes\n"


class Field:
    """The machines, and what they were when last looked at."""

    def __init__(self, host):
        self.host, self.guests, self.known = host, {}, {}
        for name, kind in STILL:
            host.add_guest(name)
            self.guests[name] = lab.Guest(host, name, kind).start()
        for name, kind in SMALL:
            lab.machines.copy_tree("static", host.path(f"/var/lib/machines/{name}"))
            host.path(f"/etc/stead/{name}.machine").write_text(SMALL_DEFINITION)
            self.guests[name] = lab.Guest(host, name, kind)
            self.guests[name].spawn()
        for name in self.guests:
            self.wait_up(name)

    def identity(self, name):
        """Leader and launcher of a machine that is up; a boot that is the same has the same."""
        shown = self.host.sh(f"stead show {name} -p State,Leader,Launcher --value 2>/dev/null").split()
        return tuple(shown[1:]) if shown and shown[0] in ("starting", "running") else None

    def wait_up(self, name, other_than=None):
        lab.wait_for(lambda: self.identity(name) not in (None, other_than), what=f"{name} to be up")
        self.known[name] = self.identity(name)

    def revive(self, name):
        """However it ended: it can be started at once, under its name."""
        guest = self.guests[name]
        if guest.process:
            guest.wait_end()
        else:
            self.host.wait(f"systemctl show -P ActiveState {guest.q} | grep -qxE 'failed|inactive'")
            self.host.run("systemctl", "reset-failed", guest.unit)
        guest.spawn()
        self.wait_up(name, self.known[name])

    def untouched(self, names):
        now = {name: self.identity(name) for name in names}
        assert now == {name: self.known[name] for name in now}, "\n".join(self.guests[n].said() for n in now if now[n] != self.known[n])


def kill(host, what):
    if what == "bus":
        return host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "dbus.service")
    if what == "machined":
        return host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "systemd-machined.service")
    return host.run("kill", "-KILL", str(what))


def one_round(field, chance):
    """What it did, for whoever reads the failure, and the doing of it."""
    host = field.host
    moving = chance.choice([name for name, _ in SMALL])
    reboots = chance.random() < 0.5
    target = chance.choice(["bus", "machined", "launcher", "launcher", "agent"])
    victim = chance.choice(list(field.guests)) if chance.random() < 0.2 else chance.choice([n for n, _ in SMALL])
    if target == "agent":
        victim = chance.choice(["small-scope", "still-scope"])
    moment = chance.uniform(0, LONGEST)
    yield f"{'reboot of ' + moving if reboots else 'silence'}, after {moment:.2f} s {target} of {victim}"

    what = target
    if target == "launcher":
        what = field.guests[victim].launcher
    elif target == "agent":
        what = host.sh(f"pgrep -x stead-unit -P {field.guests[victim].launcher}") or "machined"
    if reboots:
        host.ok(f"stead reboot --no-block {moving}")
    time.sleep(moment)
    kill(host, what)
    if target == "launcher":
        field.revive(victim)
    moved = moving if reboots and not (target == "launcher" and victim == moving) else None
    field.untouched(name for name in field.guests if name != moved)
    if moved:
        field.wait_up(moved, field.known[moved])


def test_chaos(make_host):
    host = make_host()
    chance = random.Random(SEED)
    field = Field(host)
    for number in range(ROUNDS):
        round_ = one_round(field, chance)
        what = next(round_)
        try:
            next(round_, None)
        except Exception as e:
            raise AssertionError(f"round {number} of seed {SEED}, {what}: {e}") from e
    # in the end everything is there, and machined knows what it knew
    host.ok("systemctl start dbus.socket; systemctl restart systemd-machined")
    for name, _ in STILL:
        assert field.guests[name].ok("systemctl is-active dbus.service") == "active"
        assert field.guests[name].is_registered()
    for guest in field.guests.values():
        guest.stop()
        guest.wait_gone()
