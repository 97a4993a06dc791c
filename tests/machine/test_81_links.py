# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links of machines under the real launcher. Each test has a host of its own: a network namespace with an
empty /run; machines are plain commands unless an init is what matters, and are asked with the host's tools
in their namespace, since they need none themselves."""
import concurrent.futures
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
FIREWALL = lab.BUILD / "src/firewall/stead-firewall"
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
            self.process.wait(lab.PATIENCE)
            self.error = self.process.stderr.read()
            return
        self.error = ""
        self.enter()

    def enter(self):
        def leader():
            state = self.host.run("cat", f"/run/stead/machines/{self.name}/state", check=False).stdout
            found = re.search(r"(?m)^LEADER=(\d+)", state)
            return found and int(found[1])
        self.leader = lab.wait_for(leader, what="the leader")
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
            return self.process.wait(lab.PATIENCE)
        finally:
            self.process.stdout.close()
            self.process.stderr.close()

    def crash(self):
        """The launcher is killed, and its machine with it."""
        self.inside.close()
        self.process.kill()
        self.process.wait()
        lab.wait_for(lambda: not pathlib.Path(f"/proc/{self.leader}/ns/net").exists(), what="the end of PID 1")


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
        self.sh(f"ip link add ext type veth peer name ext netns {self.client.holder.pid}; "
                "echo 0 >/proc/sys/net/ipv6/conf/ext/accept_dad; ip link set ext up; "
                "ip addr add 192.0.2.1/24 dev ext; ip addr add 2001:db8::1/64 dev ext nodad")
        self.client.sh("ip link set ext up; ip addr add 192.0.2.2/24 dev ext; "
                       "ip addr add 2001:db8::2/64 dev ext nodad")
        # the kernel's own address comes by itself, and its route is seen by left()
        lab.wait_for(lambda: "local fe80:" in self.sh("ip -6 route show table local dev ext"), what="the host's own address")
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


@pytest.fixture(scope="module", autouse=True)
def names():
    with lab.fixed_names():
        yield


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
    lab.wait_for(lambda: m.inside.sh("ip -br link show host0").split()[1] == "UP", what="host0 to be up")
    # the kernel's own number, as many as processors, takes it longer and nobody uses
    assert [m.inside.sh("ip -d link show host0").count(q) for q in ("numtxqueues 1 ", "numrxqueues 1 ")] == [1, 1]
    mac = m.inside.sh("cat /proc/net/arp; ip -o link show host0 | grep -o 'ether [^ ]*'").split()[-1]
    assert mac[1] in "26ae"
    first = m.address(), m.address(6)
    assert m.inside.ask("tcp,%s,9" % GATEWAY) == "ConnectionRefusedError"
    assert m.stop() == STOPPED
    lab.wait_for(lambda: host.left() == before, what="nothing to be left")
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
    lab.wait_for(lambda: host.left() == before, what="nothing to be left")


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
    assert "IPv6 is turned off on this host" in host.refuses("six", "-n", "--network-address=2001:db8:9::2/64")


def test_small_pool(host):
    """Addresses of launchers that were killed are free when no others are."""
    host.sh("mkdir -p /etc/stead; mount -t tmpfs tmpfs /etc/stead; "
            "printf '[Network]\\nPool=198.18.0.16/28\\n' >/etc/stead/stead.conf")
    alive = host.start("alive", "-n")
    fill = "cd /run/stead/network/.addresses; for n in $(seq 18 30); do ln -s {0} 198.18.0.$n || :; done"
    host.sh(fill.format("killed"))
    late = host.start("late", "-n")
    assert late.address().startswith("198.18.0.") and late.address() != alive.address()
    assert host.sh(f"readlink /run/stead/network/.addresses/{alive.address()}") == "alive\n"
    host.sh(fill.format("alive"))
    assert "There is no address for 'more'" in host.refuses("more", "-n")


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
        assert "1 packets received" in m.exec("ping", "-c1", "-W20", GATEWAY).stdout
    assert m.exec("test", "-c", "/dev/net/tun").returncode == 0
    # as root of the machine, not as the host's
    script = ("import socket;s=socket.socket();s.bind(('',80));"
              "p=socket.socket(socket.AF_INET,socket.SOCK_DGRAM,socket.IPPROTO_ICMP);p.settimeout(20);"
              f"p.sendto(bytes([8,0,0,0,0,0,0,1]),('{GATEWAY}',0));print(p.recv(64)[0])")
    users = ["nsenter", "-t", str(m.leader), "-n", "-U", "-S", "0", "-G", "0", "python3", "-c"]
    assert subprocess.run([*users, script], capture_output=True, text=True).stdout == "0\n"
    users[5:9] = ["-S", "1000", "-G", "1000"]
    script = script.replace("s.bind(('',80));", "")
    assert subprocess.run([*users, script], capture_output=True, text=True).stdout == "0\n"


def test_tun_inside(host):
    """As a VPN's daemon: a tunnel, its address and route, and packets that come out at the program's end."""
    m = host.start("web", "-n", tree="bookworm")
    tool = ("ip tuntap add dev vpn0 mode tun && ip addr add 10.9.0.1/24 dev vpn0 && ip link set vpn0 up && "
            "ip route add 10.10.0.0/16 dev vpn0 && ip -o addr show vpn0")
    done = m.exec("sh", "-c", tool)
    assert done.returncode == 0 and "10.9.0.1/24" in done.stdout, done.stderr
    # in the machine's network alone
    assert "vpn0" not in host.links()
    assert m.exec("ip", "tuntap", "del", "dev", "vpn0", "mode", "tun").returncode == 0
    # the program that holds the other end reads what is sent there; Perl is what the tree has
    read = ("use Socket; open(my $t, '+<', '/dev/net/tun') or die $!; my $r = pack('a16S', 'vpn1', 0x1001);"
            "ioctl($t, 0x400454ca, $r) or die $!; system('ip addr add 10.9.1.1/24 dev vpn1; ip link set vpn1 up');"
            "socket(my $s, PF_INET, SOCK_DGRAM, 0); send($s, 'hello', 0, pack_sockaddr_in(7, inet_aton('10.9.1.2')));"
            "alarm 60; while (sysread($t, my $p, 2000)) { if ($p =~ /hello$/) { print inet_ntoa(substr($p, 16, 4)); exit 0 } }")
    done = m.exec("perl", "-e", read)
    assert done.stdout == "10.9.1.2", done.stderr


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
    loud = host.start("Loud", "-n")
    for name in ("loud", "LOUD", "loud.stead.internal"):
        assert web.exec("getent", "ahostsv4", name).stdout.split()[0] == loud.address()
    host.start("fixed", "-n", "--network-address=198.51.100.77/24")
    assert web.exec("getent", "hosts", "198.51.100.77").stdout.split()[1] == "fixed.stead.internal"
    assert web.exec("getent", "ahostsv4", "www.example.org").stdout.split()[0] == "198.51.100.7"
    db.crash()
    lab.wait_for(lambda: "ve-db" not in host.links(), what="the link to go")
    assert web.exec("getent", "ahostsv4", "db.stead.internal").returncode == 2


def test_a_name_server_in_a_machine_answers_for_itself(host):
    """Its port leads there from everywhere, but for the gateway's, at which machines ask for names."""
    client = host.add_client()
    dns, web = host.start("dns", "-n", "-p", "udp:53", "-p", "tcp:53", tree="bookworm"), host.start("web", "-n", tree="bookworm")
    dns.inside.serve("dns", 53)
    for m, other in ((web, dns), (dns, web)):
        assert m.exec("getent", "ahosts", other.name).stdout.split()[0] in (other.address(), other.address(6))
    for protocol in ("udp", "tcp"):
        ways = [f"{protocol},{address},53" for address in ("192.0.2.1", "2001:db8::1")]
        assert web.inside.ask(*ways) == [f"dns {web.address()}", f"dns {web.address(6)}"]
        assert client.ask(*ways) == ["dns 192.0.2.2", "dns 2001:db8::2"]
        assert host.ask(f"{protocol},127.0.0.1,53", f"{protocol},{GATEWAY},53") == [f"dns {GATEWAY}"] * 2


