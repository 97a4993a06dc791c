# SPDX-License-Identifier: LGPL-2.1-or-later
"""What machinectl does to a machine. The machine is of systemd with a bus, with a user namespace."""
import re
import subprocess
import time

import pytest

import lab

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(params=lab.KINDS)
def own(request, make):
    """A running machine of its own for a test that ends it."""
    return make(f"own-{request.param}", request.param).start()


def assert_success(host, guest):
    """The unit ended well; a scope is forgotten, or its launcher said 0."""
    if guest.kind == "service":
        assert host.ok(f"systemctl show -P ActiveState {guest.q}") == "inactive"
        assert host.ok(f"systemctl show -P Result {guest.q}") == "success"
    else:
        assert guest.wait_end() == 0, guest.said()
        assert host.sh(f"systemctl show -P ActiveState {guest.q}") == "inactive"


# --- looking -------------------------------------------------------------------------------------

def test_list_images(host, machine):
    row = next(r.split() for r in host.ok("machinectl list-images --no-legend").splitlines() if r.split()[0] == machine.name)
    assert row[1:3] == ["directory", "no"]


def test_list_images_of_a_disk(host):
    """A file system with nothing in it is enough to be listed."""
    path = host.path("/var/tmp/disk.raw")
    with open(path, "wb") as f:
        f.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
    try:
        host.ok("stead create -q on-disk /var/tmp/disk.raw")
        row = next(r.split() for r in host.ok("machinectl list-images --no-legend").splitlines() if r.startswith("on-disk "))
        assert row[1:3] == ["raw", "no"]
        assert "on-disk" in host.ok("stead list --all --quiet").split()
        host.ok("stead enable on-disk")
        assert host.ok("systemctl is-enabled stead@on-disk.service") == "enabled"
        host.ok("stead disable on-disk")
        # the bus service finds it, too
        plan = host.sh("busctl call org.stead1 /org/stead1 org.stead1.Manager Plan s on-disk 2>&1")
        assert "/var/lib/machines/on-disk.raw" in plan and "neither" not in plan, plan
        host.ok("machinectl clone on-disk on-disk2")
        assert "on-disk2" in host.ok("stead list --all --quiet").split()
    finally:
        path.unlink()
        host.sh("stead remove --yes on-disk on-disk2")
    assert "on-disk" not in host.ok("machinectl list-images")


@pytest.mark.parametrize("verb", ["remove NAME", "rename NAME other-name", "read-only NAME yes"])
def test_the_tree_of_a_running_machine_is_left_alone(host, machine, verb):
    done = host.run("/bin/sh", "-c", "machinectl " + verb.replace("NAME", machine.name))
    assert done.returncode != 0
    assert re.search(r"busy|currently running|in use", done.stdout, re.I), done.stdout
    assert machine.ok("test -e /etc/os-release && touch /root/still-writable && echo yes") == "yes"
    assert not host.path("/var/lib/machines/other-name").exists()


def test_the_tree_of_a_stopped_machine_can_be_removed(host, make):
    guest = make("removable").start()
    guest.stop()
    guest.wait_gone()
    host.ok("machinectl remove removable")
    assert not host.path("/var/lib/machines/removable").exists()


# --- inside --------------------------------------------------------------------------------------

def test_shell_runs_a_command(host, machine):
    assert host.status(f"machinectl shell root@{machine.name} /bin/true") == 0
    host.ok(f"machinectl shell {machine.name} /bin/sh -c 'id -u >/root/by-shell; echo $container >>/root/by-shell'")
    machine.wait("test -s /root/by-shell")
    assert machine.ok("cat /root/by-shell; rm /root/by-shell").split()[0] == "0"


def test_shell_on_a_terminal(host, machine):
    with host.terminal("machinectl", "shell", f"root@{machine.name}", "/bin/sh") as t:
        t.expect("#")
        t.send("tty; echo $(hostname)-$(id -u); loginctl list-sessions --no-legend | wc -l; exit\n")
        t.expect(r"/dev/pts/\d+")
        t.expect(rf"{machine.name}-0\n")
        # a real login of PAM
        assert int(re.search(r"\d+", t.expect(r"\n\d+\n|^\d+\n"))[0]) >= 1
        t.wait()


