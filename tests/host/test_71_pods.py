# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pods as units: what systemd starts with a member and in which order it stops, the slice of the members, the check
of health, and a host's systemd-networkd."""
import json
import re
import subprocess

import pytest

import lab

# answers with what it is told on port $1, and when it is stopped notes whether the service address was still there
MEMBER = """#!/bin/sh
trap 'ip -o addr show dev service0 2>/dev/null | grep -c 203.0.113.53 >/seen; exit 0' TERM
while :; do nc -l -p $1 -e cat 2>/dev/null || sleep 0.1; done &
while :; do wait; done
"""
NETWORK = "[Network]\nVirtualEthernet=yes\n"
ADDRESS = "Address=192.0.2.2/24\nGateway=192.0.2.1\n"
SERVICE = "ServiceAddress=203.0.113.53\n"
HEALTH = ("[Health]\nCommand=sh -c \"test -e /run/well && ip link show host0\"\n"
          "IntervalSec=200ms\nTimeoutSec=5\nRetries=2\nWithdrawSec=300ms\n")
LIMITS = "[Resources]\nTasksMax=40\nCPUWeight=50\n"


@pytest.fixture(scope="module")
def booted(version):
    """A host of this systemd without networkd; one of its pods is wanted by machines.target when it boots."""
    host = lab.Host(version, masked=("systemd-networkd.socket",)).make()
    folder = host.path("/etc/stead")
    folder.mkdir(exist_ok=True)
    (folder / "early.pod").write_text(NETWORK + "[Install]\nWantedBy=machines.target\n")
    (folder / "late.pod").write_text(NETWORK)
    with host:
        yield host


class Pods:
    """The pods and members of one test."""

    def __init__(self, host):
        self.host, self.names, self.guests = host, [], []

    def pod(self, name, text):
        self.host.write(f"/etc/stead/{name}.pod", text)
        self.names.append(name)
        self.host.ok("systemctl daemon-reload")

    def member(self, name, pod, port=80):
        tree = self.host.path(f"/var/lib/machines/{name}")
        lab.machines.copy_tree("busybox", tree)
        (tree / "bin/member").write_text(MEMBER)
        (tree / "bin/member").chmod(0o755)
        self.host.path(f"/etc/stead/{name}.machine").write_text(
            f"[Exec]\nBoot=no\nKillSignal=SIGTERM\nParameters=/bin/member {port}\n[Network]\nPod={pod}\n")
        self.guests.append(lab.Guest(self.host, name))
        self.host.ok("systemctl daemon-reload")
        return self.guests[-1]

    def state(self, name):
        return next(row for row in json.loads(self.host.ok("stead pod list --json")) if row["name"] == name)

    def served(self, name):
        return "203.0.113.53" in self.host.sh(f"stead pod exec {name} -- ip -o addr show dev service0")

    def wait_served(self, name, yes=True):
        lab.wait_for(lambda: self.served(name) == yes, what=f"service address {'of' if yes else 'gone from'} {name}")

    def clear(self):
        for name in self.names:
            self.host.sh(f"systemctl stop stead-pod@{name}; systemctl reset-failed 'stead-pod*@{name}'")
        for guest in self.guests:
            guest.remove()
        for name in self.names:
            self.host.sh(f"stead pod stop --force {name}; rm -rf /etc/stead/{name}.pod*")
        self.host.ok("rm -f /run/well; systemctl daemon-reload")


@pytest.fixture
def pods(booted):
    p = Pods(booted)
    yield p
    p.clear()
    assert booted.sh("ls /run/stead/pods") == "early"
    assert re.findall(r"(?m)^\d+: (v[ebz]-\S+)@", booted.ok("ip -o link")) == ["ve-early"]


def active(host, *units):
    return host.sh("systemctl is-active " + " ".join(units)).split()


def show(host, unit, key):
    return host.ok(f"systemctl show -P {key} '{unit}'")


