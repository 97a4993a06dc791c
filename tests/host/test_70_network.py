# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks of machines on hosts with systemd-networkd, which gives addresses by its shipped files, and without,
where our pool does. Both leave nothing behind."""
import re

import pytest

import lab

NETWORK = "[Network]\nVirtualEthernet=yes\n"
PORT = "Port=tcp:8080:80\n"
# inside, every connection to port 80 is told the name of the machine
SOCKET = "[Socket]\nListenStream=80\nAccept=yes\n"
SERVICE = "[Service]\nExecStart=/bin/hostname\nStandardOutput=socket\n"


@pytest.fixture(scope="module")
def networkd(version):
    """A host of this systemd with networkd, for the tests of this file."""
    with lab.Host(version) as h:
        h.ok("systemctl start systemd-networkd")
        yield h


@pytest.fixture(scope="module")
def pool(version):
    """The same without networkd."""
    with lab.Host(version, masked=("systemd-networkd.service", "systemd-networkd.socket")) as h:
        yield h


@pytest.fixture
def later(version):
    """The same where networkd is started by the test."""
    with lab.Host(version, masked=("systemd-networkd.socket",)) as h:
        yield h


@pytest.fixture
def guest():
    """A function that gives a machine, not yet started; `client`: with systemd-networkd inside."""
    made = []

    def call(host, name, client=True, network=NETWORK):
        tree = host.add_guest(name, definition=network)
        if client:
            wants = tree / "etc/systemd/system/multi-user.target.wants"
            wants.mkdir(exist_ok=True)
            (wants / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")
        units = tree / "etc/systemd/system"
        (units / "who.socket").write_text(SOCKET)
        (units / "who@.service").write_text(SERVICE)
        (units / "sockets.target.wants").mkdir(exist_ok=True)
        (units / "sockets.target.wants/who.socket").symlink_to("../who.socket")
        made.append(lab.Guest(host, name))
        return made[-1]
    yield call
    for one in made:
        one.remove()


def ipv4(machine):
    """Its address by which others reach it, as soon as there is one."""
    machine.wait("ip -4 -o addr show dev host0 scope global | grep -q .")
    return machine.ok("ip -4 -o addr show dev host0 scope global").split()[3].split("/")[0]


def ask(where, port=80):
    """Shell command that prints who answers there."""
    return f"timeout 30 bash -c 'cat </dev/tcp/{where}/{port}' 2>&1"


def published(host, name):
    return host.sh(f"cat /run/stead/network/{name} 2>/dev/null")


def assert_nothing_left(host):
    """No link, table, file or setting of ours."""
    host.wait("! ip -o link | grep -E ' (ve|vb|vz)-'")
    assert "stead" not in host.ok("nft list tables")
    assert host.sh("ls -A /run/stead/network 2>/dev/null | grep -v '^\\.addresses$'") == ""
    assert host.sh("ls -A /run/stead/network/.addresses 2>/dev/null") == ""


def test_lease(networkd, guest):
    """networkd inside asks, networkd outside answers, and machined knows the link."""
    a, b = guest(networkd, "leased").start(), guest(networkd, "sibling").start()
    address, other = ipv4(a), ipv4(b)
    a.wait("networkctl --no-legend | grep -E 'host0 +ether +routable +configured'")
    assert "proto dhcp" in a.ok("ip -4 route show default")
    assert a.ok("ls /run/systemd/network 2>/dev/null || true") == ""
    gateway = a.ok("ip -4 route show default").split()[2]
    assert gateway in networkd.ok("ip -4 -o addr show dev ve-leased")
    # the host answers that nothing listens there, the other who it is
    assert "refused" in a.sh(ask(gateway, 9))
    assert a.ok(ask(other)) == "sibling"
    assert b.ok(ask(address)) == networkd.ok(ask(address)) == "leased"
    assert "Iface: ve-leased" in networkd.ok("machinectl status --no-pager leased")
    assert networkd.ok("getent ahostsv4 leased").split()[0] == address
    assert networkd.ok("getent ahostsv4 sibling").split()[0] == other
    assert networkd.status("getent hosts leased") == 0
    for one in (a, b):
        one.stop()
    assert_nothing_left(networkd)


def test_zone(networkd, guest):
    """Two on one bridge with one subnet; the bridge comes and goes with them."""
    text = NETWORK + "Zone=ring\n"
    a, b = guest(networkd, "z1", network=text).start(), guest(networkd, "z2", network=text).start()
    first, second = ipv4(a), ipv4(b)
    assert "scope link" in a.ok(f"ip route show to match {second} | grep -v default")
    assert a.ok(ask(second)) == "z2"
    assert b.ok(ask(first)) == "z1"
    assert "Iface: vz-ring" in networkd.ok("machinectl status --no-pager z2")
    a.stop()
    networkd.ok("ip link show vz-ring")
    b.stop()
    assert_nothing_left(networkd)


def wait_for_answer(host, name, port=8080):
    """What the machine's file says is in the table a moment later."""
    host.wait(f"test \"$({ask('127.0.0.1', port)})\" = {name}")


