# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pods: a network that no process holds, and members that come and go in it.

All of it happens in a host of its own: a network and a mount namespace with an empty /run/stead, beside
a neighbour on a wire, from where the world looks in.
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import lab
import pytest

BARE = "[Network]\nVirtualEthernet=yes\n"
POD = BARE + "Port=tcp:8080:80\n"
# echoes lines on port 80 for as long as the client stays
ECHO = "while :; do nc -l -p 80 -e cat; done"
ASK = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
f = s.makefile("rw")
for line in sys.stdin:
    f.write(line)
    f.flush()
    sys.stdout.write(f.readline())
    sys.stdout.flush()
"""


class Place:
    """Namespaces held by a process that sleeps."""

    def __init__(self, script, *unshare):
        self.holder = subprocess.Popen(["unshare", *unshare, "--propagation", "private", "sh", "-ec",
                                        f"{script}\necho ready; exec sleep 600"], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"

    def words(self, *command):
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m", *map(str, command)]

    def run(self, *command, status=0, **more):
        done = subprocess.run(self.words(*command), capture_output=True, text=True, timeout=lab.PATIENCE, **more)
        assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, *command, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen(self.words(*command), stderr=subprocess.STDOUT, text=True, **more)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class World(Place):
    def __init__(self):
        super().__init__("mkdir -p /run/stead /etc/stead; mount -t tmpfs tmpfs /run/stead; mount -t tmpfs tmpfs /etc/stead\n"
                         "ip link set lo up", "-n", "-m")
        self.neighbour = Place("ip link set lo up", "-n", "-m")
        self.run("ip", "link", "add", "wire", "type", "veth", "peer", "wire", "netns", str(self.neighbour.holder.pid))
        for place, address in ((self, "192.0.2.1/24"), (self.neighbour, "192.0.2.2/24")):
            place.run("ip", "address", "add", address, "dev", "wire")
            place.run("ip", "link", "set", "wire", "up")
        self.run("ip", "route", "add", "default", "via", "192.0.2.2")
        self.trees, self.processes = [], []

    def stead(self, *words, status=0, **more):
        return self.run(lab.STEAD, *words, status=status, **more)

    def pod(self, name, text=POD):
        self.run("sh", "-c", f"cat > /etc/stead/{name}.pod", input=text)

    def tree(self):
        self.trees.append(lab.copy_tree("busybox"))
        return self.trees[-1]

    def launch(self, pod, *options, argv=(), where=None, name=None):
        """A launcher that runs; its machine's name is .name."""
        name = name or lab.new_name("m")
        process = self.start(lab.LAUNCH, "--quiet", "-D", where or self.tree(), "-M", name, f"--pod={pod}",
                             "--console=pipe", "--private-users=pick", *options, *argv)
        process.name = name
        self.processes.append(process)
        return process

    def member(self, pod, script="exec sleep 600", *options, **more):
        """A plain command that runs; ended by end()."""
        process = self.launch(pod, *options, argv=["/bin/sh", "-c", f"echo up; {script}"], **more)
        assert process.stdout.readline() == "up\n", process.stdout.read()
        return process

    def once(self, pod, script, *options, **more):
        process = self.launch(pod, *options, argv=["/bin/sh", "-c", script], **more)
        text = process.communicate(timeout=lab.PATIENCE)[0]
        return process.returncode, text

    def end(self, process):
        """Its launcher gives everything back."""
        os.kill(self.leader(process.name), signal.SIGKILL)
        process.communicate(timeout=lab.PATIENCE)

    def leader(self, name):
        return lab.wait_for(lambda: self.leader_or_none(name), what=f"a leader of {name}")

    def leader_or_none(self, name):
        rows = json.loads(self.stead("list", "--json").stdout)
        return next((row["leader"] for row in rows if row["name"] == name), None)

    def running(self, name):
        """The leader of a machine that is up."""
        rows = json.loads(self.stead("list", "--json").stdout)
        return next((row["leader"] for row in rows if row["name"] == name and row["state"] == "running"), None)

    def state(self, name):
        return {row["name"]: row for row in json.loads(self.stead("pod", "list", "--json").stdout)}[name]

    def reach(self, name):
        """Its kernel answers: nobody listens there."""
        script = "import socket, sys; sys.exit(socket.socket().connect_ex((sys.argv[1], 9)) != 111)"
        self.run("/usr/bin/python3", "-c", script, self.state(name)["addresses"][0])

    def clear(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.processes.clear()
        for row in json.loads(self.stead("pod", "list", "--json").stdout):
            if row["state"] == "running":
                self.stead("pod", "stop", "--force", row["name"])
        self.run("sh", "-c", "rm -f /etc/stead/*")
        for tree in self.trees:
            lab.remove_tree(tree)
        self.trees.clear()

    def residue(self):
        """What is left when no pod and no machine is there."""
        files = self.run("sh", "-c", "ls -A /run/stead/pods /run/stead/network/.addresses; ls /run/stead/network").stdout
        return [self.run("sh", "-c", "ip -o link | grep -v -e lo: -e wire@ || :").stdout,
                self.run("nft", "list", "ruleset").stdout,
                "".join(line for line in files.splitlines() if line and not line.endswith(":")),
                self.run("sh", "-c", "grep netns /proc/self/mountinfo || :").stdout]


@pytest.fixture(scope="module")
def built():
    w = World()
    yield w
    w.neighbour.close()
    w.close()


@pytest.fixture
def world(built):
    yield built
    built.clear()
    assert built.residue() == ["", "", "", ""]


# --- life of a pod -------------------------------------------------------------------------------

def test_without_members(world):
    """It is there with addresses and ports, held by no process, until it is stopped."""
    world.pod("dns")
    assert world.state("dns")["state"] == "off"
    assert world.stead("pod", "status", "dns", status=3).stdout
    world.stead("pod", "start", "dns")
    world.stead("pod", "start", "dns")
    state = world.state("dns")
    assert (state["state"], state["members"], state["kept"], len(state["addresses"])) == ("running", [], True, 2)
    assert "ve-dns" in world.run("ip", "link").stdout
    inode = world.run("stat", "-Lc%i", "/run/stead/pods/dns/netns").stdout.strip()
    assert not [p for p in os.listdir("/proc") if p.isdigit() and namespace_of(p) == f"net:[{inode}]"]
    world.reach("dns")
    world.stead("pod", "stop", "dns")
    assert "not running" in world.stead("pod", "stop", "dns", status=1).stderr
    assert "no definition" in world.stead("pod", "start", "nobody", status=1).stderr
    for name in ("nobody", "../dns", "."):
        assert f"no pod '{name}'" in world.stead("pod", "status", name, status=1).stderr
    for verb in ("start", "stop", "status"):
        said = world.stead(verb, "dns", status=None)
        assert said.returncode != 0 and "is a pod" in said.stderr and "stead pod status dns" in said.stderr, said


def namespace_of(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return None


def test_comes_and_goes_with_members(world):
    world.pod("dns")
    a = world.member("dns")
    b = world.member("dns")
    assert world.state("dns")["members"] == sorted([a.name, b.name])
    assert not world.state("dns")["kept"]
    assert a.name in world.stead("pod", "stop", "dns", status=1).stderr
    world.end(a)
    assert world.state("dns")["members"] == [b.name]
    world.end(b)
    assert world.state("dns")["state"] == "off"
    # kept when somebody asked for it
    a = world.member("dns")
    world.stead("pod", "start", "dns")
    world.end(a)
    assert world.state("dns")["state"] == "running"
    # and no longer than he wanted it
    a = world.member("dns")
    world.stead("pod", "stop", "--lazy", "dns")
    assert world.state("dns")["state"] == "running"
    world.end(a)
    assert world.state("dns")["state"] == "off"


def test_started_by_many_at_once(world):
    world.pod("dns")
    where = world.tree()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: world.once("dns", "ip -o -4 addr show host0", "--read-only", where=where),
                             range(8)))
    assert {status for status, _ in done} == {0}
    assert len({text for _, text in done}) == 1


