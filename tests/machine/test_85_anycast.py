# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/anycast as a newcomer runs it, at two sites: two hosts that announce one address to a router, and a
client behind it that asks all the time.

Hosts, router and client are network namespaces, the hosts with an /etc, /run and /var/lib of their own. All
machines are the same tree with an overlay that is thrown away.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import lab
import ports
import pytest

EXAMPLE = lab.TOP / "docs/examples/anycast"
SERVICE4, SERVICE6 = "192.0.2.53", "2001:db8::53"
# what README.md says to change for the other site
SITES = {"a": "", "b": "s/198.51.100/203.0.113/; s/2001:db8:a:/2001:db8:b:/; s/65001/65002/; s/dns-a/dns-b/"}
LINKS = {"a": ("198.51.100", "2001:db8:a:"), "b": ("203.0.113", "2001:db8:b:"), "c": ("10.0.0", "2001:db8:c:")}
# dns.pod: until a failure is noticed, and BGP and a busy machine to that
CHECK, MARGIN = 1.5, 1.5
ROOM = """
mkdir -p /run/etc/upper /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mount -t tmpfs tmpfs /var/lib
mkdir -p /etc/stead /etc/anycast /var/lib/machines/{knot} /var/lib/machines/{bird}
mount -t tmpfs tmpfs /etc/stead
mount --bind {tree} /var/lib/machines/{knot}
mount --bind {tree} /var/lib/machines/{bird}
cp {example}/dns.pod /etc/stead
cp {example}/knot.machine /etc/stead/{knot}.machine
cp {example}/bird.machine /etc/stead/{bird}.machine
cp {example}/knot.conf {example}/example.org.zone {example}/bird.conf /etc/anycast
sed -i '{changes}' /etc/stead/*.* /etc/anycast/*
"""
ROUTER = """
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
mkdir -p /run/upper /run/work /run/tree
mount -t overlay -o lowerdir={tree},upperdir=/run/upper,workdir=/run/work overlay /run/tree
mkdir -p /run/tree/run/bird
cp {example}/router.conf /run/tree/etc/bird.conf
"""

# Who are you, every 5 ms: the question of RFC 4892, which name servers answer themselves. Prints an empty line with the
# first answer, and when its standard input is closed when it asked, and who answered until five seconds later.
CLIENT = r"""
import socket, struct, sys, threading, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 53))
question = b"\2id\6server\0" + struct.pack("!HH", 16, 3)
sent, answers, stop = [], {}, threading.Event()
def listen():
    while True:
        try:
            data = s.recv(512)
        except OSError:
            continue
        n = struct.unpack_from("!H", data)[0]
        text = data[12 + len(question) + 12:]
        if data[6:8] == b"\0\1":
            if not answers:
                print(flush=True)
            answers[n] = text[1:1 + text[0]].decode()
threading.Thread(target=listen, daemon=True).start()
def ask():
    due = time.monotonic()
    while not stop.is_set() and len(sent) < 65536:
        sent.append(time.monotonic())
        try:
            s.send(struct.pack("!HHHHHH", len(sent) - 1, 0, 1, 0, 0, 0) + question)
        except OSError:
            pass
        due = max(due + 0.005, time.monotonic() - 0.05)
        time.sleep(max(0, due - time.monotonic()))
asking = threading.Thread(target=ask)
asking.start()
sys.stdin.read()
stop.set()
asking.join()
end = time.monotonic() + 5
while len(answers) < len(sent) and time.monotonic() < end:
    time.sleep(0.01)
for n, when in enumerate(sent):
    print(f"{when:.4f} {answers.get(n, 'lost')}")
"""


