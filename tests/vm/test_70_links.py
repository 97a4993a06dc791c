# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links on Debian's kernel 6.1: the kinds that others lack, forwarding of IPv6 as it was before it could be
asked for link by link, and the limits of bandwidth with the modules that Debian has. Two machines have it all."""
import contextlib
import pathlib

import pytest

import lab

SPEED = pathlib.Path(__file__).resolve().parents[1] / "machine/speed.py"
PORTS = SPEED.with_name("ports.py")
FORWARDING = "/proc/sys/net/ipv6/conf/all/forwarding"
WEB = """VirtualEthernet=yes
MACVLAN=up0
IPVLAN=up1
Interface=card:in0
Port=8080:80
BandwidthMax=in:4M out:4M
"""
OTHER = """MACVLAN=up0:lan0
IPVLAN=up1
Address=198.51.100.6/24
"""


class Pair:
    """Machines web and other, and a host with two uplinks and a card, all of them dummies."""

    def __init__(self, vm):
        self.vm = vm
        for path in (SPEED, PORTS):
            vm.write_file(f"/run/{path.name}", path.read_text())
        vm.sh("modprobe dummy; modprobe ifb numifbs=0; for i in up0 up1 card; do ip link add $i type dummy; done; "
              "ip link set up0 up; ip link set up1 up; ip addr add 192.0.2.1/24 dev up0; "
              "ip addr add 2001:db8::1/64 dev up0 nodad")
        self.before = self.state()
        self.machines = [lab.Machine(vm, "web", WEB), lab.Machine(vm, "other", OTHER)]

    def start(self):
        self.web, self.other = [m.start() for m in self.machines]
        for m in self.machines:
            m.net = ["nsenter", f"--net=/proc/{m.leader()}/ns/net"]
        self.inside(self.web, "ip addr add 198.51.100.5/24 dev mv-up0; ip addr add 203.0.113.5/24 dev iv-up1")
        self.inside(self.other, "ip addr add 203.0.113.6/24 dev iv-up1")
        return self

    def state(self):
        return self.vm.sh(f"cat {FORWARDING}; ip -br link | sed 's/@.*//' | cut -d' ' -f1 | sort; ip route")

    def inside(self, m, script):
        """With the tools of the host."""
        return self.vm.ok(*m.net, "sh", "-ec", script)

    @contextlib.contextmanager
    def serving(self, port, *argv):
        command = self.vm.begin(*self.web.net, "python3", *argv)
        try:
            lab.wait_for(lambda: f":{port} " in self.inside(self.web, "ss -Htln"), what="the server")
            yield
        finally:
            command.kill()


@pytest.fixture(scope="module")
def pair(vm):
    p = Pair(vm)
    try:
        yield p.start()
    finally:
        for m in p.machines:
            m.remove()
        after = lab.wait_for(lambda: (s := p.state()) == p.before and s, what="nothing to be left")
        assert after == p.before
        vm.sh("for i in up0 up1 card; do ip link delete $i; done")


def test_macvlan_ipvlan_moved(vm, pair):
    assert "mode bridge" in pair.inside(pair.web, "ip -d link show mv-up0")
    assert "mode l2" in pair.inside(pair.web, "ip -d link show iv-up1")
    assert "dummy" in pair.inside(pair.web, "ip -d link show in0")
    assert vm.run("ip", "link", "show", "card").status != 0
    assert "198.51.100" not in vm.sh("ip addr; ip route")
    with pair.serving(81, "/run/ports.py", "serve", "web", "81"):
        answers = pair.inside(pair.other, "python3 /run/ports.py ask 20 tcp,198.51.100.5,81 tcp,203.0.113.5,81")
        assert answers.splitlines() == ["web 198.51.100.6", "web 203.0.113.6"]


def test_ports_and_names(vm, pair):
    assert vm.read_file(FORWARDING) == "1"
    with pair.serving(80, "/run/ports.py", "serve", "web", "80"):
        own = [f"tcp,{a},8080" for a in ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1")]
        answers = vm.ok("python3", "/run/ports.py", "ask", "20", *own).splitlines()
        assert [a.split()[0] for a in answers] == ["web"] * 4
    assert pair.web.sh("getent ahostsv4 web.stead.internal").split()[0].startswith("100.")


def test_bandwidth(vm, pair):
    address = pair.inside(pair.web, "ip -4 -o addr show host0").split()[3].split("/")[0]
    with pair.serving(90, "/run/speed.py", "listen", "90"):
        for word in ("up", "down"):
            # an emulated processor is late now and then; tests/machine measures more closely
            lab.assert_held(4e6, lambda w=word: int(vm.ok("python3", "/run/speed.py", w, address, "90", "6")), 0.15)
