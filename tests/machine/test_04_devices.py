# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 4: device nodes and terminals."""
import fcntl
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

import lab
import table
from table import row

NODES = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}

table.in_machine(globals(), [
    row("CI-050", "character nodes", "cd /dev; stat -c '%n %t:%T %a %u' " + " ".join(NODES),
        "^" + r"\n".join(f"{n} {d} 666 0" for n, d in NODES.items()) + "$"),
    row("CI-051", "nodes work", "head -c1 /dev/zero | wc -c; echo x >/dev/null; echo $?; echo x >/dev/full; head -c4 /dev/urandom | wc -c",
        r"^1\n0\n.*(No space left|I/O error).*\n4$"),
    row("CI-052", "links", "cd /dev; readlink ptmx fd stdin stdout stderr | tr '\\n' ' '",
        r"^pts/ptmx /proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 $"),
    row("CI-053", "tun works",
        "if [ -e /dev/net/tun ]; then stat -c '%t:%T %a' /dev/net/tun; ip tuntap add t0 mode tun && ip tuntap del t0 mode tun && echo ok; "
        "else echo absent; fi", r"^(a:c8 666\nok|absent)$"),
    row("CI-055", "links by number", "readlink -f /dev/char/1:3 /dev/char/5:0", r"^/dev/null\n/dev/tty$"),
    row("CI-056", "console is a terminal", "test -c /dev/console && stty -F /dev/console size", r"^\d+ \d+$"),
    row("CI-057", "console is the machine's own", "readlink /dev/console; stat -Lc '%U:%G %a' /dev/console",
        r"^pts/\d+\nroot:tty 6[02]0$"),
    row("CI-058", "no kmsg", "test -e /dev/kmsg; echo $?", r"^1$"),
    row("CI-058", "kernel log is no one's", "timeout 1 head -c1 /proc/kmsg 2>/dev/null | wc -c", r"^0$"),
    row("CI-059", "no virtual terminals", "ls /dev/tty[0-9]* /dev/vcs* 2>/dev/null; echo end", r"\Aend$"),
    row("CI-059", "no getty on one", "systemctl is-active getty@tty1", r"^inactive$"),
    row("CI-060", "pseudo devices may be made", "rm -f /tmp/a; mknod /tmp/a c 1 3 && echo made; rm -f /tmp/a", r"^made$", userns=False),
    row("CI-060", "memory may not be made", "mknod /tmp/b c 1 1 && echo made; rm -f /tmp/b", r"not permitted", unless=r"^made"),
    row("CI-060", "disks may not be made", "mknod /tmp/b b 8 0 && echo made; rm -f /tmp/b", r"not permitted", unless=r"^made"),
    row("CI-061", "private devices", "systemd-run -q --wait -pPrivateDevices=yes true; echo $?", r"^0$"),
    row("CI-063", "udev does not run",
        "systemctl is-active systemd-udevd; systemctl show -p ConditionResult --value systemd-udevd", r"^inactive\nno$"),
])


@table.on_machines(userns=False, trees=["bookworm"])
def test_CI_060_a_device_of_the_host_cannot_be_opened(machine):
    """A node that is there, in the tree, for whatever reason, is still no way to the device."""
    node = pathlib.Path(machine.where, "root/kmsg")
    os.mknod(node, 0o666 | 0o020000, os.makedev(1, 11))
    try:
        assert re.search(r"not permitted", machine.sh("head -c1 /root/kmsg"))
    finally:
        node.unlink()


@pytest.mark.parametrize("read_only", [False, True], ids=["rw", "ro"])
def test_CI_062_a_bound_device_is_allowed(own_tree, read_only):
    kind = "--bind-ro" if read_only else "--bind"
    device = "/dev/loop-control" if os.path.exists("/dev/loop-control") else "/dev/kmsg"
    with lab.Machine(own_tree(), f"{kind}={device}", userns=False) as m:
        out = m.sh(f"exec 3<{device} && echo opened; exec 4>{device} && echo writable")
        assert "opened" in out, out
        assert ("writable" in out) == (not read_only), out


# --- terminals ---------------------------------------------------------------------------------------

class Terminal:
    """A pty with a launcher on it, as a person would sit there."""

    def __init__(self, rows=30, columns=90):
        self.master, self.slave = os.openpty()
        self.resize(rows, columns)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def spawn(self, machine):
        slave = self.slave

        def take():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        machine.log = open(machine.log_path, "ab")
        machine.process = subprocess.Popen(machine.args, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take,
                                           env=lab.clean_environment(TERM="vt100"))
        return machine

    def read_until(self, pattern, seconds=lab.PATIENCE):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"waited for {pattern!r}, got:\n{self.text[-2000:]}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    break
        assert re.search(pattern, self.text), self.text[-2000:]
        self.text = self.text[re.search(pattern, self.text).end():]

    def type(self, text):
        os.write(self.master, text.encode())

    def modes(self):
        return termios.tcgetattr(self.slave)

    def close(self):
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal():
    t = Terminal()
    yield t
    t.close()