def test_survives_kill_at_any_moment(world):
    """Whatever a killed start has left, the next one begins anew."""
    world.pod("dns")
    for i in range(12):
        process = world.start(lab.STEAD, "pod", "start", "dns")
        time.sleep(0.002 * i)
        process.kill()
        process.communicate()
        world.stead("pod", "start", "dns")
        world.reach("dns")
        stop = world.start(lab.STEAD, "pod", "stop", "dns")
        time.sleep(0.002 * i)
        stop.kill()
        stop.communicate()
        world.stead("pod", "stop", "dns", status=None)
        assert world.residue() == ["", "", "", ""]
    m = world.member("dns")
    os.kill(m.pid, signal.SIGKILL)
    m.communicate()
    assert world.state("dns")["members"] == []
    world.end(world.member("dns"))
    assert world.state("dns")["state"] == "off"


def test_left_by_killed_launchers(world):
    """The next start of anything with a network takes it down, also of another name."""
    def leave(name):
        world.pod(name, BARE)
        member = world.member(name)
        member.kill()
        member.communicate()
        lab.wait_for(lambda: world.state(name)["members"] == [], what="the end of the member")
        assert world.state(name)["state"] == "running"
    for name in ("one", "two"):
        leave(name)
    world.pod("kept", BARE)
    world.stead("pod", "start", "kept")
    assert [world.state(name)["state"] for name in ("one", "two", "kept")] == ["off", "off", "running"]
    leave("one")
    world.run("sh", "-c", "rm /run/stead/pods/one/ready")  # as a start that was killed half way
    world.pod("other", BARE)
    member = world.member("other")
    assert world.run("ls", "/run/stead/pods").stdout.split() == ["kept", "other"]
    assert "ve-one" not in world.run("ip", "link").stdout
    # one that is stopped meanwhile is left to who stops it
    leave("one")
    busy = world.start("/usr/bin/python3", "-c",
                       "import fcntl, struct, time; f = open('/run/stead/pods/.one.lock', 'w'); "
                       "fcntl.fcntl(f, fcntl.F_OFD_SETLK, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)); "
                       "print(flush=True); time.sleep(600)")
    assert busy.stdout.readline() == "\n"
    world.end(world.member("other"))
    assert world.state("one")["state"] == "running"
    busy.kill()
    busy.communicate()
    world.end(member)
    world.stead("pod", "stop", "kept")
    world.stead("pod", "stop", "one")


