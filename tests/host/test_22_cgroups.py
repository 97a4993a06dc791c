# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cgroups of a machine on a host with systemd: who sits where, who owns what, what is left."""
import re

import lab

CHOWN_ONLY = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]


def processes(host, folder):
    """Command names of what sits in one cgroup itself."""
    return host.ok(f"for p in $(cat {folder}/cgroup.procs); do cat /proc/$p/comm; done").split()


def test_CI_092_layout(host, machine):
    top = machine.cgroup()
    assert top == f"/sys/fs/cgroup/machine.slice/{machine.unit}"
    assert processes(host, f"'{top}'") == []
    children = host.ok(f"cd '{top}'; find . -mindepth 1 -maxdepth 1 -type d").split()
    assert sorted(children) == ["./payload", "./supervisor"]
    inside = processes(host, f"'{top}/supervisor'")
    assert inside == (["stead-launch"] if machine.kind == "service" else ["stead-unit"])
    assert processes(host, f"'{top}/payload'") == []
    assert processes(host, f"'{top}/payload/init.scope'") == ["systemd"]


def test_CI_099_inside_it_is_the_root(machine):
    assert machine.ok("grep ^0: /proc/1/cgroup") == "0::/init.scope"
    assert machine.ok("stat -f -c %T /sys/fs/cgroup") == "cgroup2fs"
    assert "dbus.service" in machine.ok("systemctl status --no-pager")


def test_CI_096_all_controllers_are_handed_down(host, machine):
    top = machine.cgroup()
    assert host.ok(f"cat '{top}/cgroup.controllers'").split() == host.ok(f"cat '{top}/payload/cgroup.controllers'").split()
    assert machine.ok("cat /sys/fs/cgroup/cgroup.controllers") == host.ok(f"cat '{top}/payload/cgroup.controllers'")


def test_CI_098_owners(host, machine):
    top, base = machine.cgroup(), str(machine.base)
    delegated = set(host.ok("cat /sys/kernel/cgroup/delegate").split())
    assert delegated.issuperset(CHOWN_ONLY)
    owners = dict(reversed(line.split()) for line in host.ok(f"cd '{top}/payload'; stat -c '%u:%g %n' cgroup.* *.* | sort -u").splitlines())
    assert len(owners) > 5
    for name, owner in owners.items():
        if name.startswith(("init.", "system.", "user.", "machine.")) or name.endswith((".scope", ".slice", ".mount", ".service")):
            continue
        assert owner == (f"{base}:{base}" if name in delegated else "0:0"), name
    assert host.ok(f"stat -c %u:%g '{top}/payload'") == f"{base}:{base}"
    # nothing of the unit's own cgroup, nor of the supervisor's
    assert set(host.ok(f"cd '{top}'; stat -c %u:%g . cgroup.* supervisor supervisor/cgroup.*").split()) == {"0:0"}
    machine.ok("mkdir /sys/fs/cgroup/t && rmdir /sys/fs/cgroup/t")
    assert re.search("Permission denied", machine.sh("echo 5 >/sys/fs/cgroup/cgroup.max.descendants"))
    assert re.search("Permission denied|Operation not permitted|Read-only", machine.sh("echo 1 >/sys/fs/cgroup/cgroup.freeze; cat /sys/fs/cgroup/cgroup.freeze"))


def test_systemd_knows_that_it_is_delegated(host, machine):
    assert host.ok(f"systemctl show -P Delegate {machine.q}") == "yes"
    assert host.ok(f"getfattr --absolute-names --only-values -n user.delegate '{machine.cgroup()}'") == "1"


def test_CI_097_stale_cgroups_are_no_obstacle(host, make):
    guest = make("stale-cgroup")
    # as a killed run of another range leaves them
    host.write("/etc/systemd/system/stead@stale-cgroup.service.d/stale.conf", (
        "[Service]\nExecStartPre=+/bin/sh -c 'd=/sys/fs/cgroup/machine.slice/stead@stale-cgroup.service/payload; "
        "mkdir -p $d/init.scope $d/system.slice/dbus.service && chown -R 1000:1000 $d'\n"))
    host.ok("systemctl daemon-reload")
    guest.start()
    assert guest.ok("systemctl is-active dbus.socket") == "active"
    assert host.ok(f"stat -c %u '{guest.cgroup()}/payload/init.scope'") == str(guest.base)
    guest.stop()
    host.ok("rm -r /etc/systemd/system/stead@stale-cgroup.service.d; systemctl daemon-reload")


def test_CI_094_control_processes_are_tolerated(host, make):
    guest = make("controlled")
    host.write("/etc/systemd/system/stead@controlled.service.d/more.conf", (
        "[Service]\nExecStartPost=/bin/sh -c 'grep ^0: /proc/self/cgroup'\nExecReload=/bin/sh -c 'grep ^0: /proc/self/cgroup'\n"
        "ExecStop=/bin/sh -c 'grep ^0: /proc/self/cgroup'\n"))
    host.ok("systemctl daemon-reload")
    guest.start()
    leader = guest.leader
    host.ok("systemctl reload stead@controlled")
    assert guest.leader == leader
    guest.stop()
    assert host.ok(f"systemctl show -P Result {guest.q}") == "success"
    seen = re.findall(r"0::(\S+)", host.journal(guest.unit))
    assert len(seen) == 3 and all(s.startswith("/machine.slice/stead@controlled.service/") for s in seen), seen
    host.ok("rm -r /etc/systemd/system/stead@controlled.service.d; systemctl daemon-reload")


def test_CI_106_nothing_is_left(host, make):
    for kind in lab.KINDS:
        guest = make(f"gone-{kind}", kind).start()
        folder = guest.cgroup()
        guest.ok("mkdir -p /sys/fs/cgroup/deep/er/still")
        guest.stop()
        guest.wait_gone()
        host.wait(f"! test -e '{folder}'")


def test_stop_of_the_scope_is_orderly(host, make):
    """RequestStop: systemd asks the controller, instead of killing."""
    guest = make("asked", "scope").start()
    cursor = host.cursor()
    host.ok(f"systemctl stop {guest.q}")
    assert guest.wait_end() == 0, guest.said()
    assert not lab.kills(host.journal(since=cursor))
    assert re.search(r"(?i)reached target.*(power-off|poweroff|halt|shutdown)", host.ok("stead logs asked"))
    guest.wait_gone()


def test_stop_of_machines_target_stops_services(host, make):
    guest = make("of-target").start()
    by_hand = make("not-of-target", "scope").start()
    host.ok("systemctl start machines.target")
    others = host.ok("systemctl list-units --no-legend --plain --state=active 'stead@*' | cut -d' ' -f1").split()
    others.remove(guest.unit)
    host.ok("systemctl stop machines.target")
    host.wait(f"test $(systemctl show -P ActiveState {guest.q}) = inactive")
    assert host.ok(f"systemctl show -P Result {guest.q}") == "success"
    assert by_hand.state("State") == "running"
    by_hand.stop()
    by_hand.wait_gone()
    # the shared one went down with it
    for unit in others:
        host.ok(f"systemctl start {unit}")