def test_port(networkd, guest):
    """A port leads to the address of the lease, also when the machine has got another one."""
    a = guest(networkd, "ported", network=NETWORK + PORT).start()
    b = guest(networkd, "asker").start()
    address = ipv4(a)
    networkd.wait(f"grep -q ADDRESS={address} /run/stead/network/ported")
    assert "MASQUERADE=no" in published(networkd, "ported")
    wait_for_answer(networkd, "ported")
    networkd.ok("ip addr add 203.0.113.1/32 dev lo")
    try:
        ipv4(b)
        assert networkd.ok(ask("203.0.113.1", 8080)) == "ported"
        assert b.ok(ask("203.0.113.1", 8080)) == "ported"
    finally:
        networkd.ok("ip addr delete 203.0.113.1/32 dev lo")
    a.ok("systemctl stop systemd-networkd.socket systemd-networkd; ip -4 addr flush dev host0")
    networkd.wait("! grep -q ADDRESS= /run/stead/network/ported")
    a.ok("systemctl start systemd-networkd")
    networkd.wait(f"grep -q ADDRESS={ipv4(a)} /run/stead/network/ported")
    wait_for_answer(networkd, "ported")
    for one in (a, b):
        one.stop()
    assert_nothing_left(networkd)


def test_no_client(networkd, guest):
    """Where nothing inside asks, an address of the host's subnet is given, and names are answered."""
    a = guest(networkd, "mute", client=False, network=NETWORK + PORT).start()
    address = ipv4(a)
    gateway = a.ok("ip -4 route show default").split()[2]
    assert gateway in networkd.ok("ip -4 -o addr show dev ve-mute")
    assert int(address.split(".")[3]) % 16 == 14  # the last of a /28
    networkd.wait(f"grep -q ADDRESS={address} /run/stead/network/mute")
    wait_for_answer(networkd, "mute")
    assert f"nameserver {gateway}" in a.ok("cat /etc/resolv.conf")
    assert a.ok("getent hosts mute.stead.internal").split()[0] == address
    # another subnet: the machine follows
    old = networkd.ok("ip -4 -o addr show dev ve-mute scope global").split()[3]
    networkd.ok(f"ip addr del {old} dev ve-mute; ip addr add 192.0.2.1/24 dev ve-mute")
    others = networkd.ok("ip -4 -o addr show dev ve-mute scope global")
    for line in others.splitlines():  # systemd 252 has several
        if "192.0.2.1" not in line:
            networkd.ok(f"ip addr del {line.split()[3]} dev ve-mute")
    networkd.wait("grep -q ADDRESS=192.0.2.254 /run/stead/network/mute")
    wait_for_answer(networkd, "mute")
    assert a.ok("ip -4 route show default").split()[2] == "192.0.2.1"
    assert a.ok("getent hosts mute.stead.internal").split()[0] == "192.0.2.254"
    networkd.ok("networkctl reconfigure ve-mute")
    networkd.wait("! grep -q ADDRESS=192.0.2 /run/stead/network/mute && grep ADDRESS= /run/stead/network/mute")
    a.ok("systemctl start systemd-networkd")  # late, and takes over
    a.wait("ip -4 route show default | grep -q 'proto dhcp'")
    networkd.wait(f"grep -q ADDRESS={ipv4(a)} /run/stead/network/mute")
    a.stop()
    assert_nothing_left(networkd)


def test_declared(networkd, guest):
    """networkd leaves the host's end alone, also when it is restarted, and has it back with the next definition."""
    a = guest(networkd, "fixed", client=False, network=NETWORK + "Address=192.0.2.2/24\nGateway=192.0.2.1\n").start()
    networkd.ok("systemctl restart systemd-networkd")
    networkd.wait("networkctl --no-legend --no-pager | grep 've-fixed .*unmanaged'")
    assert re.findall(r"inet (\S+)", networkd.ok("ip -4 -o addr show dev ve-fixed")) == ["192.0.2.1/32"]
    assert networkd.ok(ask("192.0.2.2")) == "fixed"
    assert "refused" in a.sh(ask("192.0.2.1", 9))
    # nor does what a killed launcher has left outlive the definition
    networkd.ok(f"kill -KILL {a.launcher}")
    networkd.wait(f"! systemctl is-active --quiet {a.q}")
    assert networkd.sh("ls /run/systemd/network") == "70-stead-ve-fixed.network"
    networkd.write("/etc/stead/fixed.machine", NETWORK)
    a.start()
    assert networkd.ok(ask(ipv4(a))) == "fixed"
    a.stop()
    assert networkd.sh("ls /run/systemd/network") == ""
    assert_nothing_left(networkd)


def reaches(machine, gateway):
    """Its kernel answers: nobody listens there."""
    machine.wait(f"timeout 20 bash -c 'cat </dev/tcp/{gateway}/9' 2>&1 | grep -q refused")


