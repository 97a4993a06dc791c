# SPDX-License-Identifier: LGPL-2.1-or-later
"""Published ports through stead-firewall and the real kernel: who is answered, what a machine sees of
its client, and that the table is always the one that the files ask for."""
import re
import subprocess
import time

import lab
import ports
import pytest

FIREWALL = lab.BUILD / "src/firewall/stead-firewall"
HOST4, HOST6 = "192.0.2.1", "2001:db8::1"


@pytest.fixture(scope="module")
def built():
    w = ports.World(FIREWALL)
    yield w
    w.close()


@pytest.fixture
def world(built):
    yield built
    built.clear()
    # the last machine takes everything along
    assert built.names() == []
    assert built.host.run("nft", "list", "ruleset").stdout == ""


def test_every_address_of_the_host(world):
    world.publish("a", "tcp * 8080 8080 80", "udp * 53 53 53")
    for proto, port in (("tcp", 8080), ("udp", 53)):
        own = [f"{proto},{address},{port}" for address in
               ("127.0.0.1", "127.1.2.3", "::1", HOST4, HOST6, "100.64.1.1", "fd00:0:0:1::1", "100.64.2.1")]
        assert [answer.split()[0] for answer in world.host.ask(*own)] == ["a"] * len(own)
        # from outside and from a sibling the client's own address is seen
        ask = [f"{proto},{HOST4},{port}", f"{proto},{HOST6},{port}"]
        assert world.client.ask(*ask) == ["a 192.0.2.2", "a 2001:db8::2"]
        assert world.machines["b"].ask(*ask) == ["a 100.64.2.2", "a fd00:0:0:2::2"]
        # from itself and back: only the host can stand between
        assert world.machines["a"].ask(*ask) == ["a 100.64.1.1", "a fd00:0:0:1::1"]


def test_two_machines_on_loopback(world):
    """Each link has a local route to ::1 of its own, and none is in the way of another."""
    world.publish("a", "tcp * 8080 8080 80")
    world.publish("b", "tcp * 8081 8081 80")
    world.publish("c", "tcp * 8082 8082 80")
    questions = [f"tcp,{address},{8080 + n}" for n in range(3) for address in ("127.0.0.1", "::1")]
    assert [x.split()[0] for x in world.host.ask(*questions)] == ["a", "a", "b", "b", "c", "c"]
    # the host's own services are still reached
    world.host.serve("host", 7000)
    assert world.host.ask("tcp,::1,7000", "tcp,127.0.0.1,7000", "udp,::1,7000") == [
        "host ::1", "host 127.0.0.1", "host ::1"]


def test_siblings_on_one_bridge(world):
    """They are neighbours and would answer past the host; unless br_netfilter brings what is bridged to
    conntrack as well, then nothing has to be changed."""
    world.publish("c", "tcp * 8080 8080 80")
    world.bridge_netfilter(True)
    answers = world.machines["d"].ask(f"tcp,{HOST4},8080", f"tcp,{HOST6},8080")
    assert [answer.split()[0] for answer in answers] == ["c", "c"]
    world.bridge_netfilter(False)
    assert world.machines["d"].ask(f"tcp,{HOST4},8080", f"tcp,{HOST6},8080") == ["c 100.64.3.1", "c fd00:0:0:3::1"]
    assert world.machines["c"].ask(f"tcp,{HOST4},8080") == "c 100.64.3.1"
    assert world.machines["a"].ask(f"tcp,{HOST4},8080") == "c 100.64.1.2"


def test_range_and_one_address(world):
    world.publish("a", "tcp * 8080 8082 80", f"tcp {HOST4} 443 443 80", "tcp 127.0.0.1 444 444 80",
                  "tcp 0.0.0.0 445 445 80", "udp :: 446 446 53", "tcp ::1 447 447 80")
    world.publish("b", f"tcp {HOST6} 443 443 80")
    assert world.client.ask(*(f"tcp,{HOST4},{port}" for port in (8080, 8081, 8082, 8083, 443, 444, 445, 446))) == (
        ["a 192.0.2.2"] * 3 + ["ConnectionRefusedError", "a 192.0.2.2", "ConnectionRefusedError", "a 192.0.2.2",
                               "ConnectionRefusedError"])
    assert world.client.ask(f"tcp,{HOST6},443", f"tcp,{HOST6},445", f"udp,{HOST6},446", f"tcp,{HOST6},447") == [
        "b 2001:db8::2", "ConnectionRefusedError", "a 2001:db8::2", "ConnectionRefusedError"]
    assert world.host.ask("tcp,127.0.0.1,444", "tcp,127.0.0.1,443", "tcp,::1,447") == [
        "a 100.64.1.1", "ConnectionRefusedError", "a fd00:0:0:1::1"]