class Site(ports.Namespace):
    """A host with the pod."""

    def __init__(self, letter):
        super().__init__(own_run=True)
        self.watcher = None
        self.answer = f"dns-{letter}"
        self.knot, self.bird = (f"{word}{os.getpid()}{letter}" for word in ("knot", "bird"))

    def furnish(self, letter, tree):
        self.sh(ROOM.format(example=EXAMPLE, tree=tree, changes=SITES[letter],
                            knot=self.knot, bird=self.bird))

    def stead(self, *words, check=True):
        p = subprocess.run([*self.enter, lab.STEAD, *words], capture_output=True, text=True, timeout=lab.PATIENCE,
                           stdin=subprocess.DEVNULL, env=lab.clean_environment())
        assert p.returncode == 0 or not check, f"stead {' '.join(words)}: {p.returncode}\n{p.stdout}\n{p.stderr}"
        return p.stdout

    def start(self):
        self.stead("start", self.knot, self.bird)
        self.watch()

    def watch(self):
        self.watcher = subprocess.Popen([*self.enter, lab.STEAD, "pod", "watch", "dns"], stdin=subprocess.DEVNULL)

    def again(self, name):
        """A machine that was killed."""
        lab.wait_for(lambda: name not in self.stead("list", "--json"), what=f"the end of {name}")
        self.stead("start", name)

    def leave(self):
        """A planned stop, as README.md has it."""
        self.stead("pod", "stop", "--force", "dns")
        self.stead("stop", self.knot, self.bird)
        assert self.watcher.wait(lab.PATIENCE) == 0

    def processes(self, word):
        """Of a program in a machine here; each is in the network of the pod."""
        inode = self.sh("stat -Lc %i /run/stead/pods/dns/netns").strip()
        found = [int(p) for p in subprocess.run(["pgrep", "-x", word], capture_output=True, text=True).stdout.split()]
        mine = []
        for p in found:
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{p}/ns/net") == f"net:[{inode}]":
                    mine.append(p)
        return mine

    def signal(self, word, number):
        pids = self.processes(word)
        assert pids, f"{word} does not run"
        for pid in pids:
            os.kill(pid, number)

    def serves(self):
        """The addresses that are on the link now."""
        return self.stead("pod", "exec", "dns", "--", "ip", "-o", "address", "show", "dev", "service0", check=False)

    def close(self):
        if self.watcher and self.watcher.poll() is None:
            self.watcher.kill()
            self.watcher.wait()
        self.stead("stop", self.knot, self.bird, check=False)
        self.stead("pod", "stop", "--force", "dns", check=False)
        super().close()


class Network:
    """Two sites, a router that is next to both, and a client behind it."""

    def __init__(self):
        self.daemon = None
        self.router = ports.Namespace(own_run=True)
        self.client = ports.Namespace()
        self.sites = {letter: Site(letter) for letter in SITES}

    def furnish(self):
        tree = lab.tree("anycast")
        for letter, site in self.sites.items():
            site.furnish(letter, tree)
        self.router.sh(ROUTER.format(tree=tree, example=EXAMPLE))
        for letter, (net4, net6) in LINKS.items():
            other = self.client if letter == "c" else self.sites[letter]
            self.router.sh(f"ip link add to-{letter} type veth peer eth0 netns {other.holder.pid}; ip link set to-{letter} up;"
                           f"ip address add {net4}.1/24 dev to-{letter}; ip address add {net6}:1/64 dev to-{letter} nodad")
            other.sh(f"ip address add {net4}.2/24 dev eth0; ip address add {net6}:2/64 dev eth0 nodad;"
                     f"ip link set eth0 up; ip route add default via {net4}.1; ip route add default via {net6}:1")
        self.daemon = subprocess.Popen([*self.router.enter, "chroot", "/run/tree", "bird", "-f", "-c", "/etc/bird.conf"],
                                       stdin=subprocess.DEVNULL)

    def routes(self, address=SERVICE4):
        """The sites that announce it to the router."""
        text = self.router.run("chroot", "/run/tree", "birdc", "show", "route", "for", address, check=False).stdout
        return [letter for letter in SITES if f"[{letter}{6 if ':' in address else 4} " in text]

    def wait_routes(self, letters):
        lab.wait_for(lambda: self.routes() == self.routes(SERVICE6) == list(letters), what=f"routes to {letters}")

    def close(self):
        for site in self.sites.values():
            site.close()
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait()
        self.router.close()
        self.client.close()


class Client:
    """Asks every 5 ms inside a `with`; then .answers are (when, who or "lost")."""

    def __init__(self, network, address=SERVICE4):
        self.command = [*network.client.enter, sys.executable, "-c", CLIENT, address]

    def __enter__(self):
        self.file = open(lab.work / "answers", "w+")
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=self.file, text=True)
        lab.wait_for(lambda: os.path.getsize(self.file.name), what="the first answer")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(lab.PATIENCE)
        self.file.seek(0)
        words = [line.split() for line in self.file if line.strip()]
        self.file.close()
        self.answers = [(float(when), who) for when, who in words]
        self.lost = [when for when, who in self.answers if who == "lost"]
        self.who = {who for _, who in self.answers}