def test_login_with_a_password(host, machine):
    machine.ok("useradd -m -s /bin/sh visitor 2>/dev/null; echo visitor:secret | chpasswd")
    with host.terminal("machinectl", "login", machine.name) as t:
        t.expect("login:")
        t.send("visitor\n")
        t.expect("Password:")
        t.send("secret\n")
        t.expect(r"\$ ")
        t.send("id -un; tty\n")
        t.expect(r"\nvisitor\n")
        t.expect(r"/dev/pts/\d+")
        sessions = host.ok(f"loginctl -M {machine.name} list-sessions --no-legend")
        assert "visitor" in sessions
        t.send("exit\n")
        t.expect("login:")
        t.send("\x1d\x1d\x1d")
        t.wait()
    # in order: a killed user manager would be a failed unit of the shared machine
    machine.ok("loginctl terminate-user visitor; while pgrep -u visitor >/dev/null; do sleep 0.1; done; userdel -r visitor 2>/dev/null; true")
    # its getty lost its terminal when we left
    machine.ok("systemctl stop 'container-getty@*'; systemctl reset-failed 'container-getty@*' 2>/dev/null; true")


def test_copy_to_and_from(host, machine):
    host.write("/root/out", "for you\n", mode=0o640)
    host.ok(f"machinectl copy-to {machine.name} /root/out /root/in")
    assert machine.ok("stat -c %u:%g:%a /root/in; cat /root/in") == "0:0:640\nfor you"
    machine.ok("mkdir -p /root/d/e; echo back >/root/d/e/f")
    host.ok(f"machinectl copy-from {machine.name} /root/d /root/d-{machine.name}")
    assert host.ok(f"stat -c %u:%g /root/d-{machine.name}/e/f; cat /root/d-{machine.name}/e/f") == "0:0\nback"
    machine.ok("rm -r /root/in /root/d")
    host.ok(f"rm -r /root/out /root/d-{machine.name}")


def test_bind_without_user_namespace(host, make):
    guest = make("plain-ids", "scope", options=["--private-users=no"]).start()
    host.ok("machinectl bind --mkdir plain-ids /etc/debian_version /x")
    assert guest.ok("cat /x") == host.ok("cat /etc/debian_version")
    host.ok("mkdir -p /srv/shared && echo seen >/srv/shared/f && machinectl bind --mkdir --read-only plain-ids /srv/shared /srv/deep/er")
    assert guest.ok("cat /srv/deep/er/f") == "seen"
    assert "Read-only" in guest.sh("touch /srv/deep/er/g")
    guest.stop()
    guest.wait_gone()


# --- its end -------------------------------------------------------------------------------------

def test_poweroff(host, own):
    def seconds():
        if host.sh(f"stead show {own.name} -p State --value") != "running":
            own.start()
        begin = time.monotonic()
        host.ok(f"machinectl poweroff {own.name}")
        own.wait_gone()
        took = time.monotonic() - begin
        assert_success(host, own)
        return took
    lab.promised(10, seconds)
    assert own.name not in host.ok("machinectl list --no-legend")


def test_reboot_ten_times(host, make):
    """Both kinds at once, since most of a boot is waiting."""
    guests = [make(f"again-{kind}", kind).start() for kind in lab.KINDS]
    watch = host.popen("sh", "-c", "exec busctl monitor --json=short --match "
                       "\"type='signal',interface='org.freedesktop.machine1.Manager'\" >/run/signals")
    seen = {g: {"leader": [g.show("Leader")], "boot": [g.ok(BOOT_ID)]} for g in guests}
    try:
        host.wait("busctl list --no-legend | grep -q ' busctl '")
        cursor = host.cursor()
        for _ in range(10):
            for g in guests:
                host.ok(f"machinectl reboot {g.name}")
            for g in guests:
                # a name without an entry in between is part of it
                host.wait(f"l=$(machinectl show -p Leader --value {g.name} 2>/dev/null) && "
                          f"test $l != {seen[g]['leader'][-1]} && stead show {g.name} -p State --value | grep -qx running")
                seen[g]["leader"].append(g.show("Leader"))
                seen[g]["boot"].append(g.ok(BOOT_ID))
                assert g.show("Unit") == g.unit
        for g in guests:
            host.wait(f"test $(grep -F '\"{g.name}\"' /run/signals | grep -c MachineNew) -ge 10", what="the last signal")
    finally:
        host.run("pkill", "busctl")
        watch.communicate(timeout=lab.PATIENCE)
        signals = host.sh("cat /run/signals; rm /run/signals").splitlines()
    for g in guests:
        assert len(set(seen[g]["leader"])) == len(set(seen[g]["boot"])) == 11
        told = [line for line in signals if f'"{g.name}"' in line]
        assert [sum(word in line for line in told) for word in ('"MachineNew"', '"MachineRemoved"')] == [10, 10]
    journal = host.journal(since=cursor)
    assert "already exists" not in journal and "MachineExists" not in journal, journal
    for g in guests:
        g.stop()
        g.wait_gone()