NSS = lab.BUILD / "src/nss/libnss_stead.so.2"


def test_names_on_the_host(host):
    """By a module of ours for glibc, without machined: it reads what is there, so nothing can be left over."""
    if not NSS.exists():
        pytest.skip("this libc has no nsswitch.conf")
    host.sh("echo hosts: files stead >/run/nsswitch.conf; mount --bind /run/nsswitch.conf /etc/nsswitch.conf")

    def getent(database, key, *options):
        # anybody may ask
        asked = host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env",
                         f"LD_LIBRARY_PATH={NSS.parent}", "getent", *options, database, key, check=False)
        return asked.returncode, sorted(set(line.split()[0] for line in asked.stdout.splitlines()))

    web, db, zoned, other = (host.start(*words) for words in (
        ("web", "-n"), ("a-long-name-of-a-database", "-n"), ("zoned", "--network-zone=a"), ("other", "--network-zone=a")))
    assert getent("ahosts", "web") == (0, sorted([web.address(), web.address(6)]))
    assert getent("ahosts", "web.stead.internal") == (0, sorted([web.address(), web.address(6)]))
    assert getent("ahostsv4", "a-long-name-of-a-database") == (0, [db.address()])
    assert getent("hosts", "web") == (0, [web.address(6)])
    assert getent("ahostsv4", "zoned") == (0, [zoned.address()])
    assert getent("ahostsv4", "WEB") == getent("ahostsv4", "Web.Stead.Internal") == (0, [web.address()])
    asked = host.run("env", f"LD_LIBRARY_PATH={NSS.parent}", "getent", "hosts", web.address())
    assert asked.stdout.split() == [web.address(), "web"]
    for name in ("nobody", "web.example.org", "../network/web", ".lock"):
        assert getent("ahosts", name)[0] == 2, name
    # a killed launcher leaves its file until the next start of the name, but no name
    for m in (web, zoned):
        m.crash()
        lab.wait_for(lambda m=m: getent("ahosts", m.name) == (2, []), what=f"the end of the name {m.name}")
    assert getent("ahostsv4", "other") == (0, [other.address()])
    other.stop()
    assert getent("ahosts", "other") == (2, [])