@pytest.fixture(scope="module")
def built():
    if not shutil.which("dig"):
        pytest.skip("dig is not installed: apt-get install bind9-dnsutils")
    n = Network()
    try:
        n.furnish()
        for site in n.sites.values():
            site.stead("check", "pod:dns", site.knot, site.bird)
            site.start()
        yield n
    finally:
        n.close()


@pytest.fixture
def network(built):
    """Both sites announce the address."""
    built.wait_routes("ab")
    return built


def serving(network):
    """The site that the router sends queries to, and the other one."""
    with Client(network) as client:
        pass
    assert len(client.who) == 1 and not client.lost, client.who
    first = next(site for site in network.sites.values() if site.answer in client.who)
    return first, next(site for site in network.sites.values() if site is not first)


def letter(site):
    return site.answer[-1]


@pytest.mark.parametrize("address", [SERVICE4, SERVICE6], ids=["ipv4", "ipv6"])
def test_planned_stop(network, address):
    """Either site leaves and comes back, first the one that is asked: no query is lost."""
    first, second = serving(network)

    def lost():
        with Client(network, address) as client:
            for site, other in ((first, second), (second, first)):
                site.leave()
                lab.wait_for(lambda o=other: network.routes(address) == [letter(o)], what="one route")
                site.start()
                network.wait_routes("ab")
        print(f"{len(client.answers)} queries, {len(client.lost)} lost")
        assert client.who >= {first.answer, second.answer}
        return len(client.lost)
    # a site that stands still for longer than its check may take is no site for that time
    lab.promised(1, lost)


def outage(client, second, begun):
    """The other site answers after a while, and nothing is lost from then on."""
    last = max(client.lost, default=begun)
    print(f"{len(client.lost)} of {len(client.answers)} queries lost within {last - begun:.2f} s")
    assert client.answers[-1][1] == second.answer
    return last - begun


def test_frozen_server(network):
    """Its check hangs: the address goes from the link, and with it the route."""
    def seconds():
        first, second = serving(network)
        with Client(network) as client:
            begun = time.monotonic()
            first.signal("knotd", signal.SIGSTOP)
            network.wait_routes(letter(second))
            assert SERVICE4 not in first.serves() and SERVICE6 not in first.serves()
            time.sleep(0.5)
        took = outage(client, second, begun)
        assert took > 0
        first.signal("knotd", signal.SIGCONT)
        network.wait_routes("ab")
        return took
    lab.promised(CHECK + MARGIN, seconds)


def killed(network, daemon):
    """The site whose daemon that was, and how long its queries were lost."""
    first, second = serving(network)
    with Client(network) as client:
        begun = time.monotonic()
        first.signal(daemon, signal.SIGKILL)
        network.wait_routes(letter(second))
        time.sleep(0.5)
    return first, outage(client, second, begun)


def test_killed_server(network):
    def seconds():
        first, took = killed(network, "knotd")
        assert SERVICE4 not in first.serves()
        first.again(first.knot)
        network.wait_routes("ab")
        return took
    lab.promised(CHECK + MARGIN, seconds)


def test_killed_routing_daemon(network):
    """The kernel closes its connection: the router knows at once, and the server need not."""
    def seconds():
        first, took = killed(network, "bird")
        lab.wait_for(lambda: SERVICE4 in first.serves(), what="the server, which need not know")
        first.again(first.bird)
        network.wait_routes("ab")
        return took
    lab.promised(MARGIN, seconds)


def test_nobody_checks_any_more(network):
    """The kernel takes the address away, from a server that would go on."""
    def lost():
        first, second = serving(network)
        with Client(network) as client:
            first.watcher.kill()
            first.watcher.wait()
            network.wait_routes(letter(second))
            time.sleep(0.2)
        first.watch()
        network.wait_routes("ab")
        in_time = outage(client, second, client.answers[0][0]) < CHECK + 2 + MARGIN
        return len(client.lost) if in_time else float("inf")
    # only those on their way
    lab.promised(20, lost)
