# SPDX-License-Identifier: LGPL-2.1-or-later
"""IPAddressAllow= and IPAddressDeny= of a machine: what leaves it, and what reaches its programs, in packets. They are
programs on its control group, and so hold for its network as well."""
import pytest

import lab

ALLOWED, DENIED = "192.0.2.1", "192.0.2.2"
NETWORK = "VirtualEthernet=yes\nPort=8080:80\n"
# what a program of the machine sends to each, counted where it arrives on the host
KNOCK = """
import collections, socket, subprocess, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
s.bind(("ve-web", 0))
s.settimeout(0.5)
for address in sys.argv[1:]:
    script = f"for i in 1 2 3; do echo hello >/dev/udp/{address}/9; done 2>/dev/null; true"
    subprocess.run(["stead", "exec", "web", "--", "bash", "-c", script], check=True)
seen = collections.Counter()
try:
    while True:
        packet = s.recv(2000)
        seen[socket.inet_ntoa(packet[16:20])] += packet[9] == socket.IPPROTO_UDP
except TimeoutError:
    print(*(seen[address] for address in sys.argv[1:]))
"""


@pytest.fixture
def host(vm):
    """With two addresses."""
    vm.write_file("/run/knock.py", KNOCK)
    vm.sh("modprobe dummy; ip link add up0 type dummy; ip link set up0 up; "
          f"ip addr add {ALLOWED}/24 dev up0; ip addr add {DENIED}/24 dev up0")
    yield vm
    vm.sh("ip link delete up0; rm /run/knock.py")


def knock(host):
    """How many of three datagrams to each arrived."""
    return host.sh(f"python3 /run/knock.py {ALLOWED} {DENIED}").strip()


def test_packets(host, machine):
    machine("web", NETWORK + f"[Resources]\nIPAddressDeny=any\nIPAddressAllow={ALLOWED}\n").start()
    assert knock(host) == "3 0"
    # and at once
    host.ok("stead", "set", "web", "IPAddressAllow=any")
    assert knock(host) == "3 3"


def test_what_arrives(host, machine):
    """A client that is denied reaches no program, also by a published port."""
    m = machine("web", NETWORK + f"[Resources]\nIPAddressDeny={DENIED}\n").start()
    server = host.begin("stead", "exec", "web", "--", "perl", "-e",
                        "use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);"
                        "bind($s, pack_sockaddr_in(80, INADDR_ANY)) or die; listen($s, 9); "
                        "while (accept(my $c, $s)) { print $c 'hello'; close $c }")
    try:
        lab.wait_for(lambda: ":0050 00000000:0000 0A" in m.sh("cat /proc/net/tcp"), what="the server")

        def ask(source):
            return host.run("python3", "-c", "import socket, sys; s = socket.socket(); s.settimeout(5); "
                            f"s.bind((sys.argv[1], 0)); s.connect(('{ALLOWED}', 8080)); print(s.recv(9).decode())", source)
        assert ask(ALLOWED).out.strip() == "hello"
        assert ask(DENIED).status != 0
    finally:
        server.kill()
