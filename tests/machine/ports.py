# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host, its machines and a client beyond it, all of them bare network namespaces, for the tests of
published ports. A namespace lives as long as a process of its own; nothing is on the real host's network.

Also run by itself inside of these namespaces: `ports.py serve NAME PORT...` answers tcp and udp with
"NAME SOURCE", `ports.py ask SECONDS PROTO,ADDRESS,PORT...` prints one answer a line, `ports.py talk ADDRESS PORT` asks by
udp from one port for ever, without the pauses after which the kernel forgets, and prints who answers when that changes.
"""
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time


def serve(name, ports):
    def loop(s, answer):
        while True:
            answer(s)

    def tcp(s):
        c, peer = s.accept()
        with c:
            c.sendall(f"{name} {peer[0].removeprefix('::ffff:')}".encode())

    def udp(s):
        _, peer = s.recvfrom(64)
        s.sendto(f"{name} {peer[0].removeprefix('::ffff:')}".encode(), peer)
    for port in ports:
        for kind, answer in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
            s = socket.socket(socket.AF_INET6, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            threading.Thread(target=loop, args=(s, answer), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


def ask_one(word, seconds):
    proto, address, port = word.split(",")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM) as s:
        s.settimeout(seconds)
        try:
            s.connect((address, int(port)))
            if proto == "udp":
                s.send(b"?")
            return s.recv(100).decode()
        except OSError as e:
            return "timeout" if isinstance(e, TimeoutError) else e.__class__.__name__


def talk(address, port):
    last = ""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", 40000))
        s.settimeout(0.1)
        while True:
            s.sendto(b"?", (address, int(port)))
            try:
                name = s.recv(100).decode().split()[0]
            except OSError:
                name = "nobody"
            if name != last:
                print(name, flush=True)
            last = name
            time.sleep(0.05)


class Talk:
    """What a process that talks has printed."""

    def __init__(self, process):
        self.process, self.pipe, self.last = process, process.stdout.fileno(), None
        os.set_blocking(self.pipe, False)

    def close(self):
        self.process.kill()
        self.process.wait()

    def is_answered_by(self, name):
        with contextlib.suppress(BlockingIOError):
            self.last = (os.read(self.pipe, 4096).decode().split() or [self.last])[-1]
        return self.last == name

    def hears(self, name):
        import lab  # not above: a virtual machine has this file alone
        lab.wait_for(lambda: self.is_answered_by(name), what=f"an answer of {name}")


class Namespace:
    """A network namespace; the host has a /run of its own, too."""

    def __init__(self, own_run=False):
        call = ["unshare", "-n"] + (["-m"] if own_run else [])
        script = ("mount -t tmpfs tmpfs /run; " if own_run else "") + "ip link set lo up; echo; exec sleep infinity"
        self.holder = subprocess.Popen([*call, "sh", "-c", script], stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        if own_run:
            self.enter.append(f"--mount=/proc/{self.holder.pid}/ns/mnt")
        self.children = []

    def run(self, *command, check=True, **more):
        return subprocess.run([*self.enter, *command], check=check, capture_output=True, text=True, timeout=60, **more)

    def sh(self, script, **more):
        return self.run("sh", "-ec", script, **more).stdout

    def spawn(self, *command):
        self.children.append(subprocess.Popen([*self.enter, *command], stdout=subprocess.PIPE, text=True))
        return self.children[-1]

    def serve(self, name, *ports):
        assert self.spawn(sys.executable, __file__, "serve", name, *map(str, ports)).stdout.readline() == "ready\n"

    def talk(self, address, port):
        return Talk(self.spawn(sys.executable, __file__, "talk", address, str(port)))

    def ask(self, *questions, seconds=20):
        """The answers to "tcp,127.0.0.1,8080" and the like: one, or a list of several."""
        answers = self.run(sys.executable, __file__, "ask", str(seconds), *questions).stdout.splitlines()
        return answers if len(questions) > 1 else answers[0]

    def close(self):
        for p in [*self.children, self.holder]:
            p.kill()
            p.wait()


class World:
    """client -- ext host ve-a -- a, ve-b -- b, and a bridge vz-z with c and d."""

    def __init__(self, firewall):
        self.firewall = firewall
        self.host, self.client = Namespace(own_run=True), Namespace()
        self.machines = {name: Namespace() for name in "abcd"}
        self.host.sh("mkdir -p /run/stead/network; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        self.link("ext", self.client, "192.0.2", "2001:db8:")
        self.link("ve-a", self.machines["a"], "100.64.1", "fd00:0:0:1:")
        self.link("ve-b", self.machines["b"], "100.64.2", "fd00:0:0:2:")
        self.host.sh("ip link add vz-z type bridge; ip addr add 100.64.3.1/24 dev vz-z; "
                     "ip addr add fd00:0:0:3::1/64 dev vz-z nodad; ip link set vz-z up")
        for n, name in ((2, "c"), (3, "d")):
            pid = self.machines[name].holder.pid
            self.host.sh(f"ip link add vb-{name} type veth peer name host0 netns {pid}; "
                         f"ip link set vb-{name} master vz-z up")
            self.inside(self.machines[name], "100.64.3", "fd00:0:0:3:", n)
        self.bridge_netfilter(False)
        for name, machine in self.machines.items():
            machine.serve(name, 80, 81, 82, 53)

    def bridge_netfilter(self, on):
        """Where that module is loaded its switches are each namespace's own."""
        self.host.sh(f"[ ! -e /proc/sys/net/bridge ] || sysctl -qw net.bridge.bridge-nf-call-iptables={int(on)} "
                     f"net.bridge.bridge-nf-call-ip6tables={int(on)}")

    def inside(self, namespace, v4, v6, n):
        namespace.sh(f"ip addr add {v4}.{n}/24 dev host0; ip addr add {v6}:{n}/64 dev host0 nodad; "
                     f"ip link set host0 up; ip route add default via {v4}.1; ip -6 route add default via {v6}:1")

    def link(self, name, namespace, v4, v6):
        self.host.sh(f"ip link add {name} type veth peer name host0 netns {namespace.holder.pid}; "
                     f"ip addr add {v4}.1/24 dev {name}; ip addr add {v6}:1/64 dev {name} nodad; ip link set {name} up")
        self.inside(namespace, v4, v6, 2)

    def text(self, name, *ports, more=""):
        interface, net, n = {"a": ("ve-a", 1, 2), "b": ("ve-b", 2, 2), "c": ("vz-z", 3, 2), "d": ("vz-z", 3, 3)}[name]
        lines = [f"INTERFACE={interface}", f"ADDRESS=100.64.{net}.{n}", f"ADDRESS=fd00:0:0:{net}::{n}"]
        return "\n".join(lines + [f"PORT={p}" for p in ports]) + "\n" + more

    def write(self, name, text):
        self.host.run("tee", f"/run/stead/network/{name}", input=text)

    def call(self, *words, check=True):
        return self.host.run(str(self.firewall), *words, check=check)

    def publish(self, name, *ports):
        self.write(name, self.text(name, *ports))
        self.call("add", name)

    def names(self):
        return self.host.sh("ls -A /run/stead/network").split()

    def table(self):
        """The table as nft prints it; "" if there is none."""
        return self.host.run("nft", "-s", "list", "table", "inet", "stead", check=False).stdout

    def clear(self):
        for name in self.names():
            self.call("remove", name)

    def close(self):
        for namespace in [*self.machines.values(), self.client, self.host]:
            namespace.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], map(int, sys.argv[3:]))
    elif sys.argv[1] == "talk":
        talk(*sys.argv[2:])
    else:
        print("\n".join(ask_one(word, float(sys.argv[2])) for word in sys.argv[3:]))