def changes(host, since):
    """What systemd has begun and ended, in order."""
    return [" ".join(words) for words in re.findall(r" systemd\[1\]: (Stopping|Stopped) (stead\S+)\.service",
                                                    host.journal(since=since))]


def test_wanted_at_boot(booted):
    """[Install] of a definition, and systemctl enable."""
    assert active(booted, "stead-pod@early", "stead-pod@late") == ["active", "inactive"]
    assert "ve-early" in booted.ok("ip link")
    booted.ok("systemctl enable stead-pod@late")
    assert "stead-pod@late.service" in show(booted, "machines.target", "Wants").split()
    booted.ok("systemctl disable stead-pod@late")
    assert booted.sh("find /etc/systemd/system -name '*late*'") == ""
    # as the target goes so do they
    booted.ok("systemctl stop machines.target")
    booted.wait("systemctl is-active stead-pod@early | grep -x inactive")
    assert "ve-early" not in booted.ok("ip link")
    booted.ok("systemctl start machines.target")
    booted.wait("systemctl is-active stead-pod@early")


def test_members(pods):
    """The first brings the pod up, all are in its slice, and each can stop alone."""
    host = pods.host
    pods.pod("two-fold", NETWORK + LIMITS)
    a, b = pods.member("a", "two-fold"), pods.member("b", "two-fold", 81)
    host.ok("systemctl start stead@a")
    assert active(host, "stead-pod@two-fold", "stead@b") == ["active", "inactive"]
    b.start()
    assert pods.state("two-fold")["members"] == ["a", "b"]
    slice_name = "machine-two\\x2dfold.slice"
    for one in (a, b):
        assert show(host, one.unit, "Slice") == slice_name
        assert one.cgroup().startswith(f"/sys/fs/cgroup/machine.slice/{slice_name}/")
    limits = f"/sys/fs/cgroup/machine.slice/{slice_name}"
    assert show(host, slice_name, "TasksMax") == "40"
    assert show(host, slice_name, "CPUWeight") == "50"
    if "pids" in host.ok("cat /sys/fs/cgroup/cgroup.controllers").split():
        assert host.ok(f"cat '{limits}/pids.max'") == "40"
        # which is for both together
        assert "can't fork" in "".join(one.sh("for i in $(seq 30); do sleep 10 & done 2>&1") for one in (a, b))
        host.wait(f"test $(cat '{limits}/pids.current') -lt 30")
    host.ok("systemctl stop stead@b")
    assert active(host, "stead@a", "stead@b", "stead-pod@two-fold") == ["active", "inactive", "active"]
    assert pods.state("two-fold")["members"] == ["a"]
    host.ok("systemctl stop stead@a")
    assert active(host, "stead-pod@two-fold") == ["active"]


def talk(client, word):
    client.stdin.write(f"{word}\n")
    client.stdin.flush()
    return client.stdout.readline().strip()


def test_restart_of_a_member(pods):
    """Addresses and a connection to the other one stay."""
    host = pods.host
    pods.pod("held", NETWORK + ADDRESS)
    pods.member("a", "held").start()
    pods.member("b", "held", 81).start()

    def links():
        return host.ok("stead pod exec held -- sh -c 'ip -o address; ip route; ip -6 route' | sed 's/ tentative//'")
    client = host.popen("/bin/bash", "-c", "exec 3<>/dev/tcp/192.0.2.2/80; while read w; do echo $w >&3; read r <&3; echo $r; done",
                        stdin=subprocess.PIPE)
    before = links()
    try:
        assert talk(client, "first") == "first"
        for how in ("restart", "kill -s KILL", "start"):
            host.ok(f"systemctl {how} stead@b")
            if how.startswith("kill"):
                host.wait("! systemctl is-active -q stead@b; systemctl reset-failed stead@b")
            assert talk(client, how.split()[0]) == how.split()[0]
        assert links() == before
        assert pods.state("held")["members"] == ["a", "b"]
    finally:
        client.stdin.close()
        client.wait(lab.PATIENCE)
        client.stdout.close()