# --- routers --------------------------------------------------------------------------------------

# RFC 4861, 4.2 and 4.6.2: a router for half an hour, and a prefix of which everybody takes an address
ADVERTISE = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(sys.argv[1]))
prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xc0, 3600, 1800, 0, socket.inet_pton(socket.AF_INET6, sys.argv[2]))
while True:
    s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0))
    time.sleep(0.2)
"""


@pytest.mark.parametrize("kind", ["bridge", "macvlan"])
def test_addresses_by_router_advertisements(host, kind):
    """On a network of somebody else's the machine is a host like others: SLAAC and a default route."""
    router = host.add_client()
    host.sh("ip addr flush dev ext; echo 0 >/proc/sys/net/ipv6/conf/ext/accept_ra; ip link add br0 type bridge; "
            "echo 0 >/proc/sys/net/ipv6/conf/br0/accept_ra; ip link set br0 up")
    if kind == "bridge":
        host.sh("ip link set ext master br0")
    router.sh("ip addr flush dev ext; ip link set ext down; ip link set ext up; ip addr add 2001:db8:5::1/64 dev ext nodad; "
              "ip addr add 2001:db8:6::1/128 dev lo nodad")
    lab.wait_for(lambda: "fe80" in router.sh("ip -6 addr show dev ext -tentative"), what="the router's own address")
    router.spawn(sys.executable, "-c", ADVERTISE, "ext", "2001:db8:5::")
    m = host.start("web", "--network-bridge=br0" if kind == "bridge" else "--network-macvlan=ext")
    link = "host0" if kind == "bridge" else "mv-ext"
    lab.wait_for(lambda: "2001:db8:5:" in m.inside.sh(f"ip -6 addr show dev {link} scope global -tentative"), what="an address")
    assert re.search(rf"default via fe80::\S+ dev {link} proto ra", m.inside.sh("ip -6 route"))
    # and what is beyond the router
    assert m.inside.ask("tcp,2001:db8:5::1,9", "tcp,2001:db8:6::1,9") == ["ConnectionRefusedError"] * 2
    assert "2001:db8" not in host.sh("ip -6 addr; ip -6 route")
    assert m.stop() == STOPPED


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
        def state():
            return m.exec("networkctl", "--no-pager", "status", "host0").stdout
        lab.wait_for(lambda: re.search(r"State: routable \(configured\)", state()), what="networkd to call it routable")
        state = state()
        assert "70-stead.network" in state
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
        # and after a restart of it
        m.exec("systemctl", "restart", "systemd-networkd")
        lab.wait_for(lambda: "(configured)" in m.exec("networkctl", "--no-pager", "status", "host0").stdout,
                     what="networkd to take host0")
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
        address = m.address()
        # a reboot keeps them
        m.inside.close()
        old = m.leader
        m.exec("systemctl", "reboot")
        lab.wait_for(lambda: (m.enter(), m.leader != old)[1], what="the reboot")
        assert m.address() == address
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
    finally:
        host.machines[0].process.kill()
        host.machines[0].process.wait()
        lab.remove_tree(where)


