# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 13: signals, shutdown, reboot, exit status."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import time

import pytest

import lab
import table

USERS = pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])


@pytest.mark.parametrize("tree", lab.DEBIANS)
@USERS
def test_CI_154_158_orderly_stop(own_tree, tree, userns):
    """One SIGTERM: the init shuts down in order, and well within its time, which are 90 seconds."""
    with lab.Machine(own_tree(tree), userns=userns) as m:
        m.sh("printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStop=/bin/touch /root/stopped-in-order\\n' "
             ">/run/systemd/system/last.service; systemctl daemon-reload; systemctl start last.service")
        assert m.stop() == 0
        assert (pathlib.Path(m.where) / "root/stopped-in-order").exists()
    m.assert_clean()


def test_CI_158_second_signal_kills(own_tree):
    m = lab.Machine(own_tree())
    m.start()
    m.sh("printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStop=/bin/sleep 600\\nTimeoutStopSec=600\\n' "
         ">/run/systemd/system/slow.service; systemctl daemon-reload; systemctl start slow.service")
    m.process.terminate()
    lab.wait_for(lambda: m.sh("systemctl show -P SubState slow.service") == "stop", what="the orderly stop")
    time.sleep(1)  # two that come at once are one
    assert m.process.poll() is None, "the first signal must be an orderly stop"
    m.process.terminate()
    m.wait()
    m.assert_clean()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_CI_158_plain_command_is_killed_at_once(own_tree, sig):
    m = lab.Machine(own_tree("busybox"), boot=False, argv=["/bin/sh", "-c", "trap '' TERM INT; echo up; while :; do sleep 1; done"])
    m.spawn()
    lab.wait_for(lambda: "up" in m.output(), what="the command")
    m.process.send_signal(sig)
    assert m.wait() != 0
    m.assert_clean()


@pytest.mark.parametrize("tree", lab.DEBIANS)
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
def test_CI_157_a_stop_in_early_boot_is_not_lost(own_tree, tree, delay):
    m = lab.Machine(own_tree(tree))
    m.spawn()
    lab.wait_for(lambda: m.leader_or_none() or m.process.poll() is not None, what="PID 1")
    time.sleep(delay)
    m.process.terminate()
    m.wait()
    m.assert_clean()


@pytest.mark.parametrize("tree", lab.DEBIANS)
@USERS
def test_CI_159_160_163_reboot(own_tree, tree, userns):
    """The same launcher starts PID 1 again: new boot id, same name, everything works the second time."""
    with lab.Machine(own_tree(tree), userns=userns) as m:
        ids, leaders = [], []
        for turn in range(3):
            ids.append(m.sh("cat /proc/sys/kernel/random/boot_id"))
            leaders.append(m.leader)
            assert m.sh("cat /proc/1/comm") == "systemd"
            if turn < 2:
                said = len([1 for _, text in m.messages if "READY=1" in text])
                m.exec("/bin/systemctl", "reboot")
                lab.wait_for(lambda: m.leader_or_none() not in (None, leaders[-1]) and m.state().get("STATE") == "running"
                             and m.sh("systemctl is-active multi-user.target") == "active", what="the second boot")
                assert said >= 1
        assert len(set(ids)) == len(set(leaders)) == 3
        assert m.process.poll() is None
    m.assert_clean()


def test_CI_163_passed_sockets_survive_a_reboot(own_tree):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        wrapper = ("bash", "-c", f'exec 3<&{s.fileno()}; [ {s.fileno()} = 3 ] || exec {s.fileno()}<&-; '
                   'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web; exec "$@"', "sh")
        with lab.Machine(own_tree(), prefix=wrapper, pass_fds=[s.fileno()]) as m:
            def sockets():
                return m.sh("tr '\\0' '\\n' </proc/1/environ | grep ^LISTEN_ | sort | tr '\\n' ' '")
            assert sockets() == "LISTEN_FDNAMES=web LISTEN_FDS=1 LISTEN_PID=1 "
            first = m.leader
            m.exec("/bin/systemctl", "reboot")
            lab.wait_for(lambda: m.leader_or_none() not in (None, first) and m.sh("systemctl is-active multi-user.target") == "active",
                         what="the second boot")
            assert sockets() == "LISTEN_FDNAMES=web LISTEN_FDS=1 LISTEN_PID=1 "


def busybox(tree, *options, script, **more):
    return lab.run(tree, "/bin/sh", "-c", script, options=options, userns=True, **more)


@pytest.mark.parametrize("code", [0, 1, 42, 133, 255])
def test_CI_161_status_of_a_command(own_tree, code):
    """By hand a command's status is passed on as it is; 133 is not mistaken for a reboot."""
    out = busybox(own_tree("busybox"), script=f"exit {code}")
    assert out.returncode == code or (code == 133 and out.returncode == 1)


def test_CI_160_killed_is_a_failure(own_tree):
    out = busybox(own_tree("busybox"), "-a", script="kill -9 $$")
    assert out.returncode not in (0, 133)


def test_CI_161_power_off_is_success(own_tree):
    m = lab.Machine(own_tree())
    m.start()
    m.exec("/bin/systemctl", "poweroff")
    assert m.wait() == 0
    m.assert_clean()


@pytest.mark.parametrize("tree", lab.DEBIANS)
def test_CI_161_exit_code_of_systemd(own_tree, tree):
    m = lab.Machine(own_tree(tree))
    m.start()
    m.exec("/bin/systemctl", "exit", "42")
    assert m.wait() == 42
    m.assert_clean()


def test_CI_161_killed_init_is_a_failure(own_tree):
    m = lab.Machine(own_tree())
    m.start()
    os.kill(m.leader, signal.SIGKILL)
    assert m.wait() != 0
    m.assert_clean()


def test_CI_165_patience_ends(own_tree):
    """Longer than the stop time: the whole cgroup is killed."""
    m = lab.Machine(own_tree("busybox"), "--stop-timeout=1s", "--kill-signal=SIGUSR2", "-a", boot=False,
                    argv=["/bin/sh", "-c", "trap '' TERM HUP USR2; echo up; sleep 1000 & while :; do sleep 1; done"])
    m.spawn()
    lab.wait_for(lambda: "up" in m.output(), what="the command")
    m.process.terminate()
    m.wait()  # for less than the 90 seconds that it were without the option
    m.assert_clean()


@table.on_machines(trees=["bookworm"])
def test_CI_166_only_own_children_are_reaped(machine):
    """Processes that outlive an exec are the machine's; the launcher has no zombie."""
    machine.sh("setsid sleep 0.1 >/dev/null 2>&1 &")
    lab.wait_for(lambda: "sleep" not in lab.processes(machine.name).values(), what="the end of what was left behind")

    def zombies():
        found = []
        for pid in lab.children(machine.process.pid):
            with contextlib.suppress(OSError):
                found += re.findall(r"State:\s+Z", pathlib.Path(f"/proc/{pid}/status").read_text())
        return found
    # a child of its own may have ended just now
    lab.wait_for(lambda: not zombies(), what="no zombie below the launcher")


def test_CI_156_systemd_survives_a_stray_SIGTERM(own_tree):
    """SIGTERM to PID 1 is a re-exec: the machine goes on, and the launcher still hears it."""
    with lab.Machine(own_tree()) as m:
        os.kill(m.leader, signal.SIGTERM)
        lab.wait_for(lambda: "--deserialize" in m.sh("tr '\\0' ' ' </proc/1/cmdline"), what="systemd to execute itself anew")
        lab.wait_for(lambda: m.sh("systemctl is-active multi-user.target") == "active", what="systemd to go on")
