# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sections 14 to 16: readiness and status, socket activation, credentials."""
import pathlib
import re
import socket
import subprocess
import time

import pytest

import lab
import table
from table import row
from test_02_environment import passed_sockets

SEND = ("perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; "
        "send(S, \"{}\", 0, pack_sockaddr_un(\"/run/host/notify\")) or die $!; print \"sent\"'")

table.in_machine(globals(), [
    row("CI-167", "socket is a datagram socket of root", "stat -c '%F %u' /run/host/notify; " + SEND.format("STATUS=x"), r"^socket 0\nsent$"),
])


@table.on_machines()
def test_CI_167_only_PID_1_is_believed(machine):
    before = len(machine.messages)
    assert machine.sh(SEND.format("STATUS=forged-by-another\\nREADY=1")).endswith("sent")
    time.sleep(0.3)
    assert not any("forged" in text for _, text in machine.messages[before:])
    assert "forged" not in str(machine.state())


@table.on_machines()
def test_CI_173_large_messages_do_no_harm(machine):
    assert machine.sh(SEND.format("STATUS=\" . \"x\" x 4090 . \"")).endswith("sent")
    assert machine.exec("/bin/true").returncode == 0 and machine.process.poll() is None


@pytest.mark.parametrize("tree", lab.DEBIANS)
def test_CI_168_ready_when_booted(own_tree, tree):
    with lab.Machine(own_tree(tree)) as m:
        # the message is sent when the boot transaction is finished; a job or two may be at its end
        lab.wait_for(lambda: m.sh("systemctl is-system-running") in ("running", "degraded"), what="a finished boot")
        assert m.state()["STATE"] == "running"


def test_CI_168_ready_at_once_without_the_option(own_tree):
    m = lab.Machine(own_tree(), "--notify-ready=no", notify=False)
    m.spawn()
    m.wait_ready()
    lab.wait_for(lambda: m.sh("cat /proc/1/comm") == "systemd", what="systemd")
    m.stop()
    m.assert_clean()


def test_CI_169_170_status_leader_and_stopping(own_tree):
    with lab.Machine(own_tree()) as m:
        assert m.said(r"STATUS=.*[Rr]unning"), m.messages
        numbers = re.findall(r"(?m)^X_\w+_LEADER_PID=(\d+)", "\n".join(text for _, text in m.messages))
        assert str(m.leader) in numbers, m.messages
        m.process.terminate()
        lab.wait_for(lambda: m.said("STOPPING=1"), what="STOPPING=1")
        m.wait()


def serve_once(listener):
    client, _ = listener.accept()
    client.sendall(b"secret over a socket")
    client.close()