def test_ifupdown_inside(host):
    """It brings up what /etc/network/interfaces names, and leaves alone what stead gave."""
    where = lab.copy_tree("ifupdown")
    interfaces = where / "etc/network/interfaces"
    try:
        # a tree that asked by DHCP on another host's eth0
        interfaces.write_text("auto lo\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet dhcp\n")
        m = host.start("web", "-n", where=where, boot=True)
        m.enter()
        lab.wait_for(lambda: "lo" in m.exec("cat", "/run/network/ifstate").stdout, what="ifupdown")
        lab.wait_for(lambda: m.inside.sh("ip -6 addr show dev host0 tentative") == "", what="the link-local address")
        before = m.inside.sh("ip -o addr; ip route; ip -6 route")
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
        restarted = m.exec("/etc/init.d/networking", "restart")
        assert restarted.returncode == 0, restarted.stdout + restarted.stderr
        assert m.inside.sh("ip -o addr; ip route; ip -6 route") == before
        # an address of its own comes and goes beside ours
        m.exec("sh", "-c", "printf 'iface host0:1 inet static\n address 198.51.100.7/24\n' >>/etc/network/interfaces")
        up = m.exec("ifup", "host0:1")
        assert up.returncode == 0, up.stderr
        assert "198.51.100.7" in m.inside.sh("ip addr show host0")
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
        assert m.exec("ifdown", "host0:1").returncode == 0
        assert m.inside.sh("ip -o addr; ip route; ip -6 route") == before
        assert m.inside.ask(f"tcp,{GATEWAY},9") == "ConnectionRefusedError"
    finally:
        host.machines[0].process.kill()
        host.machines[0].process.wait()
        lab.remove_tree(where)


def test_reboot_keeps_ports(host):
    m = host.start("web", "-n", "-p", "8080:80", tree="busybox", boot=True)
    lab.wait_for(lambda: "8080" in host.sh("nft list ruleset"), what="the port")
    m.enter()
    address, before = m.address(), host.sh("nft list ruleset")
    old = m.leader
    m.exec("reboot", "-f")
    lab.wait_for(lambda: (m.enter(), m.leader != old)[1], what="the reboot")
    assert m.address() == address and host.sh("nft list ruleset") == before
    m.inside.serve("web", 80)
    assert host.ask("tcp,127.0.0.1,8080").startswith("web ")