def test_health(pods):
    """The check's unit runs with the pod; who kills it does not end it."""
    host = pods.host
    pods.pod("sick", NETWORK + SERVICE + HEALTH)
    pods.member("a", "sick").start()
    host.wait("systemctl is-active -q stead-pod-health@sick")
    assert not pods.served("sick")
    host.ok("touch /run/well")
    pods.wait_served("sick")
    assert pods.state("sick")["health"] == "healthy"
    host.ok("rm /run/well")
    pods.wait_served("sick", False)
    assert active(host, "stead@a", "stead-pod@sick", "stead-pod-health@sick") == ["active"] * 3
    host.ok("touch /run/well")
    pods.wait_served("sick")
    host.ok("systemctl kill -s KILL stead-pod-health@sick")
    host.wait("systemctl show -P NRestarts stead-pod-health@sick | grep -q 1")
    lab.wait_for(lambda: pods.state("sick")["health"] == "healthy", what="the check")
    pods.wait_served("sick")
    assert show(host, "stead-pod-health@sick.service", "StartLimitIntervalUSec") == "0"


def test_stopped_by_hand(pods):
    """And not by systemd: the next member makes the network anew, and the check is back with it."""
    host = pods.host
    host.ok("touch /run/well")
    pods.pod("byhand", NETWORK + SERVICE + HEALTH)
    a = pods.member("a", "byhand").start()
    pods.wait_served("byhand")
    assert "Machines run in pod 'byhand': a" in host.sh("stead pod stop byhand 2>&1")
    a.stop()
    host.ok("stead pod stop byhand")
    host.wait("! systemctl is-active -q stead-pod-health@byhand")
    a.start()
    pods.wait_served("byhand")
    # a restart of the pod is one of its members
    before = a.leader
    host.ok("systemctl restart stead-pod@byhand")
    host.wait("systemctl is-active -q stead@a")
    assert a.leader != before and pods.state("byhand")["kept"]
    pods.wait_served("byhand")


@pytest.mark.parametrize("how", ["", "--force", "--lazy"], ids=["unused", "force", "lazy"])
def test_systemd_hears_of_a_stop_by_hand(pods, how):
    """So that it brings the pod up again; the unit of a machine that is left without network goes on."""
    host = pods.host
    pods.pod("heard", NETWORK)
    a = pods.member("a", "heard")
    host.ok("systemctl start stead-pod@heard")
    if how == "--force":
        a.start()
    host.ok(f"stead pod stop {how} heard")
    assert active(host, "stead-pod@heard", "stead@a") == ["inactive", "active" if how == "--force" else "inactive"]
    assert pods.state("heard")["state"] == "off"
    host.ok("systemctl start stead-pod@heard")
    assert pods.state("heard")["state"] == "running" and pods.state("heard")["kept"]
    if how == "--force":
        # it has the new network when it is restarted
        host.ok("systemctl restart stead@a")
        assert pods.state("heard")["members"] == ["a"]
    # and all of it in one order of systemd's
    host.ok("systemctl stop stead-pod@heard")
    assert active(host, "stead-pod@heard", "stead@a") == ["inactive", "inactive"]
    assert pods.state("heard")["state"] == "off"


@pytest.mark.parametrize("check", [True, False], ids=["check", "no-check"])
def test_stop_of_a_pod(pods, check):
    """First the service addresses go, then the members, then the network."""
    host = pods.host
    host.ok("touch /run/well")
    pods.pod("gone", NETWORK + SERVICE + (HEALTH if check else "[Health]\nWithdrawSec=300ms\n"))
    a, b = pods.member("a", "gone").start(), pods.member("b", "gone", 81).start()
    pods.wait_served("gone")
    host.ok("systemctl stop stead@b")
    host.ok("systemctl start stead@b")
    since = host.cursor()
    host.ok("systemctl stop stead-pod@gone; journalctl --sync")
    assert active(host, a.unit, b.unit, "stead-pod@gone", "stead-pod-health@gone") == ["inactive"] * 4
    assert [host.path(f"/var/lib/machines/{n}/seen").read_text() for n in "ab"] == ["0\n", "0\n"]
    order = changes(host, since)
    assert order.index("Stopped stead-pod-health@gone") < order.index("Stopping stead@a") < order.index("Stopped stead@a")
    assert max(order.index("Stopped stead@a"), order.index("Stopped stead@b")) < order.index("Stopping stead-pod@gone")
    assert pods.state("gone")["state"] == "off"
    # and all of it comes back
    host.ok("systemctl start stead@a")
    pods.wait_served("gone")