def test_looking_takes_no_lock(world):
    """Who lists pods must not be in the way of a member that comes back, or of the check that begins, at that moment."""
    world.pod("dns", POD + "[Health]\nCommand=true\n")
    world.stead("pod", "start", "dns")
    left = "/run/stead/pods/dns/members/killed /run/stead/pods/dns/watcher"
    world.run("sh", "-c", f"touch {left}")
    before = world.run("sh", "-c", f"stat -c '%i %z' {left}").stdout
    assert world.state("dns")["health"] == "unwatched" and world.state("dns")["members"] == []
    assert world.run("sh", "-c", f"stat -c '%i %z' {left}").stdout == before


def test_one_name(world):
    """A pod and a machine of one name would share links and rules."""
    world.pod("dns")
    world.pod("taken")
    world.stead("pod", "start", "dns")
    status, text = world.once("dns", ":", name="dns")
    assert status == 1 and "name of a pod" in text
    m = world.member("dns", name="taken")
    assert "name of a machine" in world.stead("pod", "start", "taken", status=1).stderr
    world.end(m)


# --- members -------------------------------------------------------------------------------------

def test_what_a_member_may(world):
    """Low ports and ping for all, changes of the network for none but whom the host trusts."""
    world.pod("dns")
    world.stead("pod", "start", "dns")
    status, text = world.once("dns", "cat /etc/resolv.conf; nslookup dns; ip route add 198.51.100.0/24 dev host0 || echo no;"
                                     "ip link set host0 down || echo no; nc -l -p 53 -w 1 -e true; echo $?")
    assert "search stead.internal" in text and f"Address: {world.state('dns')['addresses'][0]}" in text
    assert text.count("not permitted") == 2 and "Permission denied" not in text, text
    status, text = world.once("dns", "ip route add 198.51.100.0/24 dev host0", "--private-users=no")
    assert status != 0
    status, text = world.once("dns", "ip route add 198.51.100.0/24 dev host0", "--private-users=no",
                              "--capability=CAP_NET_ADMIN")
    assert status == 0, text
    assert "198.51.100.0/24" in world.stead("pod", "exec", "dns", "--", "ip", "route").stdout