# --- ports ----------------------------------------------------------------------------------------

HOLD = """
import fcntl, struct, sys, time
f = open(sys.argv[1], "w")
fcntl.fcntl(f, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
time.sleep(600)
"""

HOLD_FILE = """
import fcntl, sys, time
f = open(sys.argv[1], "w")
fcntl.flock(f, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


def test_uplinks_are_guarded_before_they_forward(host):
    """Else the host is a router for everybody for some milliseconds."""
    host.add_client()
    forwards = "cat /proc/sys/net/ipv4/conf/ext/forwarding"
    assert host.sh(forwards) == "0\n"
    holder = host.spawn(sys.executable, "-c", HOLD, "/run/stead/network/.lock")
    assert holder.stdout.readline() == "held\n"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        started = pool.submit(host.start, "web", "-n")
        try:
            lab.wait_for(lambda: "ext/forwarding" in host.sh("cat /run/stead/network/.forwarding", check=False), what="the plan")
            time.sleep(0.2)
            assert host.sh("nft list ruleset") == "" and host.sh(forwards) == "0\n"
        finally:
            holder.kill()
        m = started.result(lab.PATIENCE)
    assert host.sh(forwards) == "1\n"
    assert '"ext"' in host.sh("nft list set inet stead uplink4")
    assert m.stop() == STOPPED
    assert host.sh(forwards) == "0\n"


def test_uplinks_are_guarded_until_they_forward_no_more(host):
    """A launcher takes its ports away before its link; who goes last meanwhile leaves it the table."""
    host.add_client()
    before = host.left()
    web, last = host.start("web", "-n", "-p", "8080:80"), host.start("last", "-n", "-p", "8081:80")
    holder = host.spawn(sys.executable, "-c", HOLD_FILE, "/run/stead/network/.forwarding.lock")
    assert holder.stdout.readline() == "held\n"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(web.stop)
        try:
            lab.wait_for(lambda: "ve-web" not in host.links(), what="the end of the link")
            host.run(str(FIREWALL), "remove", last.name)
            assert host.sh("cat /proc/sys/net/ipv4/conf/ext/forwarding") == "1\n"
            assert '"ext"' in host.sh("nft list set inet stead uplink4")
            assert "8081" not in host.sh("nft list ruleset")
            host.sh("ip link del ve-last")  # nobody is left to forward for
        finally:
            holder.kill()
        assert stopped.result(lab.PATIENCE) == STOPPED
    assert host.sh("nft list ruleset; cat /proc/sys/net/ipv4/conf/ext/forwarding") == "0\n"
    assert last.stop() == STOPPED
    assert host.left() == before


def test_uplink_that_comes_later(host):
    """A tunnel or another network card, while machines run: for each it is forwarded, and guarded as those of before."""
    before = host.left()
    machines = [host.start(name, "-n") for name in ("one", "two")]
    client = host.add_client()
    client.serve("out", 80)

    def is_reached(m):
        return m.inside.ask("tcp,192.0.2.2,80", "tcp,2001:db8::2,80") == ["out 192.0.2.1", "out 2001:db8::1"]
    for m in machines:
        lab.wait_for(lambda: is_reached(m), lab.PATIENCE, "the new uplink")
    assert '"ext"' in host.sh("nft list set inet stead uplink4")
    assert [m.stop() for m in machines] == [STOPPED, STOPPED]
    client.close()
    host.client = None
    lab.wait_for(lambda: "ext" not in host.links(), lab.PATIENCE, "the end of the client")
    assert host.left() == before


def test_uplinks_that_cannot_forward(host):
    """It is said once, however often addresses come."""
    m = host.start("bound", "-n")
    host.sh("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; ip link add up0 type bridge")
    for n in range(3):
        host.sh(f"ip addr add 198.51.100.{n + 1}/24 dev up0; sleep 0.5")
    m.inside.close()
    m.process.terminate()
    said = m.process.communicate(timeout=lab.PATIENCE)[1]
    assert said.count("up0/forwarding") == said.count("Read-only file system") == 1, said


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


def test_udp_client_over_a_restart(host):
    """It has talked to nobody meanwhile, and never pauses."""
    host.start("other", "-n")
    talk = host.add_client().talk("192.0.2.1", 5353)
    for _ in range(2):
        talk.hears("nobody")
        web = host.start("rv4web", "-n", "-p", "udp:5353:53")
        web.inside.serve("web", 53)
        talk.hears("web")
        assert web.stop() == STOPPED


# "SOURCE DESTINATION PORT" of each connection that begins on a link
CAPTURE = """
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    frame, (_, _, kind, _, _) = s.recvfrom(2000)
    protocol, = struct.unpack_from("!H", frame, 12)
    six = protocol == 0x86dd
    if kind == socket.PACKET_OUTGOING or not (six and frame[20] == 6 or protocol == 0x800 and frame[23] == 6):
        continue
    family, size, at, tcp = (socket.AF_INET6, 16, 22, 54) if six else (socket.AF_INET, 4, 26, 14 + 4 * (frame[14] & 15))
    if frame[tcp + 13] & 0x12 == 2:
        ends = [socket.inet_ntop(family, frame[at + i * size:at + (i + 1) * size]) for i in (0, 1)]
        print(*ends, struct.unpack_from("!H", frame, tcp + 2)[0], flush=True)