def test_outgoing_is_masqueraded(world):
    world.client.serve("client", 80)
    world.publish("a")
    questions = "tcp,192.0.2.2,80", "tcp,2001:db8::2,80"
    assert world.machines["a"].ask(*questions) == [f"client {HOST4}", f"client {HOST6}"]
    # among machines nothing is changed
    world.publish("b")
    assert world.machines["a"].ask("tcp,100.64.2.2,80") == "b 100.64.1.2"
    world.call("remove", "a")
    world.client.sh("ip route add 100.64.0.0/10 via 192.0.2.1")
    world.write("a", world.text("a", more="MASQUERADE=no\n"))
    world.call("add", "a")
    assert world.machines["a"].ask("tcp,192.0.2.2,80") == "client 100.64.1.2"


def half_open(world):
    """Whether the host has answered a first packet to its secret port."""
    return world.host.run("ss", "-Htan", "state", "syn-recv", "sport = :7001").stdout != ""


def test_loopback_is_closed_to_machines(world):
    """route_localnet opens 127.0.0.0/8 to the link; the table closes it."""
    a, secret = world.machines["a"], "tcp,127.0.0.1,7001"
    world.host.serve("secret", 7001)
    world.publish("a", "tcp * 8080 8080 80")
    assert world.host.ask(secret) == "secret 127.0.0.1"
    a.sh("ip route del local 127.0.0.0/8 table local; ip route del local 127.0.0.1 table local; "
         "ip route add 127.0.0.0/8 via 100.64.1.1 dev host0 src 100.64.1.2; "
         "ip -6 route add ::1/128 via fd00:0:0:1::1 dev host0")
    try:
        assert a.ask(secret, seconds=1) == "timeout" and not half_open(world)
        assert not a.ask("tcp,::1,7001", seconds=1).startswith("secret") and not half_open(world)
        # what the guard stops is the guard's work
        world.host.sh("nft flush chain inet stead guard")
        a.ask(secret, seconds=1)
        assert half_open(world)
    finally:
        a.sh("ip route del 127.0.0.0/8 dev host0; ip -6 route del ::1/128 dev host0; "
             "ip link set lo down; ip addr flush dev lo; ip link set lo up")


@pytest.mark.parametrize("address", [HOST4, HOST6])
def test_udp_client_that_never_pauses(world, address):
    """The kernel asks the table once for a flow, and this one does not end."""
    world.publish("b", "tcp * 999 999 80")  # so that flows are known all the time
    talker = world.client.talk(address, 5353)
    talker.hears("nobody")
    world.publish("a", "udp * 5353 5353 53")
    talker.hears("a")
    world.call("remove", "a")
    talker.hears("nobody")
    world.publish("c", f"udp {address} 5353 5353 53")
    talker.hears("c")
    world.call("remove", "c")
    talker.hears("nobody")
    # the same while the table is away
    world.publish("a", "udp * 5353 5353 53")
    talker.hears("a")
    world.call("remove", "a")
    talker.hears("nobody")
    world.write("a", world.text("a", "udp * 5353 5353 53"))
    world.host.sh("nft flush table inet stead")
    world.call("restore")
    talker.hears("a")
    talker.close()


def test_taken_by_another_machine(world):
    world.publish("a", "tcp * 8080 8090 80")
    before = world.table()
    world.write("b", world.text("b", f"tcp {HOST4} 8085 8085 80"))
    refused = world.call("add", "b", check=False)
    assert refused.returncode == 1
    assert "Port 8085/tcp of the host is published by machine 'a'" in refused.stderr
    assert world.table() == before and world.names() == ["a"]
    world.publish("b", "udp * 8085 8085 80")


def test_no_such_link(world):
    """What was begun is taken back."""
    world.publish("a", "tcp * 8080 8080 80")
    before = world.table()
    world.write("b", world.text("b", "tcp * 8081 8081 80").replace("ve-b", "ve-none"))
    refused = world.call("add", "b", check=False)
    assert refused.returncode == 1 and "'ve-none': No such device" in refused.stderr
    assert world.table() == before and world.names() == ["a"]


