# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 1: process, namespaces, inherited state."""
import ctypes
import os
import re
import signal

import lab
import table
from table import row

table.in_machine(globals(), [
    row("CI-001", "PID 1 is the init", "cat /proc/1/comm", r"^systemd$"),
    row("CI-002", "PID 1 has no parent", "awk '/^PPid/{print $2}' /proc/1/status", r"^0$"),
    row("CI-004", "mounts made before are locked",
        "for p in /run/host /sys; do umount $p && echo gone $p; umount -l $p && echo gone $p; done; "
        "ls -d /run/host /sys; echo done", r"^/sys\ndone$", unless="gone", userns=True),
    row("CI-004", "root undoes mounts made inside", "mount -t tmpfs x /mnt && umount /mnt && echo ok", r"^ok$"),
    row("CI-005", "namespaces belong to the machine",
        "ip link add v0 type veth peer name v1 && ip link del v0 && echo ok", r"^ok$"),
    row("CI-010", "working directory and root are the root", "readlink /proc/1/cwd /proc/1/root", r"^/\n/$"),
    row("CI-011", "PID 1 leads a session", "awk '{print $6}' /proc/1/stat", r"^1$"),
    row("CI-012", "audit login uid is reset",
        "if [ -e /proc/1/loginuid ]; then cat /proc/1/loginuid; else echo none; fi", r"^(4294967295|none)$"),
])

table.in_command(globals(), [
    row("CI-007", "standard descriptors only", "ls /proc/self/fd | wc -l", r"^4$"),
    row("CI-010", "a command starts in the root", "pwd; readlink /proc/self/root", r"^/\n/$"),
    row("CI-015", "personality is set", "uname -m", r"^i686$", options=["--personality=x86"], trees=["bookworm"]),
])


def namespaces(pid):
    return {n: os.readlink(f"/proc/{pid}/ns/{n}") for n in ("mnt", "pid", "uts", "ipc", "cgroup", "net", "user")}


@table.on_machines()
def test_CI_003_new_namespaces(machine):
    inside, host = namespaces(machine.leader), namespaces("self")
    for name in inside:
        if name == "user" and not machine.userns:
            assert inside[name] == host[name]
        else:
            assert inside[name] != host[name], f"{name} namespace is the host's"


def test_CI_003_host_network_is_kept_when_asked(own_tree):
    result = lab.run(own_tree(), "/bin/readlink", "/proc/self/ns/net", net=False, userns=True)
    assert result.stdout.strip() == os.readlink("/proc/self/ns/net"), result.stderr


@table.on_trees()
def test_CI_008_signals_and_umask(plain):
    def spoil():
        os.umask(0o077)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGCHLD])
    out = plain("/bin/sh", "-c", "grep -E 'SigBlk|SigIgn' /proc/self/status; umask",
                restore_signals=False, preexec_fn=spoil)
    assert re.fullmatch(r"SigBlk:\t0+\nSigIgn:\t0+\n0022\n", out.stdout), out


@table.on_trees()
def test_CI_009_no_supplementary_groups(plain):
    out = plain("/usr/bin/id", "-G", extra_groups=[4, 20, 27])
    assert out.stdout == "0\n", out


@table.on_trees(trees=["bookworm"])
def test_CI_007_descriptors_of_the_caller_do_not_leak(plain):
    read, write = os.pipe()
    try:
        out = plain("/bin/sh", "-c", "ls /proc/self/fd | wc -l", pass_fds=[read, write])
        assert out.stdout == "4\n", out
    finally:
        os.close(read)
        os.close(write)


@table.on_trees(trees=["bookworm"])
def test_CI_013_fresh_session_keyring(plain):
    """A key in the launcher's session keyring is not found inside, even where keyring calls are allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    add_key, request_key, keyctl = 248, 249, 250  # x86-64

    def own_keyring():
        libc.syscall(keyctl, 1, b"stead-test", 0, 0, 0)
        if libc.syscall(add_key, b"user", b"stead-marker", b"x", ctypes.c_size_t(1), -3) < 0:
            os._exit(99)
    script = ("syscall({0}, 10, -3, my $t = 'user', my $d = 'stead-marker', 0) >= 0 "
              "? print 'found' : print 'none: ', 0 + $!".format(keyctl))
    out = plain("/usr/bin/perl", "-e", script, preexec_fn=own_keyring,
                options=["--system-call-filter=add_key keyctl request_key"])
    assert out.returncode == 0 and re.fullmatch(r"none: (126|2|128)", out.stdout), out