def test_declared_in_a_zone(networkd, guest):
    """The bridge is networkd's, which takes from it what it has not given: we put it back."""
    text = NETWORK + "Zone=stay\nAddress=192.0.2.{}/24\nGateway=192.0.2.1\n"
    a, b = (guest(networkd, f"zd{n}", client=False, network=text.format(n) + PORT.replace("8080", f"808{n}")).start()
            for n in (2, 3))
    for _ in range(2):
        for n, one in ((2, a), (3, b)):
            reaches(one, "192.0.2.1")
            wait_for_answer(networkd, one.name, f"808{n}")
            assert networkd.ok(ask(f"192.0.2.{n}")) == one.name
        assert a.ok(ask("192.0.2.3")) == "zd3"
        networkd.ok("systemctl restart systemd-networkd")
        networkd.wait("networkctl --no-legend --no-pager | grep 'vz-stay .* configured'")
    # by hand as well
    networkd.ok("ip addr flush dev vz-stay; ip route flush dev vz-stay")
    reaches(a, "192.0.2.1")
    networkd.wait(ask("192.0.2.3"))
    for one in (a, b):
        one.stop()
    assert_nothing_left(networkd)


def test_networkd_comes_later(later, guest):
    """Machines that have their addresses from us keep them, and the way out; later ones have leases."""
    a = guest(later, "early", client=False, network=NETWORK + PORT).start()
    fixed = guest(later, "fixed", client=False, network=NETWORK + "Address=192.0.2.2/24\nGateway=192.0.2.1\n").start()
    own = ipv4(a)
    gateway = a.ok("ip -4 route show default").split()[2]
    for _ in range(2):
        reaches(a, gateway)
        reaches(fixed, "192.0.2.1")
        wait_for_answer(later, "early")
        assert later.ok(ask(own)) == "early" and later.ok(ask("192.0.2.2")) == "fixed"
        assert ipv4(a) == own and fixed.ok(ask(own)) == "early"
        assert a.ok("getent ahostsv4 early.stead.internal").split()[0] == own
        later.ok("systemctl restart systemd-networkd")  # the first time, it starts
        later.wait("networkctl --no-legend --no-pager | grep -E 've-early .* configured'")
    late = guest(later, "late").start()
    assert ipv4(late) != own
    assert late.ok(ask(own)) == "early"
    for one in (a, fixed, late):
        one.stop()
    assert_nothing_left(later)


@pytest.mark.parametrize("tree", ["busybox", "guest"])
def test_plain_command(networkd, tree):
    """It finds address, route and name server when it starts."""
    where = networkd.path(f"/var/lib/machines/plain-{tree}")
    lab.machines.copy_tree(lab.guest_tree(networkd.version) if tree == "guest" else tree, where)
    try:
        said = networkd.ok(f"stead-launch -D /var/lib/machines/plain-{tree} -M plain -n -- /bin/sh -c "
                           "'ip addr show dev host0; ip route; cat /etc/resolv.conf'")
        # of systemd-networkd's private ranges; ip colours it
        assert re.search(r"inet \S*(192\.168|10|172)\.", said)
        assert "default via" in said
        assert "nameserver" in said
    finally:
        lab.machines.remove_tree(where)
    assert_nothing_left(networkd)


def test_no_networkd(pool, guest):
    """Our pool gives addresses, also to a machine with networkd inside."""
    a, b = (guest(pool, name, network=NETWORK + port).start() for name, port in (("own", PORT), ("next", "")))
    address = ipv4(a)
    assert address.startswith("100.")
    assert "ADDRESS=" + address in published(pool, "own")
    a.wait("networkctl --no-legend | grep -E 'host0 +ether +routable +configured'")
    assert ipv4(a) == address
    assert "Iface: ve-own" in pool.ok("machinectl status --no-pager own")
    assert pool.ok("getent ahostsv4 own").split()[0] == address
    wait_for_answer(pool, "own")
    assert b.ok(ask(address)) == "own"
    for one in (a, b):
        one.stop()
    assert_nothing_left(pool)


@pytest.mark.parametrize("kind", ["networkd", "pool"])
def test_nothing_is_left(kind, networkd, pool, guest):
    """After a launcher that is killed and the next start of its name, and after many starts."""
    host = {"networkd": networkd, "pool": pool}[kind]
    a = guest(host, "often", client=False, network=NETWORK + PORT + "Zone=often\n")
    a.start()
    host.ok(f"kill -KILL {a.launcher}")
    host.wait(f"! systemctl is-active --quiet {a.q}")
    a.start()
    host.wait(f"grep -q ADDRESS={ipv4(a)} /run/stead/network/often")
    wait_for_answer(host, "often")
    a.stop()
    assert_nothing_left(host)
    for _ in range(20):
        host.ok("timeout 60 stead-launch -D /var/lib/machines/often -M many -n -p 8080:80 -- /bin/sh -c 'ip -4 route | grep -q default'")
    assert_nothing_left(host)