"""


def test_source_on_the_wire(host):
    """Not what a server says it sees, but what arrives at host0."""
    client = host.add_client()
    m = host.start("web", "-n", "-p", "8080:80")
    m.inside.serve("web", 80)
    capture = m.inside.spawn(sys.executable, "-c", CAPTURE, "host0")
    assert capture.stdout.readline() == "ready\n"
    for there, here, family in (("192.0.2.1", "192.0.2.2", 4), ("2001:db8::1", "2001:db8::2", 6)):
        assert client.ask(f"tcp,{there},8080") == f"web {here}"
        assert capture.stdout.readline() == f"{here} {m.address(family)} 80\n"
    # the host itself: its own address is no machine's to answer past it, but a loopback one is
    assert host.ask("tcp,192.0.2.1,8080") == "web 192.0.2.1"
    assert capture.stdout.readline() == f"192.0.2.1 {m.address()} 80\n"
    assert host.ask("tcp,127.0.0.1,8080") == f"web {GATEWAY}"
    assert capture.stdout.readline() == f"{GATEWAY} {m.address()} 80\n"
    assert m.stop() == STOPPED


def test_taken_ports(host):
    host.serve("other", 8080)
    refused = host.refuses("web", "-n", "-p", "8080:80")
    assert re.search(r"Port 8080/tcp of the host is held by python3\S* \(pid \d+", refused)
    host.start("first", "-n", "-p", "8081:80")
    assert "published by machine 'first'" in host.refuses("web", "-n", "-p", "8081:80")
    # a dead holder holds nothing
    host.machines[1].crash()
    host.start("web", "-n", "-p", "8081:80")


def test_one_port_wanted_twice_at_once(host):
    """One of the two has it, whatever else its start has come to; the other is told whose it is."""
    copy("busybox")
    for _ in range(10):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            made = list(pool.map(lambda name: Machine(host, name, "-n", "-p", "8080:80"), ("one", "two")))
        host.machines += made
        won = [m for m in made if not m.error]
        lost = [m for m in made if m.error]
        assert len(won) == len(lost) == 1, [m.error for m in made]
        assert f"is published by machine '{won[0].name}'" in lost[0].error
        won[0].inside.serve(won[0].name, 80)
        assert host.ask("tcp,127.0.0.1,8080").startswith(won[0].name)
        assert won[0].stop() == STOPPED


def test_flushed_ruleset(host):
    m = host.start("web", "-n", "-p", "8080:80")
    m.inside.serve("web", 80)
    before = host.sh("nft list ruleset")

    def seconds():
        host.sh("nft flush ruleset")
        start = time.monotonic()
        lab.wait_for(lambda: host.sh("nft list ruleset") == before, what="the table")
        return time.monotonic() - start
    for _ in range(5):
        lab.promised(1, seconds)
    assert host.ask("tcp,127.0.0.1,8080").startswith("web ")


# --- bandwidth ------------------------------------------------------------------------------------

SPEED = pathlib.Path(__file__).with_name("speed.py")


def assert_rates(host, m, into, out, seconds=1.5):
    """Into the machine and out of it, in Mbit/s: between two numbers, once in five times. A processor that has other
    things to do makes it less, and then for a moment more; without the limit it is never as little."""
    server = m.inside.spawn(sys.executable, str(SPEED), "listen", "90")
    assert server.stdout.readline() == "ready\n"
    for word, (least, most) in (("up", into), ("down", out)):
        measured = []
        while not measured or not least <= measured[-1] <= most and len(measured) < 5:
            measured.append(int(host.run(sys.executable, str(SPEED), word, m.address(), "90", str(seconds)).stdout) / 1e6)
        print(f"{word}: {measured} Mbit/s, {least} to {most}")
        assert least <= measured[-1] <= most


@pytest.mark.parametrize("network", ["-n", "--network-zone=lan"])
def test_bandwidth(host, network):
    before = host.left()
    m = host.start("web", network, "--network-bandwidth-max=in:40M out:10M")
    # root of the machine may do with its own end what it likes
    m.inside.run("tc", "qdisc", "del", "dev", "host0", "root", check=False)
    assert_rates(host, m, (34, 46), (8.5, 11.5))
    m.crash()
    m = host.start("web", network, "--network-bandwidth-max=in:20M")
    assert_rates(host, m, (17, 23), (100, float("inf")), 1)
    assert "ifb-web" not in host.links()  # of the killed one
    assert m.stop() == STOPPED
    m = host.start("web", network, "--network-bandwidth-max=1G")
    assert m.stop() == STOPPED
    lab.wait_for(lambda: host.left() == before, what="nothing to be left")


def test_limits_of_the_killed_go_with_any_start(host):
    """The detour of what a machine sends has no other end that would take it along."""
    before = host.left()
    killed, zoned, limited = (host.start(name, network, "--network-bandwidth-max=out:10M") for name, network in (
        ("killed", "-n"), ("zoned", "--network-zone=lan"), ("limited", "-n")))
    host.sh("ip link add ifb-admins type ifb")
    killed.crash()
    zoned.crash()
    lab.wait_for(lambda: "ve-killed" not in host.links() and "vb-zoned" not in host.links(), what="the links to go")
    assert {"ifb-killed", "ifb-zoned"} <= set(host.links())
    other = host.start("other", "-n")
    assert [name for name in host.links() if name.startswith("ifb-")] == ["ifb-limited", "ifb-admins"]
    host.sh("ip link del ifb-admins")
    for m in (other, limited):
        assert m.stop() == STOPPED
    # files of the others go with the next of their names
    for name, network in (("killed", "-n"), ("zoned", "--network-zone=lan")):
        assert host.start(name, network).stop() == STOPPED
    lab.wait_for(lambda: host.left() == before, what="nothing to be left")


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
            assert p.wait(lab.PATIENCE) == 7
    assert host.left() == before
    for i in range(50):
        with runs("echo; exec sleep 1000") as p:
            if i % 2:
                p.stdout.readline()
            else:
                time.sleep(i / 1000)  # somewhere in the start
            p.kill()
    # what a killed one leaves goes with the next of its name
    lab.wait_for(lambda: "ve-web" not in host.links(), what="the last link to go")
    with runs("exit 7") as p:
        assert p.wait(lab.PATIENCE) == 7
    assert host.left() == before
