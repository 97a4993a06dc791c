# SPDX-License-Identifier: LGPL-2.1-or-later
"""What machined knows about a machine, and what the host's tools make of it."""
import re
import uuid

import pytest

import lab

SERVICE = "stead"  # the word in $container of a machine and in machinectl's list
MACHINED = "org.freedesktop.machine1"
MANAGER = f"{MACHINED} /org/freedesktop/machine1 {MACHINED}.Manager"
RELEASE = {"252": ["debian", "12"], "257": ["debian", "13"]}


def object_path(host, name):
    return host.ok(f"busctl call {MANAGER} GetMachine s {name}").split()[1].strip('"')


def test_list_shows_it(host, machine):
    rows = [line.split() for line in host.ok("machinectl list --no-legend").splitlines()]
    row = next(r for r in rows if r[0] == machine.name)
    assert row[:5] == [machine.name, "container", SERVICE, *RELEASE[host.version]]


def test_list_machines_of_systemctl(host, machine):
    # the tool asks the bus inside the machine for these
    # and the machine may have a job for a moment
    host.wait(f"systemctl list-machines --no-legend --plain | grep -E '^ *{machine.name} +running +0 +0 *$'")


def test_show(host, machine):
    assert machine.show("Unit") == machine.unit
    assert machine.show("Class") == "container"
    assert machine.show("Service") == SERVICE
    assert machine.show("State") == "running"
    assert machine.show("RootDirectory") == f"/var/lib/machines/{machine.name}"


def test_leader_is_pid_1_of_the_machine(host, machine):
    leader = machine.show("Leader")
    assert re.search(r"(?m)^NSpid:\t\d+\t1$", host.ok(f"cat /proc/{leader}/status"))
    assert int(leader) == machine.leader


def test_id_has_16_bytes_and_is_the_machines(host, machine):
    answer = host.ok(f"busctl get-property {MACHINED} {object_path(host, machine.name)} {MACHINED}.Machine Id").split()
    assert answer[:2] == ["ay", "16"]
    told = bytes(map(int, answer[2:])).hex()
    assert told == machine.ok("cat /etc/machine-id")
    assert told == machine.ok("tr '\\0' '\\n' </proc/1/environ | sed -n 's/^container_uuid=//p'").replace("-", "")
    assert told == uuid.UUID(machine.state("Id")).hex


def test_status(host, machine):
    text = host.ok(f"machinectl status --no-pager {machine.name}")
    assert re.search(rf"Leader: {machine.leader} \(systemd\)", text)
    assert re.search(rf"Service: {SERVICE}; class container", text)
    assert re.search(rf"Root: /var/lib/machines/{machine.name}", text)
    assert re.search(r"OS: Debian GNU/Linux", text)
    assert re.search(rf"Unit: {re.escape(machine.unit)}", text)
    # the processes below the unit
    assert re.search(r"payload\n(.*\n)*.*init\.scope", text)
    assert "dbus-daemon" in text


def test_console_is_in_the_journal_of_the_service(host, service):
    assert "Debian GNU/Linux" in host.journal(unit=service.unit)
    # since the machine was registered
    assert "Reached target" in host.ok(f"machinectl status --no-pager -n 1000 {service.name}")


def test_state_names_the_unit(host, machine):
    assert machine.state("Unit") == machine.unit


@pytest.fixture
def address(machine):
    """An address inside, given by hand."""
    machine.ok("ip link add seen0 type veth peer name seen1 && ip address add 192.0.2.7/24 dev seen0 && ip link set seen0 up")
    yield "192.0.2.7"
    machine.ok("ip link delete seen0")


def test_addresses(host, machine, address):
    assert address in host.ok(f"machinectl status --no-pager {machine.name}")
    row = next(r for r in host.ok("machinectl list --no-legend").splitlines() if r.startswith(machine.name + " "))
    assert address in row
    # by nss-mymachines
    assert host.ok(f"getent hosts {machine.name}").split() == [address, machine.name]


def test_users_of_the_machine_have_names(host, machine):
    base = machine.base
    assert base >= 65536
    assert host.ok(f"getent passwd vu-{machine.name}-0").split(":")[2] == str(base)
    assert host.ok(f"getent passwd {base + 33}").split(":")[0] == f"vu-{machine.name}-33"
    assert host.ok(f"getent group vg-{machine.name}-5").split(":")[2] == str(base + 5)


def test_ps_knows_the_machine(host, machine):
    assert host.ok(f"ps -o machine= -p {machine.leader}").strip() == machine.name
    inside = host.ok("ps -e -o machine=,comm=").splitlines()
    assert any(re.match(rf"\s*{machine.name}\s+dbus-daemon", line) for line in inside), inside


def test_cgls_shows_the_tree(host, machine):
    tree = host.ok("systemd-cgls --no-pager --full")
    assert "machine.slice" in tree and machine.unit in tree
    own = host.ok(f"systemd-cgls --no-pager -u {machine.q}")
    for part in ("supervisor", "payload", "init.scope", "system.slice"):
        assert part in own
    assert "dbus" in host.ok(f"systemd-cgls --no-pager -M {machine.name}")


# --- the name is taken ---------------------------------------------------------------------------

def squat(host, name, script="exec sleep 1000"):
    """Registers @name for a process of a unit of the test; gives the process."""
    host.ok(f"systemd-run -q --unit squat-{name} -p KillMode=control-group sh -c '{script}'")
    pid = host.wait(f"systemctl show -P MainPID squat-{name}.service | grep -v '^0$'")
    return register(host, name, pid)