def test_users_of_members_ping(world):
    world.pod("dns")
    where = lab.copy_tree("bookworm")
    world.trees.append(where)
    ping = "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM, s.IPPROTO_ICMP)"
    status, text = world.once("dns", f"command -v ping python3 perl; perl -MSocket -e 'socket(S, AF_INET, SOCK_DGRAM, 1) or die $!'",
                              where=where)
    assert status == 0, text


def test_full_system(world):
    """networkd and what waits for it inside leave the pod's links alone."""
    world.pod("web")
    where = lab.copy_tree("bookworm")
    world.trees.append(where)
    m = world.launch("web", "-b", "--notify-ready=yes", where=where)
    lab.wait_for(lambda: world.leader_or_none(m.name), what="the machine")

    def sh(script):
        return world.stead("exec", m.name, "--", "sh", "-c", script, status=None).stdout

    lab.wait_for(lambda: "running" in sh("systemctl is-system-running"), what="its init")
    sh("systemctl start systemd-networkd systemd-networkd-wait-online network-online.target")
    assert sh("systemctl is-active network-online.target; systemctl --failed --no-legend") == "active\n"
    assert sh("networkctl --no-legend --no-pager").count("unmanaged") == 2
    world.reach("web")
    m.terminate()
    m.communicate(timeout=lab.PATIENCE)
    assert m.returncode == 0 and world.state("web")["state"] == "off"


@pytest.mark.parametrize("text, links", [
    ("[Network]\nZone=site\n", ["host0", "lo"]),
    ("[Network]\nVirtualEthernetExtra=ve-more:more\nVirtualEthernet=yes\nAddress=192.0.2.77/32\n", ["host0", "lo", "more"]),
    ("[Network]\nMACVLAN=wire\n", ["lo", "mv-wire"]),
    ("[Network]\nInterface=spare\n", ["lo", "spare"]),
    ("", ["lo"]),
])
def test_links(world, text, links):
    if "spare" in text:
        world.run("ip", "link", "add", "spare", "type", "veth", "peer", "spare2")
    world.pod("dns", text)
    world.stead("pod", "start", "dns")
    assert world.stead("pod", "exec", "dns", "--", "ls", "/sys/class/net").stdout.split() == links
    status, inside = world.once("dns", "ls /sys/class/net")
    assert (status, inside.split()) == (0, links)
    world.stead("pod", "stop", "dns")
    if "spare" in text:
        world.run("ip", "link", "delete", "spare")


def test_macvlan_is_free_at_once(world):
    """Its MAC address is the pod's, and can be used as soon as the pod has been stopped, though members live on."""
    world.pod("dns", "[Network]\nMACVLAN=wire\n")
    for _ in range(3):
        m = world.member("dns")
        world.stead("pod", "stop", "--force", "dns")
        world.stead("pod", "start", "dns")
        world.stead("pod", "stop", "dns")
        world.end(m)


def test_reboots_do_not_touch_the_others(world):
    """A connection from outside to one member, while another reboots ten times and is killed."""
    world.pod("web")
    a = world.member("web", ECHO)
    client = world.neighbour.start("/usr/bin/python3", "-c", ASK, "192.0.2.1", "8080", stdin=subprocess.PIPE)

    def ask(word):
        client.stdin.write(f"{word}\n")
        client.stdin.flush()
        return client.stdout.readline().strip()

    def links():
        return world.stead("pod", "exec", "web", "--", "sh", "-c",
                           "ip -o address; ip route; ip -6 route").stdout.replace(" tentative", "")

    before = links()
    assert ask("first") == "first"
    b = world.member("web")
    for i in range(10):
        # a plain command that runs has been called, and can be asked
        leader = lab.wait_for(lambda: world.running(b.name), what="it to run")
        world.stead("exec", b.name, "--", "reboot", "-f", status=None)
        lab.wait_for(lambda: world.leader_or_none(b.name) not in (None, leader), what="a reboot")
        assert ask(f"after {i}") == f"after {i}"
    os.kill(b.pid, signal.SIGKILL)
    b.communicate()
    assert ask("at last") == "at last"
    assert links() == before
    client.stdin.close()
    client.wait(lab.PATIENCE)
    client.stdout.close()
    world.end(a)


