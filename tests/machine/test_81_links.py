# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links of machines under the real launcher. Each test has a host of its own: a network namespace with an
empty /run; machines are plain commands unless an init is what matters, and are asked with the host's tools
in their namespace, since they need none themselves."""
import contextlib
import functools
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import lab
import ports
import pytest

STAY = "echo up; exec sleep 1000"
STOPPED = 128 + signal.SIGKILL  # a plain command knows no other end
GATEWAY = "100.64.0.1"


@functools.lru_cache(None)
def copy(tree):
    """One for this run, which nobody else locks."""
    return lab.copy_tree(tree)


class Inside(ports.Namespace):
    """The network namespace of a machine, with the tools of the host."""

    def __init__(self, leader):
        self.enter, self.children, self.holder = ["nsenter", f"--net=/proc/{leader}/ns/net"], [], None

    def close(self):
        for p in self.children:
            p.kill()
            p.wait()


class Machine:
    def __init__(self, host, name, *options, tree="busybox", boot=False, where=None):
        self.host, self.name = host, name
        command = ["-b"] if boot else ["/bin/sh", "-c", STAY]
        self.process = subprocess.Popen(
            [*host.enter, lab.LAUNCH, "--quiet", "-D", where or copy(tree), "-M", name, "--volatile=overlay",
             "--private-users=pick", f"--console={'read-only' if boot else 'pipe'}", *options, *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=lab.clean_environment())
        self.inside = None
        if boot:
            return
        if self.process.stdout.readline() != "up\n":
            self.process.wait(10)
            self.error = self.process.stderr.read()
            return
        self.error = ""
        self.enter()

    def enter(self):
        def leader():
            state = self.host.run("cat", f"/run/stead/machines/{self.name}/state", check=False).stdout
            found = re.search(r"(?m)^LEADER=(\d+)", state)
            return found and int(found[1])
        self.leader = lab.wait_for(leader, 10, "the leader")
        self.inside = Inside(self.leader)

    def address(self, family=4):
        out = self.inside.sh(f"ip -{family} -o addr show host0 scope global")
        return re.search(r"inet6? ([^/ ]+)", out)[1]

    def exec(self, *command, user=None):
        """By stead exec, with what the tree has."""
        return self.host.run(str(lab.STEAD), "exec", *(["--user", user] if user else []), self.name, "--", *command,
                             check=False)

    def stop(self):
        if self.inside:
            self.inside.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(15)
        finally:
            self.process.stdout.close()
            self.process.stderr.close()

    def crash(self):
        """The launcher is killed, and its machine with it."""
        self.inside.close()
        self.process.kill()
        self.process.wait()
        lab.wait_for(lambda: not pathlib.Path(f"/proc/{self.leader}/ns/net").exists(), 5, "the end of PID 1")


class Host(ports.Namespace):
    def __init__(self):
        super().__init__(own_run=True)
        self.machines, self.client = [], None

    def start(self, name, *options, **more):
        self.machines.append(Machine(self, name, *options, **more))
        assert not getattr(self.machines[-1], "error", ""), self.machines[-1].error
        return self.machines[-1]

    def refuses(self, name, *options):
        m = Machine(self, name, *options)
        self.machines.append(m)
        assert m.inside is None and m.process.returncode != 0
        return m.error

    def add_client(self):
        """Beyond the host, without a route to the machines."""
        self.client = ports.Namespace()
        self.sh(f"ip link add ext type veth peer name ext netns {self.client.holder.pid}; ip link set ext up; "
                "ip addr add 192.0.2.1/24 dev ext; ip addr add 2001:db8::1/64 dev ext nodad")
        self.client.sh("ip link set ext up; ip addr add 192.0.2.2/24 dev ext; "
                       "ip addr add 2001:db8::2/64 dev ext nodad")
        return self.client

    def links(self):
        return re.findall(r"(?m)^\d+: ([^:@]+)", self.sh("ip -o link"))

    def left(self):
        """All that machines may leave, as one text."""
        return self.sh("ip -o link | cut -d' ' -f2; ip route show table all; ip -6 route show table all | "
                       "grep -v 'dev lo'; nft list ruleset; find /run/stead/network -type f -o -type l | "
                       "grep -v '/[.]lock$'; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding "
                       "/proc/sys/net/ipv6/conf/*/forwarding | sort | uniq; true", check=False)

    def close(self):
        for m in self.machines:
            with contextlib.suppress(Exception):
                m.stop()
        for m in self.machines:
            if m.process.poll() is None:
                m.process.kill()
        if self.client:
            self.client.close()
        super().close()


@pytest.fixture
def host():
    h = Host()
    h.sh("mkdir -p /run/stead/network")
    try:
        yield h
    finally:
        h.close()


# --- links ----------------------------------------------------------------------------------------

def test_CI_181_184_veth(host):
    before = host.left()
    m = host.start("web", "-n")
    assert "ve-web" in host.links()
    # the kernel says so a moment after it is
    lab.wait_for(lambda: m.inside.sh("ip -br link show host0").split()[1] == "UP", 2, "host0 to be up")
    # the kernel's own number, as many as processors, takes it longer and nobody uses
    assert [m.inside.sh("ip -d link show host0").count(q) for q in ("numtxqueues 1 ", "numrxqueues 1 ")] == [1, 1]
    mac = m.inside.sh("cat /proc/net/arp; ip -o link show host0 | grep -o 'ether [^ ]*'").split()[-1]
    assert mac[1] in "26ae"
    first = m.address(), m.address(6)
    assert m.inside.ask("tcp,%s,9" % GATEWAY) == "ConnectionRefusedError"
    assert m.stop() == STOPPED
    lab.wait_for(lambda: host.left() == before, 3, "nothing to be left")
    again = host.start("web", "-n")
    assert (again.address(), again.address(6)) == first
    assert mac in again.inside.sh("ip link show host0")


def test_CI_180_lo(host):
    m = host.start("web", "-n")
    assert "LOWER_UP" in m.inside.sh("ip link show lo")


def test_CI_182_183_long_names(host):
    host.start("very-long-container-name", "-n")
    assert host.sh("ip -br link show ve-very-long-container-name").startswith("ve-very-lonfPYR")
    # another link of the name that comes of the shortening
    name = "an-even-longer-container-name"
    m = host.start(name, "-n")
    short = host.sh(f"ip -br link show ve-{name}").split("@")[0]
    assert m.stop() == STOPPED
    host.sh(f"ip link add {short} type bridge")
    for _ in range(2):
        refused = host.refuses(name, "-n")
        assert f"'{short}' already" in refused and "two names became one" in refused
        assert short in host.links()


def test_CI_185_mac_mtu(host):
    m = host.start("web", "-n", "--network-mac-address=02:00:5e:00:53:01", "--network-mtu=1400")
    shown = m.inside.sh("ip -o link show host0")
    assert "02:00:5e:00:53:01" in shown and "mtu 1400" in shown
    assert "mtu 1400" in host.sh("ip link show ve-web")


def test_CI_186_extra_macvlan(host):
    host.sh("ip link add up0 type veth peer name w; ip link set up0 up; ip link set w up")
    m = host.start("web", "-n", "--network-veth-extra=ve-more:more0", "--network-macvlan=up0")
    names = re.findall(r"(?m)^\d+: ([^:@]+)", m.inside.sh("ip -o link"))
    assert sorted(names) == ["host0", "lo", "more0", "mv-up0"]
    assert m.stop() == STOPPED
    assert sorted(host.links()) == ["lo", "up0", "w"]


def test_CI_186_moved_interface(host):
    host.sh("ip link add card type veth peer name w")
    m = host.start("web", "--network-interface=card:in0", "--network-address=192.0.2.9/24")
    assert "card" not in host.links()
    assert "192.0.2.9/24" in m.inside.sh("ip addr show in0")
    m.inside.sh("ip link set in0 down; ip link set in0 name other")
    assert m.stop() == STOPPED
    assert "card" in host.links() and "alias" not in host.sh("ip link show card")
    # what the kernel brought home after a crash
    host.sh("ip link set card name other; ip link set other alias stead:web:card")
    m = host.start("web", "--network-interface=card")
    assert m.stop() == STOPPED and "card" in host.links()


def test_CI_187_zone(host):
    before = host.left()
    one = host.start("one", "--network-zone=lan")
    two = host.start("two", "--network-zone=lan", "-p", "8080:80")
    assert "vz-lan" in host.links() and "vb-one" in host.links()
    one.inside.serve("one", 80)
    two.inside.serve("two", 80)
    assert two.inside.ask(f"tcp,{one.address()},80") == f"one {two.address()}"
    own = one.address()
    assert one.stop() == STOPPED
    assert "vz-lan" in host.links()
    # the other is as well off as before
    assert host.ask("tcp,127.0.0.1,8080").startswith("two ")
    assert host.run("cat", "/proc/sys/net/ipv4/conf/vz-lan/forwarding").stdout == "1\n"
    assert host.start("one", "--network-zone=lan").address() == own
    for m in host.machines:
        assert m.stop() == STOPPED
    lab.wait_for(lambda: host.left() == before, 3, "nothing to be left")


def test_bridge_with_static_addresses(host):
    host.sh("ip link add br0 type bridge; ip link set br0 up; ip addr add 198.51.100.1/24 dev br0")
    m = host.start("web", "--network-bridge=br0", "--network-address=198.51.100.5/24",
                   "--network-gateway=198.51.100.1", "--network-dns=198.51.100.1")
    assert "master br0" in host.sh("ip link show vb-web")
    assert m.inside.ask("tcp,198.51.100.1,9") == "ConnectionRefusedError"
    assert "nameserver 198.51.100.1\n" in m.exec("cat", "/etc/resolv.conf").stdout
    assert "cannot be opened" in host.refuses("more", "--network-bridge=br0", "-p", "80")


def test_static_addresses(host):
    m = host.start("web", "-n", "--network-address=192.0.2.5/24", "--network-gateway=192.0.2.1",
                   "--network-address=2001:db8::5/64", "--network-gateway=2001:db8::1")
    assert m.inside.ask("tcp,192.0.2.1,9", "tcp,2001:db8::1,9") == ["ConnectionRefusedError"] * 2
    assert "via 192.0.2.1" in m.inside.sh("ip route show default")


def test_host_without_ipv6(host):
    host.sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
    m = host.start("web", "-n", "-p", "8080:80")
    m.inside.serve("web", 80)
    assert host.ask("tcp,127.0.0.1,8080").startswith("web ")
    assert m.exec("cat", "/etc/resolv.conf").stdout.count("nameserver") == 1


def test_CI_190_missing_interface(host):
    for option in ("--network-interface=none0", "--network-macvlan=none0"):
        assert "The host has no network interface 'none0', which 'web' needs" in host.refuses("web", option)
    assert "no bridge 'none0'" in host.refuses("web", "--network-bridge=none0")
    assert host.links() == ["lo"]


def test_start_that_fails_meanwhile(host):
    """Links and ports are made while the file systems are, of which one is missing here."""
    before = host.left()
    for _ in range(10):
        assert "/does/not/exist" in host.refuses("web", "-n", "-p", "8080:80", "--bind=/does/not/exist")
        assert host.links() == ["lo"] and host.left() == before


@pytest.mark.parametrize("tree", ["bookworm", "busybox"])
def test_ping_low_ports_tun(host, tree):
    m = host.start("web", "-n", "--bind=/dev/net/tun", tree=tree)
    group = m.exec("cat", "/proc/sys/net/ipv4/ping_group_range").stdout.split()
    assert group[0] == "0" and int(group[1]) >= 65534
    if tree == "busybox":
        assert "1 packets received" in m.exec("ping", "-c1", "-W1", GATEWAY).stdout
    assert m.exec("test", "-c", "/dev/net/tun").returncode == 0
    # as root of the machine, not as the host's
    script = ("import socket;s=socket.socket();s.bind(('',80));"
              "p=socket.socket(socket.AF_INET,socket.SOCK_DGRAM,socket.IPPROTO_ICMP);p.settimeout(2);"
              f"p.sendto(bytes([8,0,0,0,0,0,0,1]),('{GATEWAY}',0));print(p.recv(64)[0])")
    users = ["nsenter", "-t", str(m.leader), "-n", "-U", "-S", "0", "-G", "0", "python3", "-c"]
    assert subprocess.run([*users, script], capture_output=True, text=True).stdout == "0\n"
    users[5:9] = ["-S", "1000", "-G", "1000"]
    script = script.replace("s.bind(('',80));", "")
    assert subprocess.run([*users, script], capture_output=True, text=True).stdout == "0\n"


def test_CI_192_static_binary(host):
    """One program and no tool: the address is there before it runs."""
    m = host.start("static", "-n", tree="static", boot=True)
    m.enter()
    assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"


# --- names ----------------------------------------------------------------------------------------

ANSWER = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); print("ready", flush=True)
while True:
    q, peer = s.recvfrom(512)
    end = 12
    while q[end]: end += q[end] + 1
    known = q[end+1:end+3] == b"\\0\\1"
    a = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + bytes([198, 51, 100, 7]) if known else b""
    s.sendto(q[:2] + b"\\x81\\x80\\0\\1" + bytes([0, known]) + b"\\0\\0\\0\\0" + q[12:end+5] + a, peer)
"""