def register(host, name, pid):
    host.ok(f"busctl call {MANAGER} RegisterMachine sayssus {name} 0 squatter container {pid} ''")
    return pid


def test_name_of_a_living_machine_is_not_taken(host, make):
    guest = make("taken")
    pid = squat(host, "taken")
    try:
        before = host.cursor()
        guest.start()
        # the machine runs, unregistered, and the launcher has said so once; the entry stays the other's
        assert guest.show("Leader") == pid
        assert guest.ok("cat /proc/1/comm") == "systemd"
        told = [line for line in host.journal(guest.unit, before).splitlines() if "machined" in line or "regist" in line.lower()]
        assert len(told) == 1 and "taken" in told[0], told
        guest.stop()
        assert guest.show("Leader") == pid
    finally:
        host.run("systemctl", "stop", "squat-taken.service")


def test_name_of_a_living_machine_and_registration_demanded(host, make):
    guest = make("taken2", "scope", options=["--register=yes"])
    pid = squat(host, "taken2")
    try:
        guest.spawn()
        assert guest.wait_end() != 0
        text = guest.said()
        assert "taken2" in text and re.search(r"machined|registered|exists", text)
        assert guest.show("Leader") == pid
        # nothing of the refused start is left
        assert not host.sh(f"systemctl is-active {guest.q}").startswith("active")
        assert host.status("test -e /run/stead/machines/taken2") != 0
    finally:
        host.run("systemctl", "stop", "squat-taken2.service")


def test_entry_of_a_dead_leader_is_withdrawn(host, make):
    guest = make("stale")
    # the unit stays, its registered process does not
    squat(host, "stale", "sleep 1000 & exec sleep 999")
    try:
        child = host.wait("pgrep -f 'sleep 1000$' -P $(systemctl show -P MainPID squat-stale.service)")
        host.ok(f"busctl call {MANAGER} UnregisterMachine s stale")
        register(host, "stale", child)
        host.ok(f"kill -KILL {child}")
        guest.start()
        assert int(guest.show("Leader")) == guest.leader
        assert guest.show("Unit") == guest.unit
        guest.stop()
        guest.wait_gone()
    finally:
        host.run("systemctl", "stop", "squat-stale.service")


# --- what the command line says ------------------------------------------------------------------

def test_registration_can_be_refused(host, make):
    guest = make("alone", "scope", options=["--register=no"])
    guest.start()
    assert not guest.is_registered()
    # and the scope is there all the same
    assert host.ok(f"systemctl is-active {guest.q}") == "active"
    assert guest.ok("systemctl is-active dbus.socket") == "active"
    guest.stop()
    guest.wait_gone()


def test_slice_and_properties_of_the_scope(host, make):
    guest = make("sliced", "scope", options=["--slice=blue.slice", "--property=Description=A blue one",
                                             "--property=TasksMax=1234"])
    guest.start()
    assert host.ok(f"systemctl show -P Slice {guest.q}") == "blue.slice"
    assert host.ok(f"systemctl show -P Description {guest.q}") == "A blue one"
    assert host.ok(f"systemctl show -P TasksMax {guest.q}") == "1234"
    assert host.ok(f"systemctl show -P ControlGroup {guest.q}") == f"/blue.slice/{guest.unit}"
    guest.stop()
    guest.wait_gone()


def test_scope_has_what_machined_would_give_it(host, scope):
    shown = dict(line.split("=", 1) for line in host.ok(
        f"systemctl show {scope.q} -p Slice,Delegate,CollectMode,TasksMax,Controller,KillMode,DevicePolicy").splitlines())
    assert shown["Slice"] == "machine.slice"
    assert shown["Delegate"] == "yes"
    assert shown["CollectMode"] == "inactive-or-failed"
    assert shown["TasksMax"] == "16384"
    assert shown["DevicePolicy"] == "closed"
    # systemd asks it for an orderly stop instead of killing
    assert shown["Controller"].startswith(":1.")


def test_keep_unit_takes_the_unit_it_is_in(host, make):
    guest = make("kept-unit")
    host.ok("systemd-run -q --unit kept-by-test -p Delegate=yes -p Type=notify -p KillMode=mixed --slice machine.slice "
            "stead-launch --keep-unit --boot --notify-ready=yes -M kept-unit")
    try:
        assert guest.show("Unit") == "kept-by-test.service"
        top = "0::/machine.slice/kept-by-test.service"
        assert host.ok(f"grep ^0: /proc/{guest.leader}/cgroup") == f"{top}/payload/init.scope"
        assert host.ok(f"grep ^0: /proc/{guest.launcher}/cgroup") == f"{top}/supervisor"
    finally:
        host.run("systemctl", "stop", "kept-by-test.service")
    lab.wait_for(lambda: not guest.is_registered(), what="machined to forget it")


def test_name_with_dashes_and_dots(host, make):
    guest = make("a-b.c-d", "scope")
    guest.start()
    assert guest.show("Unit") == r"machine-a\x2db.c\x2dd.scope"
    guest.stop()
    guest.wait_gone()
    again = lab.Guest(host, "a-b.c-d", "service")
    again.start()
    assert again.show("Unit") == "stead@a-b.c-d.service"
    again.stop()
    again.wait_gone()