def test_hostile_files(world):
    """A file that makes no sense costs a line and nothing else."""
    world.publish("a", "tcp * 8080 8080 80")
    before = world.table()
    for text in ("", "\0", "INTERFACE=x;y\n", "INTERFACE=ve-b\nADDRESS=1.2.3.4; flush ruleset\n", "PORT=\n" * 1000,
                 'INTERFACE=ve-b" } ; flush ruleset\n', "INTERFACE=ve-b\nPORT=tcp * 9000 1 1\n"):
        world.write("evil", text)
        assert world.call("add", "evil", check=False).returncode == 1
        world.write("evil", text)
        world.host.sh("nft delete table inet stead")
        assert "ignoring it" in world.call("restore").stderr
        assert world.table() == before
        world.call("remove", "evil")
    assert world.call("add", "../../etc/passwd", check=False).returncode == 1
    assert world.call("remove", ".lock", check=False).returncode == 1
    world.host.sh("ln -s /etc/passwd /run/stead/network/link; mkfifo /run/stead/network/fifo")
    world.call("restore")
    world.host.sh("rm /run/stead/network/link /run/stead/network/fifo")


@pytest.mark.parametrize("damage", ["flush ruleset", "delete table inet stead", "flush table inet stead",
                                    "flush chain inet stead publish", "add table inet stead { comment \"other\"; }"])
def test_restore(world, damage):
    world.publish("a", "tcp * 8080 8080 80")
    world.publish("b", "tcp * 8081 8081 80")
    before = world.table()
    if damage.startswith("add"):
        world.host.sh("nft delete table inet stead")
    world.host.run("nft", damage)
    assert world.table() != before
    callers = [world.host.spawn(str(FIREWALL), "restore") for _ in range(4)]
    assert [p.wait(lab.PATIENCE) for p in callers] == [0] * 4
    assert world.table() == before
    assert world.client.ask(f"tcp,{HOST4},8081") == "b 192.0.2.2"


def test_left_over_of_a_killed_run(world):
    """The next start of the name may publish other ports; those of before go."""
    world.publish("a", "tcp * 8080 8081 80")
    world.write("a", world.text("a", "tcp * 9000 9000 80", more="REPLACES=yes\n"))
    world.call("add", "a")
    assert "8080" not in world.table() and "9000" in world.table()


def test_many_at_once(world):
    """Forty machines come and go at once; what stays is exactly what was asked for."""
    names = [f"m{n:02}" for n in range(40)]

    def text(n):
        return f"INTERFACE=ve-a\nADDRESS=100.64.1.{n + 10}\nADDRESS=fd00:0:0:1::{n + 10}\nPORT=tcp * {7000 + n} {7000 + n} 80\n"

    def together(verb, chosen):
        script = " & ".join(f"{FIREWALL} {verb} {name} || echo {name}" for name in chosen)
        assert world.host.sh(f"{script} & wait") == ""
    for n, name in enumerate(names):
        world.write(name, text(n))
    together("add", names)
    everything = world.table()
    assert all(f" {7000 + n} :" in everything for n in range(40))
    together("remove", names[::2])
    half = world.table()
    world.host.sh("nft delete table inet stead")
    world.call("restore")
    elements = [sorted(re.findall(r"\S+ \. \S+ : \S+ \. \d+", t)) for t in (half, world.table())]
    assert elements[0] == elements[1] and len(elements[0]) == 40
    together("remove", names[1::2])
    assert world.table() == ""


def rate(world, port):
    """Microseconds for a connection from the client that is refused at once by the machine."""
    script = ("import socket,time\nt=time.perf_counter()\nfor i in range(300):\n"
              f" s=socket.socket()\n s.connect_ex(('{HOST4}',{port}))\n s.close()\n"
              "print((time.perf_counter()-t)/300*1e6)")
    return float(world.client.run("python3", "-c", script).stdout)


def test_lookup_does_not_grow_with_ports(world):
    """500 published ports against 1: a connection costs the same. The machine refuses, so that nothing but
    the way to it is measured."""
    def factor():
        world.publish("a", "tcp * 8080 8080 9")
        one = min(rate(world, 8080) for _ in range(3))
        world.publish("b", *(f"tcp * {n} {n} 9" for n in range(10000, 10500)))
        many = min(rate(world, port) for port in (8080, 10499, 8080))
        print(f"a connection: 1 port {one:.0f} us, 501 ports {many:.0f} us")
        world.clear()
        return many / one
    lab.promised(1.5, factor)


def test_time_of_add(world):
    """Not a yardstick, tools/bench is that: only that no change is of another order of size."""
    world.publish("a", "tcp * 8080 8080 80")
    def seconds():
        start = time.perf_counter()
        world.publish("b", "tcp * 8081 8081 80")
        took = time.perf_counter() - start
        world.call("remove", "b")
        return took
    lab.promised(0.5, seconds, 20)


def test_words():
    for words in ([], ["add"], ["restore", "x"], ["watch"]):
        assert subprocess.run([FIREWALL, *words], capture_output=True).returncode == 2