# --- looking in ----------------------------------------------------------------------------------

def test_exec(world):
    world.pod("dns")
    world.stead("pod", "start", "dns")
    for words in (("pod", "exec", "dns"), ("exec", "pod:dns")):
        assert "host0" in world.stead(*words, "--", "ip", "addr").stdout
        assert world.stead(*words, "--", "ls", "/sys/class/net").stdout.split() == ["host0", "lo"]
        assert "search stead.internal" in world.stead(*words, "--", "cat", "/etc/resolv.conf").stdout
        world.stead(*words, "--", "sh", "-c", "exit 7", status=7)
        world.stead(*words, "--", "/no/such", status=127)
    assert "not running" in world.stead("exec", "pod:other", "--", "true", status=125).stderr
    assert "search stead.internal" not in world.run("cat", "/etc/resolv.conf").stdout


def test_net_check(world):
    world.pod("dns", "[Network]\nVirtualEthernet=yes\nPort=tcp:8053:53\n")
    assert "stead pod start dns" in world.stead("net", "check", "dns", status=1).stderr
    world.stead("pod", "start", "dns")

    def report(status=0):
        return json.loads(world.stead("net", "check", "--json", "dns", status=status).stdout)[0]

    sound = report()
    assert sound["ok"] and sound["link"] == "ve-dns" and sound["addresses"] == world.state("dns")["addresses"]
    assert "no machine runs in it: names and ports were not tried" in sound["notes"]
    # without a name it is among the others
    assert "dns: fine (ve-dns" in world.stead("net", "check").stdout
    # nobody asks names here: the relay and the name server beyond are the machine's, which is what is looked at first
    world.stead("pod", "exec", "dns", "--", "ip", "link", "set", "host0", "down")
    bad = report(status=1)
    assert bad["step"] == "link" and bad["remedy"] == "stead exec pod:dns -- ip link set host0 up"
    world.run("sh", "-c", bad["remedy"].replace("stead", str(lab.STEAD), 1))
    world.stead("pod", "stop", "dns")


def test_net_check_with_members(world):
    world.pod("dns", "[Network]\nVirtualEthernet=yes\nPort=tcp:8053:53\n")
    world.run("sh", "-c", "echo nameserver 127.0.0.1 >/run/stead/resolv.conf; mount --bind /run/stead/resolv.conf /etc/resolv.conf")
    listener = server = world.start("/usr/bin/python3", pathlib.Path(__file__).with_name("test_82_net_check.py"))
    try:
        assert server.stdout.readline() == "ready\n"
        member = world.member("dns", "exec sleep 600")
        bad = json.loads(world.stead("net", "check", "--json", "dns", status=1).stdout)[0]
        assert bad["step"] == "port" and "port 53" in bad["problem"], bad
        assert bad["remedy"] == "stead exec pod:dns -- ss -ltn"
        listener = world.start(lab.STEAD, "pod", "exec", "dns", "--", "/usr/bin/python3", "-c",
                               "import socket, time; s = socket.create_server(('::', 53), family=socket.AF_INET6, "
                               "dualstack_ipv6=True, backlog=100); time.sleep(600)")
        lab.wait_for(lambda: world.stead("net", "check", "dns", status=None).returncode == 0, what="the port of the pod")
        world.end(member)
    finally:
        for process in (server, listener):
            process.kill()
            process.communicate()
        world.run("sh", "-c", "umount /etc/resolv.conf; rm /run/stead/resolv.conf")


# --- health --------------------------------------------------------------------------------------

SERVICE = ["203.0.113.53", "2001:db8:53::1"]
HEALTH = ("[Network]\nVirtualEthernet=yes\nServiceAddress=203.0.113.53\nServiceAddress=2001:db8:53::1\n"
          "[Health]\nCommand=sh -c \"test -e /run/stead/well && ip link show host0\"\n"
          "IntervalSec=200ms\nTimeoutSec=3s\nRetries=2\nWithdrawSec=400ms\n")