@table.on_trees()
def test_CI_174_passed_sockets_are_the_ones(plain):
    """The payload accepts a connection on descriptor 3 that somebody on the host made."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        with socket.create_connection(s.getsockname()) as client:
            wrapper = ("bash", "-c", f'exec 3<&{s.fileno()}; [ {s.fileno()} = 3 ] || exec {s.fileno()}<&-; '
                       'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"', "sh")
            script = 'open my $l, "+<&=", 3 or die; accept(my $c, $l) or die $!; syswrite $c, "hello from inside"'
            out = plain("/usr/bin/perl", "-e", script, prefix=wrapper, pass_fds=[s.fileno()])
            assert out.returncode == 0, out
            assert client.recv(100) == b"hello from inside"


def test_CI_174_a_socket_unit_uses_the_passed_one(own_tree):
    tree = own_tree()
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    (tree / "etc/systemd/system/echo.socket").write_text(f"[Socket]\nListenStream=127.0.0.1:{port}\nAccept=yes\n[Install]\nWantedBy=sockets.target\n")
    (tree / "etc/systemd/system/echo@.service").write_text("[Service]\nExecStart=/bin/echo from inside\nStandardOutput=socket\nDynamicUser=no\n")
    wants = tree / "etc/systemd/system/sockets.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "echo.socket").symlink_to("../echo.socket")
    with s:
        wrapper = ("bash", "-c", f'exec 3<&{s.fileno()}; [ {s.fileno()} = 3 ] || exec {s.fileno()}<&-; '
                   'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"', "sh")
        with lab.Machine(tree, prefix=wrapper, pass_fds=[s.fileno()]) as m:
            lab.wait_for(lambda: m.sh("systemctl is-active echo.socket") == "active", what="the socket unit")
            # the machine has a network of its own, so only the passed socket can answer here
            with socket.create_connection(("127.0.0.1", port), timeout=lab.PATIENCE) as client:
                client.settimeout(lab.PATIENCE)
                assert client.recv(100) == b"from inside\n"


@table.on_trees(trees=["bookworm"])
def test_CI_175_passed_sockets_stay_where_they_belong(plain):
    """Only descriptors 3 and 4, no second copy of them; the stub init keeps none."""
    out = passed_sockets(plain, "exec ls /proc/self/fd")
    assert out.stdout.split() == ["0", "1", "2", "3", "4", "5"], out  # 5 is the folder being read


# --- credentials -----------------------------------------------------------------------------------

CREDENTIALS = ["--set-credential=foo:bar\\x21\\n", "--set-credential=empty:"]
table.in_command(globals(), [
    row("CI-176", "content", "cat /run/host/credentials/foo; wc -c </run/host/credentials/empty", r"^bar!\n0$", options=CREDENTIALS),
    row("CI-176", "modes and owners", "stat -c '%a %u:%g' /run/host/credentials /run/host/credentials/foo", r"^500 0:0\n400 0:0$", options=CREDENTIALS),
    row("CI-176", "memory that is never swapped", "findmnt -no FSTYPE,OPTIONS /run/host/credentials", r"^ramfs +ro,nosuid,nodev,noexec", options=CREDENTIALS),
    row("CI-176", "superblock is read only too", "awk '$5 == \"/run/host/credentials\" {print $NF}' /proc/self/mountinfo", r"^ro\b", options=CREDENTIALS),
    row("CI-176", "nobody writes", "touch /run/host/credentials/x; mount -o remount,rw /run/host/credentials && echo writable", r"Read-only",
        unless=r"^writable", options=CREDENTIALS, userns=True),
])


@table.on_trees(trees=["bookworm"])
def test_CI_177_loading(plain):
    with lab.folder() as d:
        (d / "file").write_bytes(b"\0binary\xff")
        (d / "creds").mkdir()
        (d / "creds/relative").write_text("from the unit")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(d / "sock"))
            s.listen()
            import threading
            threading.Thread(target=serve_once, args=[s], daemon=True).start()
            out = plain("/bin/sh", "-c", "cd /run/host/credentials; od -An -c file; cat rel; echo; cat sock", env={"CREDENTIALS_DIRECTORY": str(d / "creds")},
                        options=[f"--load-credential=file:{d}/file", "--load-credential=rel:relative", f"--load-credential=sock:{d}/sock"])
    assert out.stdout.split("\n") == ["  \\0   b   i   n   a   r   y 377", "from the unit", "secret over a socket"], out


@table.on_trees(trees=["bookworm"])
def test_CI_177_a_missing_one_is_named(plain):
    out = plain("/bin/true", options=["--load-credential=x:/nonexistent/st-file"])
    assert out.returncode != 0 and "/nonexistent/st-file" in out.stderr, out


@table.on_trees(trees=["bookworm"])
def test_CI_178_for_another_user(plain):
    out = plain("/bin/sh", "-c", "stat -c %a /run/host/credentials /run/host/credentials/foo; cat /run/host/credentials/foo; id -un",
                options=[*CREDENTIALS, "--user=nobody", "--no-new-privileges=yes"])
    assert out.stdout == "555\n444\nbar!\nnobody\n", out


def test_CI_179_well_known_ones_on_a_fresh_tree(own_tree):
    tree = own_tree("trixie")
    for name in ("etc/hostname", "etc/machine-id", "etc/locale.conf", "etc/localtime"):
        (tree / name).unlink(missing_ok=True)
    with lab.Machine(tree, "--set-credential=passwd.plaintext-password.root:verysecret", "--set-credential=tmpfiles.extra:f /root/made-by-tmpfiles - - - - x",
                     "--set-credential=firstboot.locale:C.UTF-8", "--set-credential=system.hostname:by-credential",
                     "--set-credential=ssh.authorized_keys.root:ssh-ed25519 AAAA st-key") as m:
        assert m.sh("systemd-creds --system cat system.hostname") == "by-credential"
        assert m.sh("cat /root/made-by-tmpfiles") == "x"
        assert m.sh("cat /root/.ssh/authorized_keys") == "ssh-ed25519 AAAA st-key"
        assert m.sh("hostname") == "by-credential"


@pytest.mark.parametrize("tree", ["bookworm", "trixie"])
def test_CI_176_a_booted_systemd_takes_them(own_tree, tree):
    with lab.Machine(own_tree(tree), "--set-credential=foo:bar") as m:
        assert m.sh("systemd-creds --system cat foo; cat /run/host/credentials/foo") == "barbar"


def test_CI_086_credentials_are_gone_with_the_machine(own_tree):
    own = subprocess.run(["sh", "-c", "cat /proc/self/mountinfo | grep -c ramfs"], capture_output=True, text=True).stdout
    with lab.Machine(own_tree(), "--set-credential=foo:st-secret") as m:
        pass
    m.assert_clean()
    assert subprocess.run(["sh", "-c", "cat /proc/self/mountinfo | grep -c ramfs"], capture_output=True, text=True).stdout == own
    assert "st-secret" not in pathlib.Path(m.log_path).read_text()
