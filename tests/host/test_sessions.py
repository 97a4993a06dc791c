# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions, live mounts and copies as machined and logind of the host see them."""
import re
import shlex

import pytest

import lab

PROMPT = r"[#$] "


def listed(text):
    """(user, terminal) of the sessions that loginctl lists, without those of user managers."""
    found = []
    for line in text.splitlines():
        user, tty = re.search(r"^\s*\S+\s+\d+\s+(\S+)", line)[1], re.search(r"\bpts/\d+\b", line)
        if tty:
            found.append((user, tty[0]))
    return found


@pytest.fixture
def jane(machine):
    machine.ok("id jane >/dev/null 2>&1 || useradd -m -s /bin/bash jane; echo jane:secret | chpasswd")
    return machine


@pytest.mark.parametrize("words", [["shell", "jane@NAME"], ["login", "NAME"]], ids=["shell", "login"])
def test_a_session_is_seen_on_both_sides(host, jane, words):
    name = jane.name
    look = "loginctl list-sessions --no-legend --no-pager"
    jane.wait(f"! {look} | grep pts/")  # of the test before
    with host.terminal("stead", *[w.replace("NAME", name) for w in words]) as t:
        if words[0] == "login":
            t.expect("login: ")
            t.send("jane\n")
            t.expect("[Pp]assword: ")
            t.send("secret\n")
        t.expect(r"\$ ")
        assert listed(jane.ok(look)) == [("jane", "pts/1")]
        assert listed(host.ok(f"loginctl -M {name} list-sessions --no-legend --no-pager")) == [("jane", "pts/1")]
        assert not listed(host.ok(look)), "it is the machine's, not the host's"
        t.send("loginctl --no-pager show-session $XDG_SESSION_ID | grep -E '^(Name|Service|Type)=' | sort | paste -sd,\n")
        t.expect("Name=jane,Service=login,Type=tty")
        t.send("exit 11\n")
        status = t.wait()
        assert status == 11 or words[0] == "login"
    host.wait(f"test -z \"$(loginctl -M {name} list-sessions --no-legend | grep pts/)\"")


def test_a_session_sits_in_the_machines_cgroups(host, jane):
    with host.terminal("stead", "shell", f"jane@{jane.name}") as t:
        t.expect(r"\$ ")
        t.send("echo pid $$.\n")
        inside = re.search(r"pid (\d+)\.", t.expect(r"pid \d+\."))[1]
        path = jane.ok(f"cut -d: -f3 /proc/{inside}/cgroup | tail -n 1")
        assert re.match(r"/user.slice/user-\d+.slice/session-\w+.scope$", path)
        outside = host.ok(f"head -n 1 {shlex.quote(jane.cgroup() + '/payload' + path)}/cgroup.procs")
        assert host.ok(f"cut -d: -f3 /proc/{outside}/cgroup | tail -n 1") == \
            f"{jane.cgroup().removeprefix('/sys/fs/cgroup')}/payload{path}"
        t.send("exit\n")
        t.wait()
    jane.wait("! loginctl list-sessions --no-legend --no-pager | grep pts/")


def test_bind_and_copy(host, machine):
    """What machinectl refuses with a user namespace."""
    name = machine.name
    host.ok("mkdir -p /srv/files && echo text >/srv/files/one && chown 1000:1000 /srv/files/one && chmod 640 /srv/files/one")
    assert "namespac" in host.sh(f"machinectl bind --mkdir {name} /srv/files /srv/files")
    host.ok(f"stead bind --mkdir {name} /srv/files /srv/bound:map=1000:33")
    assert machine.ok("stat -c %u:%g:%a /srv/bound/one") == "33:33:640"
    host.ok(f"stead unbind {name} /srv/bound")
    host.ok(f"stead cp /srv/files/one {name}:/srv/copy && stead cp {name}:/srv/copy /srv/files/back")
    assert machine.ok("stat -c %u:%g:%a /srv/copy") == "1000:1000:640"
    assert host.ok("stat -c %u:%g:%a /srv/files/back") == "1000:1000:640"
    host.ok(f"rm -r /srv/files; stead exec {name} rm /srv/copy")


def test_bind_extends_the_device_policy(version):
    """systemd guards the devices of its units, and allows one more while they run."""
    with lab.Host(version, guests=["dev"], options=["--bind=/dev/loop-control"]) as host:
        for kind in lab.KINDS:
            guest = lab.Guest(host, "dev", kind)
            try:
                guest.start()
                device = "loop-control rw"
                assert device not in host.ok(f"systemctl show -P DeviceAllow {guest.q}")
                host.ok("stead bind --mkdir dev /dev/loop-control")
                assert device in host.ok(f"systemctl show -P DeviceAllow {guest.q}")
                assert guest.ok("stat -c %F /dev/loop-control") == "character special file"
                host.ok("stead unbind dev /dev/loop-control")
                guest.stop()
                guest.wait_gone()
            finally:
                if kind == lab.KINDS[-1]:
                    guest.remove()
