# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/haproxy as a newcomer runs it: three machines by `stead start`, a client beyond the host, and
nothing that fails while haproxy is reloaded under load.

The host is a network namespace with an /etc, /run and /var/lib of its own. All three trees are
copies of one; which of its services a machine runs is all that they differ in.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest

import lab
import ports

EXAMPLE = lab.TOP / "docs/examples/haproxy"
TREES = pathlib.Path("/var/lib/machines")
MACHINES = {"web1": "nginx", "web2": "nginx", "haproxy": "haproxy"}
FILES = {"nginx": ("nginx.conf", "etc/nginx/sites-available/default"),
         "haproxy": ("haproxy.cfg", "etc/haproxy/haproxy.cfg")}
HOST4, HOST6, CLIENT4, CLIENT6 = "192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"
ROOM = """
mkdir -p /run/etc/upper /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mount -t tmpfs tmpfs /var/lib
mkdir -p /etc/stead /var/lib/machines
mount -t tmpfs tmpfs /etc/stead
cp {example}/*.machine /etc/stead
ip link add eth0 type veth peer eth0 netns {client}
ip address add {host4}/24 dev eth0
ip -6 address add {host6}/64 dev eth0 nodad
ip link set eth0 up
"""
TREE = """
mkdir {where}
cp -al {usr} {where} 2>/dev/null || cp -a {usr} {where}
find {tree} -mindepth 1 -maxdepth 1 ! -name usr -exec cp -a -t {where} {{}} +
echo {name} >{where}/etc/hostname
cp {example}/{source} {where}/{target}
ln -s /lib/systemd/system/{service}.service {where}/etc/systemd/system/multi-user.target.wants
"""

# A new connection every 2 ms, in turn by several threads, so that a slow answer delays no other one. Prints
# the time and the answer of each, until its standard input is closed.
CLIENT = """
import os, socket, sys, threading, time
host, threads, start, stop = sys.argv[1], 8, time.monotonic(), threading.Event()
def ask():
    with socket.create_connection((host, 8080), timeout=30) as s:
        s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        head, _, body = b"".join(iter(lambda: s.recv(4096), b"")).decode().partition("\\r\\n\\r\\n")
        return body.strip() if head.split()[1:2] == ["200"] else f"failed: {head[:40]!r}"
def loop(n):
    due = start + n * 0.002
    while not stop.is_set():
        time.sleep(max(0, due - time.monotonic()))
        due += threads * 0.002
        at = time.monotonic()
        try:
            answer = ask()
        except OSError as e:
            answer = f"failed: {e!r}"
        os.write(1, f"{at:.3f} {answer}\\n".encode())
all = [threading.Thread(target=loop, args=(n,)) for n in range(threads)]
for t in all: t.start()
sys.stdin.read()
stop.set()
for t in all: t.join()
"""


class Host(ports.Namespace):
    """The three machines, and a client beyond."""

    def __init__(self):
        super().__init__(own_run=True)
        self.client = ports.Namespace()
        self.sh(ROOM.format(example=EXAMPLE, client=self.client.holder.pid, host4=HOST4, host6=HOST6))
        self.client.sh(f"ip address add {CLIENT4}/24 dev eth0; ip link set eth0 up; "
                       f"ip -6 address add {CLIENT6}/64 dev eth0 nodad")
        tree = lab.tree("haproxy")
        usr = tree / "usr"
        for name, service in MACHINES.items():
            source, target = FILES[service]
            self.sh(TREE.format(name=name, tree=tree, usr=usr, where=TREES / name, source=source, target=target,
                                service=service, example=EXAMPLE))
            usr = TREES / name / "usr"  # one copy of it for all

    def stead(self, *words):
        p = subprocess.run([*self.enter, lab.STEAD, *words], capture_output=True, text=True, timeout=lab.PATIENCE,
                           stdin=subprocess.DEVNULL, env=lab.clean_environment())
        assert p.returncode == 0, f"stead {' '.join(words)}: {p.returncode}\n{p.stdout}\n{p.stderr}"
        return p.stdout

    def curl(self, host=HOST4):
        """One answer to the client beyond, or why there is none."""
        script = "import sys,urllib.request as u; print(u.urlopen(sys.argv[1], timeout=30).read().decode(), end='')"
        p = self.client.run(sys.executable, "-c", script, f"http://{host}:8080/", check=False)
        return p.stdout.strip() or p.stderr[-200:]

    def close(self):
        self.run(str(lab.STEAD), "stop", *MACHINES, check=False)
        self.client.close()
        super().close()