def test_names(host):
    """Of each other, and through the relay of the host's own name server, which listens on 127.0.0.1."""
    host.sh("echo nameserver 127.0.0.1 >/run/resolv.conf; "
            "mount --bind /run/resolv.conf $(readlink -f /etc/resolv.conf)")
    assert host.spawn(sys.executable, "-c", ANSWER).stdout.readline() == "ready\n"
    web, db = (host.start(name, "-n", tree="bookworm") for name in ("web", "db"))
    assert web.exec("getent", "ahostsv4", "db").stdout.split()[0] == db.address()
    assert db.exec("getent", "ahostsv4", "web.stead.internal").stdout.split()[0] == web.address()
    assert web.exec("getent", "hosts", db.address()).stdout.split()[1] == "db.stead.internal"
    assert web.exec("getent", "ahostsv4", "www.example.org").stdout.split()[0] == "198.51.100.7"


# --- inits ----------------------------------------------------------------------------------------

def test_networkd_inside(host):
    """Enabled or not, it keeps what is there and calls the link configured."""
    where = lab.copy_tree("bookworm")
    try:
        wants = where / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")
        m = host.start("web", "-n", where=where, boot=True)
        m.enter()
        lab.wait_for(lambda: "configured" in m.exec("networkctl", "--no-pager", "status", "host0").stdout, 20,
                     "networkd to take host0")
        state = m.exec("networkctl", "--no-pager", "status", "host0").stdout
        assert re.search(r"State: routable \(configured\)", state), state
        assert "70-stead.network" in state
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
        # and after a restart of it
        m.exec("systemctl", "restart", "systemd-networkd")
        lab.wait_for(lambda: "(configured)" in m.exec("networkctl", "--no-pager", "status", "host0").stdout, 20,
                     "networkd to take host0")
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
        address = m.address()
        # a reboot keeps them
        m.inside.close()
        old = m.leader
        m.exec("systemctl", "reboot")
        lab.wait_for(lambda: (m.enter(), m.leader != old)[1], 20, "the reboot")
        assert m.address() == address
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
    finally:
        host.machines[0].process.kill()
        host.machines[0].process.wait()
        lab.remove_tree(where)