@pytest.fixture
def shell_on_terminal(own_tree, terminal):
    """A plain shell on an interactive console."""
    m = lab.Machine(own_tree(), "--quiet", boot=False, console="interactive", argv=["/bin/sh", "-i"])
    terminal.before = terminal.modes()
    terminal.spawn(m)
    terminal.read_until(r"# ")
    yield m
    m.kill()


def test_CI_011_057_console_is_the_controlling_terminal(shell_on_terminal, terminal):
    terminal.type("tty; echo $(( 40 + 2 ))$(: </dev/tty && echo -controlling)\r")
    terminal.read_until(r"/dev/(pts/\d+|console)\r\n42-controlling")


def test_CI_065_window_size_follows(shell_on_terminal, terminal):
    terminal.type("stty size\r")
    terminal.read_until(r"30 90\r")
    terminal.resize(41, 123)
    shell_on_terminal.process.send_signal(signal.SIGWINCH)
    # nobody says when it has come there
    terminal.type("until [ \"$(stty size)\" = '41 123' ]; do sleep 0.1; done; echo new-$((40+2))\r")
    terminal.read_until(r"new-42\r")


def test_CI_065_terminal_modes_come_back(shell_on_terminal, terminal):
    assert terminal.modes() != terminal.before, "the launcher should have made the terminal raw"
    terminal.type("exit 7\r")
    assert shell_on_terminal.process.wait(lab.PATIENCE) == 7
    assert terminal.modes() == terminal.before


@pytest.mark.parametrize("how", ["SIGTERM", "child-killed"])
def test_CI_065_terminal_modes_come_back_after_a_crash(shell_on_terminal, terminal, how):
    if how == "SIGTERM":
        shell_on_terminal.process.terminate()
    else:
        os.kill(shell_on_terminal.leader, signal.SIGKILL)
    shell_on_terminal.process.wait(lab.PATIENCE)
    assert terminal.modes() == terminal.before


def test_CI_066_escape_leaves_a_command(shell_on_terminal, terminal):
    terminal.type("\x1d\x1d\x1d")
    shell_on_terminal.process.wait(lab.PATIENCE)


def test_CI_066_escape_asks_an_init_to_stop(own_tree, terminal):
    """Three times ^] is an orderly stop: the shutdown of the init is seen on the console."""
    m = lab.Machine(own_tree(), boot=True, console="interactive")
    m.args.remove("--notify-ready=yes")
    terminal.spawn(m)
    terminal.read_until(r"login: ")
    terminal.type("\x1d\x1d\x1d")
    terminal.read_until(r"(?i)stopped target|reached target.*(power|shutdown)|powering off|system power off")
    assert m.process.wait(lab.PATIENCE) == 0
    m.assert_clean()


@pytest.mark.parametrize("tree", lab.DEBIANS)
def test_CI_064_149_console_survives_a_hangup(own_tree, terminal, tree):
    m = lab.Machine(own_tree(tree), boot=True, console="interactive")
    m.args.remove("--notify-ready=yes")
    terminal.spawn(m)
    try:
        terminal.read_until(r"login: ")
        assert m.sh("systemctl is-active console-getty") == "active"
        m.sh("systemctl restart console-getty")
        terminal.read_until(r"login: ")
        terminal.type("root\r")
        terminal.read_until(r"Password: ")
        m.process.terminate()
        assert m.process.wait(lab.PATIENCE) == 0
    finally:
        m.kill()


def test_CI_067_pipe_hands_descriptors_over(own_tree):
    out = lab.run(own_tree("busybox"), "/bin/sh", "-c", "cat; echo err >&2; test -e /dev/console; echo $?",
                  input="in\n", userns=True)
    assert (out.stdout, out.stderr.strip()) == ("in\n1\n", "err")


def test_CI_067_passive_console_is_quiet(own_tree):
    with lab.Machine(own_tree(), console="passive") as m:
        assert m.sh("test -c /dev/console && echo there") == "there"
        m.sh("echo not-forwarded >/dev/console")
        assert "not-forwarded" not in m.output()


def test_CI_067_read_only_console_is_forwarded(own_tree):
    with lab.Machine(own_tree(), console="read-only") as m:
        m.sh("echo is-forwarded >/dev/console")
        lab.wait_for(lambda: "is-forwarded" in m.output(), what="console output")


def test_CI_067_help_lists_the_modes():
    out = subprocess.run([lab.LAUNCH, "--console=help"], capture_output=True, text=True, timeout=lab.PATIENCE)
    assert out.returncode == 0
    for mode in ("interactive", "read-only", "passive", "pipe", "autopipe"):
        assert mode in out.stdout
