# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a host may lack, row by row: machined, the bus daemon, both from the start or taken away while machines
run. Each costs one warning and never the machine. (A host without systemd is what tests/machine runs on.)"""
import re
import time

import lab

MARK = """[Unit]
Description=Tells that the machine was stopped in order
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/rm -f /root/orderly
ExecStop=/bin/touch /root/orderly
[Install]
WantedBy=multi-user.target
"""


def add_marked(host, name):
    tree = host.add_guest(name)
    (tree / "etc/systemd/system/mark.service").write_text(MARK)
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "mark.service").symlink_to("/etc/systemd/system/mark.service")
    return tree


def warnings(text):
    """What the launcher itself said about not being known to the host."""
    return [line for line in text.splitlines() if re.search(r"not registered|machined|system bus", line)]


def told(host, guest, since):
    return warnings(host.journal(guest.unit, since) if guest.kind == "service" else guest.output())


def works(host, guest):
    """All that is ours works, whatever the host lacks."""
    assert guest.ok("cat /proc/1/comm") == "systemd"
    assert guest.state("Unit") == guest.unit
    assert host.ok(f"systemctl is-active {guest.q}") == "active"
    top = host.ok(f"systemctl show -P ControlGroup {guest.q}")
    assert top == f"/machine.slice/{guest.unit}"
    assert host.ok(f"grep ^0: /proc/{guest.leader}/cgroup") == f"0::{top}/payload/init.scope"
    assert guest.name in host.ok("stead list")
    assert host.ok(f"systemctl show -P DevicePolicy {guest.q}") == "closed"
    assert host.ok(f"systemctl show -P TasksMax {guest.q}") == "16384"


def assert_orderly(host, guest):
    host.wait(f"! systemctl is-active --quiet {guest.q}")
    assert host.status(f"test -e /var/lib/machines/{guest.name}/root/orderly") == 0


def both_kinds(host):
    for kind in lab.KINDS:
        add_marked(host, kind)
        yield lab.Guest(host, kind, kind)


def test_no_machined(make_host):
    host = make_host(masked=["systemd-machined.service"])
    for guest in both_kinds(host):
        cursor = host.cursor()
        guest.start()
        works(host, guest)
        host.wait(f"stead list | grep -q {guest.name}")
        lines = lab.wait_for(lambda: told(host, guest, cursor), what="a warning")
        assert len(lines) == 1 and guest.name in lines[0], lines
        host.ok(f"systemctl stop {guest.q}")
        assert_orderly(host, guest)

    host.add_guest("demanded")
    guest = lab.Guest(host, "demanded", "scope", ["--register=yes"])
    guest.spawn()
    assert guest.wait_end() != 0
    assert re.search(r"demanded.*(machined|register)", guest.said()), guest.said()
    assert "--register=no" in guest.said() or "Try:" in guest.said()
    assert host.sh(f"systemctl is-active {guest.q}") == "inactive"

    # machined comes later: a reboot of the machine is enough
    guest = lab.Guest(host, "service").start()
    host.ok("rm /etc/systemd/system/systemd-machined.service; systemctl daemon-reload")
    leader = guest.leader
    host.ok("stead reboot service")
    host.wait(f"test $(machinectl show -p Leader --value service) != {leader}")
    assert int(guest.show("Leader")) == guest.leader
    # the host goes down with the machine running: in order
    host.stop()
    assert host.path("/var/lib/machines/service/root/orderly").exists()


def test_no_bus(make_host):
    host = make_host(masked=["dbus.service", "dbus.socket"])
    assert host.status("test -e /run/dbus/system_bus_socket") != 0
    for guest in both_kinds(host):
        cursor = host.cursor()
        begin = time.monotonic()
        guest.start()
        works(host, guest)
        assert time.monotonic() - begin < 30
        lines = lab.wait_for(lambda: told(host, guest, cursor), what="a warning")
        assert len(lines) == 1 and guest.name in lines[0], lines
        # over the private socket of systemd nobody can be asked, but a signal does it
        host.ok(f"systemctl stop {guest.q}")
        assert_orderly(host, guest)
        if guest.kind == "scope":
            assert guest.wait_end() == 0, guest.said()

    # our own verbs need no bus either
    host.ok("stead start service")
    assert host.ok("systemctl is-active stead@service") == "active"
    leader = lab.Guest(host, "service").leader
    host.ok("stead reboot service")
    host.wait(f"test $(stead show service -p Leader --value) != {leader}")
    host.ok("stead stop service")
    assert host.sh("systemctl is-active stead@service") == "inactive"

    # in a unit of somebody's own that is delegated
    guest = lab.Guest(host, "scope")
    host.ok("systemd-run -q --unit mine -p Delegate=yes -p Type=notify -p KillMode=mixed --slice machine.slice "
            "stead-launch --keep-unit --boot --notify-ready=yes -M scope")
    assert guest.state("Unit") == "mine.service"
    assert host.ok(f"grep ^0: /proc/{guest.leader}/cgroup") == "0::/machine.slice/mine.service/payload/init.scope"
    host.ok("systemctl stop mine.service")
    assert host.status("test -e /var/lib/machines/scope/root/orderly") == 0

    guest = lab.Guest(host, "scope", "scope", ["--register=yes"])
    guest.spawn()
    assert guest.wait_end() != 0
    assert re.search(r"scope.*(bus|register)", guest.said()), guest.said()


def test_bus_that_stops_and_comes_back(make_host):
    """Machines that run do not notice; those that start without it say so; machinectl knows all again later."""
    host = make_host()
    add_marked(host, "other")
    other = lab.Guest(host, "other", "scope")
    guests = [*both_kinds(host), other]
    for guest in guests:
        guest.start()
    leaders = [guest.leader for guest in guests]
    host.ok("systemctl stop dbus.socket dbus.service systemd-machined.service 2>/dev/null; ! systemctl is-active dbus.socket dbus.service")
    host.add_guest("late")
    late = lab.Guest(host, "late")
    cursor = host.cursor()
    late.start()
    # machined of 257 is started by its socket and then waits for the bus itself: that takes a while to tell
    lab.wait_for(lambda: told(host, late, cursor), what="a warning")
    assert len(told(host, late, cursor)) == 1
    assert [guest.leader for guest in guests] == leaders
    for guest in guests:
        assert guest.ok("systemctl is-active dbus.service") == "active"
    # a stop without a bus is orderly, even of the scope, whose controller systemd has forgotten
    scope = guests[1]
    host.ok(f"systemctl stop {scope.q}")
    assert scope.wait_end() == 0, scope.said()
    assert_orderly(host, scope)

    host.ok("systemctl start dbus.socket dbus.service; systemctl restart systemd-logind systemd-machined")
    # nor when there is a bus again, where the controller is only a name that nobody has
    host.ok(f"systemctl stop {other.q}")
    assert other.wait_end() == 0, other.said()
    assert_orderly(host, other)
    host.wait("machinectl list --no-legend | grep -q service")
    assert int(guests[0].show("Leader")) == leaders[0]
    host.ok("stead reboot late")
    host.wait("machinectl list --no-legend | grep -q late")
    for guest in (guests[0], late):
        host.ok(f"machinectl poweroff {guest.name}")
        guest.wait_gone()


def test_two_managers_share_a_host(make_host):
    """systemd-nspawn's own machine beside ours: both registered, ranges and names apart."""
    host = make_host()
    # nspawn in a machine finds no /proc that shows everything, which the kernel wants before it allows another
    host.ok("mkdir -p /run/proc /run/sys && mount -t proc proc /run/proc && mount -t sysfs sysfs /run/sys")
    ours = next(both_kinds(host)).start()
    host.add_guest("theirs", definition=None)
    host.ok("systemctl start systemd-nspawn@theirs")
    rows = {line.split()[0]: line.split()[2] for line in host.ok("machinectl list --no-legend").splitlines()}
    assert rows == {"service": "stead", "theirs": "systemd-nspawn"}
    theirs = host.ok("machinectl show -p Leader --value theirs")
    assert int(host.ok(f"cat /proc/{theirs}/uid_map").split()[1]) != ours.base
    # neither takes the other's name or tree
    done = host.run("stead-launch", "--boot", "-M", "theirs")
    assert done.returncode != 0 and re.search("theirs", done.stdout), done.stdout
    done = host.run("systemd-nspawn", "-q", "--boot", "-M", "service", "--register=no", "--keep-unit")
    assert done.returncode != 0 and "busy" in done.stdout.lower(), done.stdout
    host.ok("systemctl stop systemd-nspawn@theirs")
    ours.stop()
    assert_orderly(host, ours)


def test_shutdown_of_the_host_is_orderly_for_its_machines(make_host):
    host = make_host()
    guests = list(both_kinds(host))
    for guest in guests:
        guest.start()
    host.run("systemctl", "poweroff")
    host.machine.wait()
    for guest in guests:
        assert host.path(f"/var/lib/machines/{guest.name}/root/orderly").exists(), guest.name


def test_stop_that_comes_while_a_machine_reboots(make_host):
    """It is heard by nobody inside any more, and has to count all the same."""
    host = make_host()
    host.run("systemctl", "reboot")
    assert host.machine.stop() == 0