def test_reboot_keeps_ports(host):
    m = host.start("web", "-n", "-p", "8080:80", tree="busybox", boot=True)
    m.enter()
    address, before = m.address(), host.sh("nft list ruleset")
    old = m.leader
    m.exec("reboot", "-f")
    lab.wait_for(lambda: (m.enter(), m.leader != old)[1], 10, "the reboot")
    assert m.address() == address and host.sh("nft list ruleset") == before
    m.inside.serve("web", 80)
    assert host.ask("tcp,127.0.0.1,8080").startswith("web ")


# --- ports ----------------------------------------------------------------------------------------

def test_CI_188_ports(host):
    client = host.add_client()
    web = host.start("web", "-n", "-p", "8080:80", "-p", "udp:5353:53")
    sibling = host.start("sibling", "-n")
    web.inside.serve("web", 80, 53)
    for proto, port in (("tcp", 8080), ("udp", 5353)):
        own = [f"{proto},{a},{port}" for a in ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1")]
        assert [x.split()[0] for x in host.ask(*own)] == ["web"] * 4
        assert client.ask(*own[2:]) == ["web 192.0.2.2", "web 2001:db8::2"]
        assert sibling.inside.ask(*own[2:]) == [f"web {sibling.address()}", f"web {sibling.address(6)}"]
    assert web.stop() == STOPPED
    assert client.ask("tcp,192.0.2.1,8080") == "ConnectionRefusedError"


def test_taken_ports(host):
    host.serve("other", 8080)
    refused = host.refuses("web", "-n", "-p", "8080:80")
    assert re.search(r"Port 8080/tcp of the host is held by python3\S* \(pid \d+", refused)
    host.start("first", "-n", "-p", "8081:80")
    assert "published by machine 'first'" in host.refuses("web", "-n", "-p", "8081:80")
    # a dead holder holds nothing
    host.machines[1].crash()
    host.start("web", "-n", "-p", "8081:80")


def test_flushed_ruleset(host):
    m = host.start("web", "-n", "-p", "8080:80")
    m.inside.serve("web", 80)
    before, took = host.sh("nft list ruleset"), []
    for _ in range(5):
        host.sh("nft flush ruleset")
        start = time.monotonic()
        lab.wait_for(lambda: host.sh("nft list ruleset") == before, 2, "the table")
        took.append(time.monotonic() - start)
    print(f"back after {max(took) * 1000:.0f} ms at most")
    assert max(took) < 1
    assert host.ask("tcp,127.0.0.1,8080").startswith("web ")


# --- bandwidth ------------------------------------------------------------------------------------

SPEED = pathlib.Path(__file__).with_name("speed.py")


def rates(host, m, seconds=1.5):
    """Into the machine and out of it, in Mbit/s."""
    server = m.inside.spawn(sys.executable, str(SPEED), "listen", "90")
    assert server.stdout.readline() == "ready\n"
    return [int(host.run(sys.executable, str(SPEED), word, m.address(), "90", str(seconds)).stdout) / 1e6
            for word in ("up", "down")]


@pytest.mark.parametrize("network", ["-n", "--network-zone=lan"])
def test_bandwidth(host, network):
    before = host.left()
    m = host.start("web", network, "--network-bandwidth-max=in:40M out:10M")
    # root of the machine may do with its own end what it likes
    m.inside.run("tc", "qdisc", "del", "dev", "host0", "root", check=False)
    into, out = rates(host, m)
    print(f"in {into:.1f} of 40, out {out:.1f} of 10 Mbit/s")
    assert 34 < into < 46 and 8.5 < out < 11.5
    m.crash()
    m = host.start("web", network, "--network-bandwidth-max=in:20M")
    into, out = rates(host, m, 1)
    assert 17 < into < 23 and out > 100
    assert "ifb-web" not in host.links()  # of the killed one
    assert m.stop() == STOPPED
    m = host.start("web", network, "--network-bandwidth-max=1G")
    assert m.stop() == STOPPED
    lab.wait_for(lambda: host.left() == before, 3, "nothing to be left")


# --- left-overs -----------------------------------------------------------------------------------

def test_CI_191_nothing_is_left(host):
    def runs(script):
        return subprocess.Popen([*host.enter, lab.LAUNCH, "--quiet", "-D", copy("busybox"), "-M", "web",
                                 "--volatile=overlay", "--private-users=pick", "-n", "-p", "8080:80",
                                 "--console=pipe", "/bin/sh", "-c", script],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=lab.clean_environment())
    before = host.left()
    for _ in range(100):
        with runs("exit 7") as p:
            assert p.wait(10) == 7
    assert host.left() == before
    for i in range(50):
        with runs("echo; exec sleep 1000") as p:
            if i % 2:
                p.stdout.readline()
            else:
                time.sleep(i / 1000)  # somewhere in the start
            p.kill()
    # what a killed one leaves goes with the next of its name
    lab.wait_for(lambda: "ve-web" not in host.links(), 3, "the last link to go")
    with runs("exit 7") as p:
        assert p.wait(10) == 7
    assert host.left() == before