def served(world, name="dns"):
    """The service addresses that are there now."""
    text = world.stead("pod", "exec", name, "--", "ip", "-o", "address", "show", "dev", "service0").stdout
    return [address for address in SERVICE if f" {address}/" in text]


def well(world, yes=True):
    world.run("touch" if yes else "rm", "/run/stead/well")


@pytest.fixture
def watched(world):
    """A pod that is healthy, and its watcher."""
    world.pod("dns", HEALTH)
    world.stead("pod", "start", "dns")
    assert served(world) == [] and world.state("dns")["health"] == "unwatched"
    watcher = world.start(lab.STEAD, "pod", "watch", "dns")
    world.processes.append(watcher)
    well(world)
    lab.wait_for(lambda: served(world) == SERVICE, what="the addresses")
    yield watcher
    well(world, False)


def test_addresses_come_and_go_with_health(world, watched):
    lab.wait_for(lambda: world.state("dns")["health"] == "healthy", what="the verdict")
    assert "watched already" in world.stead("pod", "watch", "dns", status=1).stderr

    def seconds():
        well(world, False)
        begun = time.monotonic()
        lab.wait_for(lambda: not served(world), what="the withdrawal")
        took = time.monotonic() - begun
        lab.wait_for(lambda: world.state("dns")["health"] == "unhealthy", what="the verdict")
        well(world)
        lab.wait_for(lambda: served(world) == SERVICE, what="the addresses")
        return took
    lab.promised(1.5, seconds)
    # an orderly end of the check
    begun = time.monotonic()
    watched.terminate()
    assert watched.wait(lab.PATIENCE) == 0
    assert time.monotonic() - begun > 0.4, "it waits until the world has heard of it"
    assert not served(world)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_addresses_do_not_outlive_the_check(world, watched, how):
    """Without anybody who could take them away."""
    watched.send_signal(how)
    lab.wait_for(lambda: not served(world), what="the kernel")
    if how == signal.SIGSTOP:
        watched.send_signal(signal.SIGCONT)
        lab.wait_for(lambda: served(world) == SERVICE, what="the addresses")


def test_check_that_hangs(world, watched):
    hangs = f"sleep 100.{os.getpid()}"
    world.stead("pod", "stop", "dns")
    assert watched.wait(lab.PATIENCE) == 0
    world.pod("dns", HEALTH.replace("test -e", f"{hangs}; test -e").replace("TimeoutSec=3s", "TimeoutSec=500ms").replace("Retries=2", "Retries=1"))
    world.stead("pod", "start", "dns")
    watcher = world.start(lab.STEAD, "pod", "watch", "dns")
    world.processes.append(watcher)
    lab.wait_for(lambda: world.state("dns")["health"] == "unhealthy", what="the verdict")
    time.sleep(1)
    assert served(world) == []
    watcher.terminate()
    watcher.wait(lab.PATIENCE)
    lab.wait_for(lambda: hangs not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout,
                 what="the end of the check")


def test_orderly_stop_withdraws_first(world):
    world.pod("dns", HEALTH.split("[Health]")[0] + "[Health]\nWithdrawSec=8\n")
    world.stead("pod", "start", "dns")
    stop = world.start(lab.STEAD, "pod", "stop", "dns")
    lab.wait_for(lambda: not served(world), what="the withdrawal")
    # nobody announces it any more, but what comes until the routers know is answered
    local = world.stead("pod", "exec", "dns", "--", "ip", "-o", "address", "show", "dev", "lo").stdout
    assert all(f" {address}/" in local for address in SERVICE)
    assert stop.poll() is None and "ve-dns" in world.run("ip", "link").stdout
    assert stop.wait(lab.PATIENCE) == 0
    stop.stdout.close()


def test_service_address_without_check(world):
    world.pod("dns", HEALTH.split("[Health]")[0])
    world.stead("pod", "start", "dns")
    assert served(world) == SERVICE and world.state("dns")["health"] is None