class Client:
    """Asks every 2 ms from beyond the host, inside a `with`; then .answers are (when, text)."""

    def __init__(self, host):
        self.command = [*host.client.enter, sys.executable, "-c", CLIENT, HOST4]

    def __enter__(self):
        self.file = open(lab.work / "answers", "w+")
        self.start = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=self.file, text=True)
        return self

    def wait_answers(self, number=100):
        """As many more."""
        def lines():
            with open(self.file.name) as file:
                return sum(1 for _ in file)
        before = lines()
        lab.wait_for(lambda: lines() >= before + number, what=f"{number} answers")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(lab.PATIENCE)
        self.seconds = time.monotonic() - self.start
        self.file.seek(0)
        words = [line.rstrip("\n").split(" ", 1) for line in self.file]
        self.answers = sorted((float(when), text) for when, text in words)
        self.failed = [a for a in self.answers if "failed" in a[1]]
        self.file.close()


@pytest.fixture(scope="module")
def host():
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed: apt-get install wrk")
    with lab.fixed_names():
        yield from built()


def built():
    h = Host()
    try:
        h.stead("check", *MACHINES)
        h.stead("start", *MACHINES)
        lab.wait_for(lambda: {h.curl(), h.curl()} == {f"web{n} answers {CLIENT4}" for n in (1, 2)},
                     what="both web servers to be found by name")
        yield h
    finally:
        h.close()


def test_the_client_is_seen_by_its_own_address(host):
    assert {host.curl() for _ in range(4)} == {f"web1 answers {CLIENT4}", f"web2 answers {CLIENT4}"}
    assert {host.curl(f"[{HOST6}]") for _ in range(4)} == {f"web1 answers {CLIENT6}", f"web2 answers {CLIENT6}"}
    log = lab.wait_for(lambda: re.findall(r"haproxy\[\d+\]: (\S+):\d+ \[", host.stead(
        "exec", "haproxy", "--", "journalctl", "-q", "-u", "haproxy", "--grep", "GET /")), what="haproxy's log")
    assert {CLIENT4, CLIENT6} <= set(log) and not any(a.startswith(("100.64.", "fd")) for a in log), log


def test_reload_under_load(host):
    """Five reloads: no failed connection, no failed request, and workers that really changed."""
    def worker():
        return host.stead("exec", "haproxy", "--", "pgrep", "-n", "-x", "haproxy").strip()
    wrk = host.client.enter + ["wrk", "-t1", "-c8", "-d600s", "--timeout=30s", f"http://{HOST4}:8080/"]
    with Client(host) as client:
        load = subprocess.Popen(wrk, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        workers = [worker()]
        for _ in range(5):
            client.wait_answers()
            host.stead("exec", "haproxy", "--", "systemctl", "reload", "haproxy")
            workers.append(lab.wait_for(lambda: worker() not in workers and worker(), what="a new worker"))
        client.wait_answers()
        load.send_signal(2)
        words = load.communicate(timeout=lab.PATIENCE)[0]
    requests = int(re.search(r"(\d+) requests in", words)[1])
    print(f"client: {len(client.answers)} connections in {client.seconds:.1f} s; wrk: {requests} requests")
    assert client.failed == []
    assert "Socket errors" not in words and "Non-2xx" not in words, words
    assert len(set(workers)) == 6
    assert len(client.answers) >= 700 and requests > 100


def test_reached_as_soon_as_it_is_up(host):
    """The host passes packets on at once, also those of IPv6, though a new link's own address is not usable yet."""
    host.client.sh(f"ip route add 100.64.0.0/10 via {HOST4}; ip route add fd00::/8 via {HOST6}")
    script = ("import socket,sys,time\nfor a in sys.argv[1:]: t = time.monotonic(); socket.create_connection((a, 80), timeout=30); "
              "print(time.monotonic() - t)")
    addresses = re.findall(r"ADDRESS=(\S+)", host.sh("cat /run/stead/network/web2"))
    assert len(addresses) == 2

    def seconds():
        host.stead("restart", "web2")
        return max(map(float, host.client.run(sys.executable, "-c", script, *addresses).stdout.split()))
    # a packet that is lost is sent again after a second
    lab.promised(0.5, seconds)


def test_restart_of_a_web_server(host):
    """What a client notices of it is at most what haproxy's health check lets through: two checks of 500 ms."""
    def seconds():
        with Client(host) as client:
            client.wait_answers()
            host.stead("restart", "web1")
            back = time.monotonic()
            lab.wait_for(lambda: "web1" in host.curl(), what="web1 to be asked again")
            client.wait_answers()
        gone = [when for when, _ in client.failed]
        print(f"{len(gone)} of {len(client.answers)} requests failed: {client.failed[:3]}")
        assert any(when > back and text.startswith("web1") for when, text in client.answers)
        assert any(when < back and text.startswith("web2") for when, text in client.answers)
        return gone[-1] - gone[0] if gone else 0
    lab.promised(1.5, seconds)