def test_terminate_is_orderly(host, own):
    cursor = host.cursor()
    own.ok("systemctl list-units --no-legend dbus.service | grep -q running")
    host.ok(f"machinectl terminate {own.name}")
    own.wait_gone()
    assert_success(host, own)
    # the host's systemd killed nothing, and the machine's went down by itself
    assert not lab.kills(host.journal(since=cursor))
    console = host.ok(f"stead logs {own.name}")
    assert re.search(r"(?i)reached target.*(power-off|poweroff|halt|shutdown)", console), console[-3000:]


def test_kill_of_the_leader(host, own):
    host.ok(f"machinectl kill --kill-whom=leader --signal=SIGKILL {own.name}")
    own.wait_gone()
    if own.kind == "service":
        assert host.ok(f"systemctl show -P Result {own.q}") in ("exit-code", "signal")
        host.ok(f"systemctl reset-failed {own.q}")
    else:
        assert own.wait_end() != 0
    # and it can be started anew
    own.start()
    assert own.show("Unit") == own.unit
    own.stop()
    own.wait_gone()


@pytest.mark.parametrize("kind", lab.KINDS)
def test_kill_of_all_ends_the_machine(host, make, kind):
    """SIGTERM goes to everything in the unit, our own process there included: it means the machine. A systemd
    that hears it as PID 1 executes itself anew while its bus is gone, and then hears nothing for a minute and a
    half (under systemd-nspawn as well); the stop timeout takes care of that."""
    guest = make(f"killed-{kind}", kind, definition="[Network]\nPrivate=yes\n[Exec]\nStopTimeoutSec=4s\n").start()
    host.ok(f"machinectl kill {guest.name}")
    guest.wait_gone()
    if kind == "service":
        host.run("systemctl", "reset-failed", guest.unit)
    guest.start()
    assert guest.show("Unit") == guest.unit
    guest.stop()
    guest.wait_gone()


def test_restart_after_poweroff_keeps_the_name(host, own):
    """Quick starts and stops never meet an entry of before."""
    for _ in range(3):
        host.ok(f"machinectl poweroff {own.name}")
        own.wait_gone(10)
        assert_success(host, own)
        own.start()
        assert own.show("Unit") == own.unit
    own.stop()
    own.wait_gone()


# --- start and enable ----------------------------------------------------------------------------

def test_start_through_the_alias(host, make):
    """Also where there is no definition, but systemctl has enabled our unit."""
    guest = make("aliased", definition=None)
    host.ok("systemctl enable stead@aliased.service")
    assert host.status("test -L /etc/systemd/system/machines.target.wants/stead@aliased.service") == 0
    host.ok("machinectl start aliased")
    guest.wait_ready()
    assert guest.show("Unit") == "stead@aliased.service"
    assert guest.show("Service") == "stead"
    assert host.ok("systemctl is-active systemd-nspawn@aliased.service") == "active"
    host.ok("machinectl poweroff aliased")
    guest.wait_gone(10)
    host.ok("systemctl disable stead@aliased.service")
    assert "aliased" not in host.sh("ls /etc/systemd/system /etc/systemd/system/machines.target.wants /run/systemd/generator")


def test_enable_with_machinectl(host, make):
    """A machine that has a definition of ours is our unit to machinectl's enable and disable, too."""
    guest = make("aliased2")
    host.ok("systemctl daemon-reload")
    host.ok("machinectl enable aliased2")
    try:
        host.ok("systemctl restart machines.target")
        host.wait("machinectl show -p Unit --value aliased2 2>/dev/null | grep -qx stead@aliased2.service", 30)
        guest.wait_ready()
        guest.stop()
    finally:
        host.ok("machinectl disable aliased2")
    assert "aliased2" not in host.sh("ls /etc/systemd/system /etc/systemd/system/machines.target.wants/")
