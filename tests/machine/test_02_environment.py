# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 2: environment block of PID 1."""
import pathlib
import re
import socket

import lab
import table
from table import row

ENVIRON = "tr '\\0' '\\n' </proc/1/environ | sort"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

table.in_machine(globals(), [
    row("CI-016", "PID 1 is told the manager", ENVIRON, r"^container=stead$"),
    row("CI-016", "systemd writes it down", "cat /run/systemd/container", r"^stead$"),
    row("CI-016", "virtualization is detected", "systemd-detect-virt -c", r"^container-other$"),
    row("CI-018", "PID 1 is told its id", ENVIRON, rf"^container_uuid={UUID}$"),
    row("CI-021", "notify socket", ENVIRON, r"^NOTIFY_SOCKET=/run/host/notify$"),
    row("CI-022", "no sockets no variables", ENVIRON, unless=r"^LISTEN_"),
    row("CI-024", "no credentials no variable", ENVIRON, unless=r"^CREDENTIALS_DIRECTORY"),
    row("CI-025", "path", ENVIRON, rf"^PATH={lab.PATH}$"),
    row("CI-025", "home and names", ENVIRON, r"^HOME=/root$(.|\n)*^LOGNAME=root$(.|\n)*^USER=root$"),
    row("CI-025", "term is copied", ENVIRON, r"^TERM=dumb$"),
    row("CI-025", "no lang for an init", ENVIRON, unless=r"^LANG="),
])

table.in_command(globals(), [
    row("CI-017", "the id is configurable", "echo $container", r"^systemd-nspawn$",
        env={"SYSTEMD_NSPAWN_CONTAINER_SERVICE": "systemd-nspawn"}),
    row("CI-024", "credentials directory", "echo $CREDENTIALS_DIRECTORY", r"^/run/host/credentials$",
        options=["--set-credential=foo:bar"]),
    row("CI-025", "lang for a command", "echo $LANG", r"^C.UTF-8$", trees=["bookworm"]),
    row("CI-027", "user assignments win", "echo $container $HOME $TERM $FROM", r"^mine /srv vt mine too$",
        options=["-E", "container=mine", "--setenv=HOME=/srv", "-E", "TERM=vt", "-E", "FROM=mine too"]),
    row("CI-027", "a bare name copies", "echo $COPIED", r"^from the caller$", options=["-E", "COPIED"],
        env={"COPIED": "from the caller"}),
    row("CI-028", "stub init shows little",
        "tr '\\0' '\\n' </proc/1/environ | grep . | cut -d= -f1 | sort | tr '\\n' ' '; echo; echo $HOME $$",
        r"^container container_uuid \n/root [2-9]$", options=["--as-pid2"]),
])

JUNK = {name: "leak" for name in (
    "INVOCATION_ID", "JOURNAL_STREAM", "WATCHDOG_PID", "WATCHDOG_USEC", "SYSTEMD_EXEC_PID", "MAINPID",
    "SSH_CONNECTION", "SUDO_USER", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "ANYTHING_ELSE", "LD_DEBUG_OUTPUT",
    "LISTEN_FDNAMES", "MANAGERPID", "STATE_DIRECTORY")}


@table.on_trees()
def test_CI_026_nothing_else_leaks(plain):
    out = plain("/usr/bin/env", env=JUNK)
    names = {line.split("=")[0] for line in out.stdout.splitlines()}
    allowed = {"container", "container_uuid", "PATH", "HOME", "USER", "LOGNAME", "TERM", "LANG", "NOTIFY_SOCKET",
               "container_host_id", "container_host_version_id", "container_host_build_id",
               "container_host_variant_id", "SHELL", "COLORTERM", "NO_COLOR"}
    assert out.returncode == 0, out
    assert names <= allowed, names - allowed
    assert {"container", "container_uuid", "PATH", "HOME"} <= names


@table.on_machines()
def test_CI_018_id_in_environment_is_the_one_on_record(machine):
    uuid = machine.state()["UUID"].replace("-", "")
    assert re.search(r"container_uuid=(\S+)", machine.sh(ENVIRON))[1].replace("-", "") == uuid


@table.on_machines(trees=["bookworm"])
def test_CI_018_two_machines_differ(machine, own_tree):
    other = lab.run(own_tree(), "/bin/sh", "-c", "echo $container_uuid", userns=True)
    assert re.fullmatch(UUID, other.stdout.strip()), other
    assert other.stdout.strip().replace("-", "") != machine.state()["UUID"].replace("-", "")


@table.on_machines()
def test_CI_019_host_os_release(machine):
    path = pathlib.Path("/etc/os-release")
    host = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    expect = {f"container_host_{k.lower()}={host[k].strip(chr(34))}"
              for k in ("ID", "VERSION_ID", "BUILD_ID", "VARIANT_ID") if k in host}
    got = {line for line in machine.sh(ENVIRON).splitlines() if line.startswith("container_host_")}
    assert got == expect


def passed_sockets(plain, script, **env):
    """Runs a command in a launcher that was given two sockets by a manager."""
    a, b = socket.socket(), socket.socket()
    try:
        for s in (a, b):
            s.bind(("127.0.0.1", 0))
            s.listen()

        wrapper = ("bash", "-c", f'exec 3<&{a.fileno()} 4<&{b.fileno()} {a.fileno()}<&- {b.fileno()}<&-; '
                   'export LISTEN_PID=$$ LISTEN_FDS=2; exec "$@"', "sh")
        return plain("/bin/sh", "-c", script, prefix=wrapper, pass_fds=[a.fileno(), b.fileno()], env=env)
    finally:
        a.close()
        b.close()


@table.on_trees()
def test_CI_022_passed_sockets_are_announced(plain):
    out = passed_sockets(plain, "echo $LISTEN_FDS $LISTEN_PID $$; readlink /proc/$$/fd/3 /proc/$$/fd/4")
    assert re.fullmatch(r"2 1 1\nsocket:\S+\nsocket:\S+\n", out.stdout), out


@table.on_trees()
def test_CI_023_names_of_sockets_are_passed_on(plain):
    out = passed_sockets(plain, "echo $LISTEN_FDNAMES", LISTEN_FDNAMES="http:admin")
    assert out.stdout == "http:admin\n", out
