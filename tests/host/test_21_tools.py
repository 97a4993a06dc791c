# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of systemd that reach into a machine with -M, its journal, its core dumps and its sshd."""
import re
import shlex

import pytest


def test_systemctl(host, machine):
    assert host.ok(f"systemctl -M {machine.name} is-active dbus.service") == "active"
    # --wait is for the start jobs that are still on; then nothing may have failed
    assert host.sh(f"systemctl -M {machine.name} is-system-running --wait") == "running", \
        host.sh(f"systemctl -M {machine.name} --failed --no-legend; systemctl -M {machine.name} list-jobs")
    host.ok(f"systemctl -M {machine.name} restart systemd-logind.service")


def test_systemd_run_hands_streams_and_status_over(host, machine):
    assert host.status(f"systemd-run -q -M {machine.name} --wait --pipe /bin/false") == 1
    assert host.status(f"systemd-run -q -M {machine.name} --wait --pipe /bin/sh -c 'exit 7'") == 7
    assert host.ok(f"echo there | systemd-run -q -M {machine.name} --wait --pipe /bin/sh -c 'hostname; cat'") == \
        f"{machine.name}\nthere"


def test_journalctl(host, machine):
    machine.ok("logger -t proof 'seen from outside'; journalctl --sync")
    assert host.ok(f"journalctl -M {machine.name} -t proof -o cat").splitlines()[-1] == "seen from outside"


def test_loginctl(host, machine):
    with host.terminal("machinectl", "shell", f"root@{machine.name}", "/bin/sh") as t:
        t.expect("#")
        sessions = host.ok(f"loginctl -M {machine.name} list-sessions --no-legend").split()
        assert "root" in sessions
        t.send("exit\n")
        t.wait()
    host.wait(f"! loginctl -M {machine.name} list-sessions --no-legend | grep -q root")


def test_hostnamectl(host, machine):
    text = host.ok(f"hostnamectl -M {machine.name}")
    assert re.search(rf"hostname: {machine.name}\n", text)
    assert "Chassis: container" in text
    # "other" is what systemd calls a manager that it does not know
    assert re.search(r"Virtualization: (stead|container-other)", text)


def test_busctl(host, machine):
    assert "org.freedesktop.login1" in host.ok(f"busctl -M {machine.name} list --no-legend")


@pytest.mark.parametrize("mode", ["guest", "host"])
def test_CI_148_journal_is_linked(host, make, mode):
    guest = make(f"linked-{mode}", definition=f"[Network]\nPrivate=yes\n[Exec]\nLinkJournal={mode}\n").start()
    machine_id = guest.ok("cat /etc/machine-id")
    assert host.status(f"test -L /var/log/journal/{machine_id}") == (0 if mode == "guest" else 1)
    guest.ok("logger -t linked 'one journal'; journalctl --flush; journalctl --sync")
    assert host.ok(f"journalctl -m _MACHINE_ID={machine_id} -t linked -o cat") == "one journal"
    assert host.ok(f"journalctl -M {guest.name} -t linked -o cat") == "one journal"
    guest.stop()
    guest.wait_gone()
    # and it can be read when the machine is gone
    assert host.ok(f"journalctl -m _MACHINE_ID={machine_id} -t linked -o cat") == "one journal"
    host.ok(f"rm -rf /var/log/journal/{machine_id}")


# What the kernel does with a core pattern that is a pipe; the pattern itself is the real host's.
AS_KERNEL = r"""
import os, re, sys
pattern, values = sys.argv[1], dict(v.split("=", 1) for v in sys.argv[2:])
os.dup2(os.pidfd_open(int(values["P"])), 9)  # 3 itself would not be inherited
os.dup2(9, 3)
os.close(9)
words = [re.sub("%(.)", lambda m: values[m[1]], w) for w in pattern.split()]
os.execv(words[0], words)
"""


def test_core_dump_goes_to_the_machine(host, machine):
    """CoredumpReceive= with a real systemd-coredump on both sides."""
    if host.version == "252":
        assert "CoredumpReceive" not in host.ok(f"systemctl show {machine.q}")  # 255
        return
    host.write("/root/as-kernel", AS_KERNEL)
    pattern = host.ok("sed -n 's/^kernel.core_pattern=|//p' /usr/lib/sysctl.d/50-coredump.conf")
    machine.ok("systemd-run -q --unit crasher sleep 1234")
    pid = host.wait("pgrep -f '^/usr/bin/sleep 1234'")
    values = {"P": pid, "u": machine.base, "g": machine.base, "s": 11, "t": host.ok("date +%s"), "c": 2 ** 63 - 1,
              "h": machine.name, "d": 1, "F": 3}
    try:
        host.ok(f"head -c 100000 /proc/self/exe | python3 /root/as-kernel {shlex.quote(pattern)} " +
                " ".join(f"{k}={v}" for k, v in values.items()))
        machine.wait("coredumpctl --no-legend list sleep")
        assert re.search(r"SIGSEGV\s+\w+\s+/usr/bin/sleep", machine.ok("coredumpctl --no-legend list sleep"))
        assert host.status("coredumpctl --no-legend list sleep") != 0
    finally:
        machine.sh("systemctl stop crasher; rm -f /var/lib/systemd/coredump/*")


def test_CI_087_ssh_to_the_exported_socket(host, machine):
    if host.version == "252":
        assert host.status(f"test -d /run/systemd/nspawn/unix-export/{machine.name}") == 0  # and no client: 256
        return
    machine.wait("test -S /run/host/unix-export/ssh")
    host.ok("test -e /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")
    machine.ok("ssh-keygen -A >/dev/null; install -d -m 700 /root/.ssh; cat >/root/.ssh/authorized_keys",
               input=host.ok("cat /root/.ssh/id_ed25519.pub") + "\n")
    ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    assert host.ok(f"{ssh} root@unix/run/systemd/nspawn/unix-export/{machine.name}/ssh hostname") == machine.name
    machine.ok("rm -r /root/.ssh")