def test_mistake(pods):
    """It is seen in the status before and after the start, and costs the members their start."""
    host = pods.host
    pods.pod("bad", "[Network]\nVirtualEthernet=maybe\n[Health]\nRetries=0\nComand=true\n")
    pods.member("a", "bad")
    place = "/etc/stead/bad.pod:2: VirtualEthernet=maybe: not a boolean"
    assert place in show(host, "stead-pod@bad.service", "Description")
    said = host.sh("stead check pod:bad 2>&1")
    assert place in said and "bad.pod:4: Retries=0" in said and "bad.pod:5: " in said
    assert host.status("stead check pod:bad") == 1
    assert host.status("systemctl start stead-pod@bad") != 0
    host.ok("journalctl --sync")
    assert re.search(r"stead\[\d+\]: .*" + re.escape(place), host.sh("systemctl status --no-pager -l stead-pod@bad"))
    assert host.status("systemctl start stead@a") != 0
    assert active(host, "stead@a", "stead-pod@bad") == ["inactive", "failed"]
    pods.pod("bad", NETWORK)
    host.ok("stead check pod:bad && systemctl start stead@a")
    assert show(host, "stead-pod@bad.service", "Description") == "Pod bad"


def test_pod_that_is_missing(pods):
    host = pods.host
    pods.member("a", "nowhere")
    assert "a.machine:6: Pod=nowhere: " in host.sh("stead check a 2>&1")
    assert host.status("systemctl start stead@a") != 0
    host.ok("journalctl --sync")
    assert "no definition" in host.sh("systemctl status --no-pager -l stead-pod@nowhere")
    host.ok("systemctl reset-failed stead-pod@nowhere")


def test_beside_networkd(pods):
    """Without Address= a line says what to do; with it all goes on, also when networkd is restarted."""
    host = pods.host
    host.ok("systemctl start systemd-networkd")
    try:
        pods.pod("mute", NETWORK)
        host.ok("systemctl start stead-pod@mute; journalctl --sync")
        assert "Address= in section [Network] of mute.pod" in host.journal("stead-pod@mute")
        pods.pod("net", NETWORK + ADDRESS + "Port=tcp:8080:80\n")
        a = pods.member("a", "net").start()
        ask = "timeout 30 bash -c 'exec 3<>/dev/tcp/{}; echo hello >&3; head -n1 <&3'"
        refused = "nc -w 2 192.0.2.1 9 2>&1 | grep -q refused"
        for _ in range(2):
            host.wait(ask.format("192.0.2.2/80"))
            host.wait(f"test \"$({ask.format('127.0.0.1/8080')})\" = hello")
            # the other way: to the host's end, which networkd leaves alone
            a.wait(refused)
            assert re.findall(r"inet (\S+)", host.ok("ip -4 -o addr show dev ve-net")) == ["192.0.2.1/32"]
            host.ok("systemctl restart systemd-networkd")
            host.wait("networkctl --no-legend --no-pager | grep ve-net | grep -v pending")
        host.wait(f"test \"$({ask.format('127.0.0.1/8080')})\" = hello")
        a.wait(refused)
        host.ok("systemctl stop stead-pod@net")
        assert host.sh("ls /run/systemd/network") == ""
    finally:
        host.ok("systemctl stop systemd-networkd")
