# SPDX-License-Identifier: LGPL-2.1-or-later
"""`stead net` on a host of bare network namespaces: a sound network is called so, and of one that was
broken on purpose the break is named, with the next command to type.

Also run by itself in the host's namespace: answers every DNS question with "no error".
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

PORTS = pathlib.Path(__file__).with_name("ports.py")

if __name__ == "__main__":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    print("ready", flush=True)
    while True:
        data, peer = s.recvfrom(512)
        s.sendto(data[:2] + b"\x81\x80" + data[4:], peer)

import pytest  # noqa: E402

import lab  # noqa: E402
import ports  # noqa: E402


class Host(ports.Namespace):
    """A host with an uplink, a default route and a name server of its own on 127.0.0.1."""

    def __init__(self):
        super().__init__(own_run=True)
        self.beyond = ports.Namespace()
        self.sh("echo nameserver 127.0.0.1 > /run/resolv.conf; mount --bind /run/resolv.conf /etc/resolv.conf; "
                "echo hosts: files stead dns > /run/nsswitch.conf; mount --bind /run/nsswitch.conf /etc/nsswitch.conf; "
                f"ip link add ext type veth peer name ext netns {self.beyond.holder.pid}; ip link set ext up; "
                "ip addr add 192.0.2.5/24 dev ext; ip addr add 2001:db8::5/64 dev ext nodad; "
                "ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8::1")
        self.beyond.sh("ip link set ext up")
        self.name_server = None
        self.start_name_server()

    def start_name_server(self):
        self.name_server = self.spawn(sys.executable, __file__)
        assert self.name_server.stdout.readline() == "ready\n"

    def stead(self, *words):
        return self.run(str(lab.STEAD), *words, check=False)

    def close(self):
        super().close()
        self.beyond.close()


class Web:
    """A machine with two ports, on the first of which somebody listens."""

    def __init__(self, host, tree, options=("-n", "-p", "8080:80")):
        self.host, self.name = host, lab.new_name("n")
        self.log = lab.work / f"{self.name}.log"
        with open(self.log, "wb") as log:
            self.launcher = subprocess.Popen(
                [*host.enter, str(lab.LAUNCH), "-D", tree, "--volatile=overlay", "-M", self.name, *options,
                 "--console=pipe", "--private-users=pick", "--", "/bin/sh", "-c", "exec sleep 1000"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=lab.clean_environment())
        lab.wait_for(lambda: self.show("State") == "running" or self.launcher.poll() is not None,
                     what="the machine")
        assert self.launcher.poll() is None, self.log.read_text()
        self.leader = int(self.show("Leader"))
        self.link = self.show("Links")
        addresses = self.show("Addresses").split()
        self.v4 = next((a for a in addresses if ":" not in a), None)
        self.v6 = next((a for a in addresses if a.startswith("fd")), None)
        self.servers = []
        self.serve(80)

    def show(self, key):
        return self.host.stead("show", "--value", "-p", key, self.name).stdout.strip()

    def inside(self, script):
        """In the machine's network, with the programs of this host."""
        return subprocess.run(["nsenter", f"--net=/proc/{self.leader}/ns/net", "sh", "-ec", script], check=True,
                              capture_output=True, text=True, timeout=lab.PATIENCE).stdout

    def serve(self, *numbers):
        p = subprocess.Popen(["nsenter", f"--net=/proc/{self.leader}/ns/net", sys.executable, PORTS, "serve", "web",
                              *map(str, numbers)], stdout=subprocess.PIPE, text=True)
        self.servers.append(p)
        assert p.stdout.readline() == "ready\n"

    def end_servers(self):
        for p in self.servers:
            p.kill()
            p.wait()
        self.servers = []

    def check(self):
        """The report of the machine; the text for people says the same."""
        result = self.host.stead("net", "check", "--json", self.name)
        assert result.stdout, result.stderr
        report = json.loads(result.stdout)[0]
        assert result.returncode == (0 if report["ok"] else 1)
        return report

    def assert_bad(self, step, *words, remedy):
        report = self.check()
        assert report["step"] == step, report
        for word in words:
            assert word in report["problem"], report
        assert remedy in report["remedy"], report
        text = self.host.stead("net", "check", self.name)
        assert text.stdout.startswith(f"{self.name}: {step}: {report['problem']}"), text.stdout
        assert f"\n  Try: {report['remedy']}\n" in text.stdout
        return report

    def close(self):
        self.end_servers()
        if self.launcher.poll() is None:
            self.launcher.send_signal(signal.SIGCONT)
            self.launcher.terminate()
        self.launcher.wait(lab.PATIENCE)


@pytest.fixture(scope="module")
def host():
    h = Host()
    yield h
    h.close()


@pytest.fixture
def web(host):
    w = Web(host, lab.tree("bookworm"))
    yield w
    w.close()
    host.run("nft", "flush", "ruleset")


def test_sound(host, web):
    text = host.stead("net", "check")
    assert text.returncode == 0, text.stdout
    assert text.stdout == f"{web.name}: fine ({web.link}, {web.v4}, {web.v6}, 4 ways to ports)\n"
    report = web.check()
    assert report["ok"] and report["link"] == web.link and report["addresses"] == [web.v4, web.v6]
    assert [(p["address"], p["error"]) for p in report["ports"]] == [
        ("127.0.0.1", None), ("192.0.2.5", None), ("::1", None), ("2001:db8::5", None)]


def test_host_that_is_busy(host, web):
    """An answer that came while the check itself did not get on is one."""
    slow = ["strace", "-f", "-o", "/dev/null", "-e", "trace=connect", "-e", "inject=connect:delay_exit=1200000"]
    said = host.run(*slow, str(lab.STEAD), "net", "check", web.name, check=False)
    assert said.returncode == 0 and "4 ways to ports" in said.stdout, said


def test_list(host, web):
    row = json.loads(host.stead("net", "list", "--json", web.name).stdout)[0]
    assert row["mode"] == "veth" and row["link"] == web.link and row["ports"] == ["tcp:8080:80"]
    assert web.v4 in row["addresses"] and web.v6 in row["addresses"]
    before = row["rx_bytes"]
    assert host.ask("tcp,127.0.0.1,8080").startswith("web ")
    after = json.loads(host.stead("net", "list", "--json", web.name).stdout)[0]
    assert after["rx_bytes"] > before and after["tx_bytes"] > row["tx_bytes"]
    assert host.stead("net", "mend").returncode == 2


def test_views(host, web):
    status = host.stead("status", web.name).stdout
    assert f"Network: private (veth, {web.link})\n" in status and "Ports: tcp:8080:80\n" in status
    assert web.show("Network") == "veth" and web.show("Ports") == "tcp:8080:80"
    row = json.loads(host.stead("list", "--json", web.name).stdout)[0]
    assert row["network"] == "veth" and row["ports"] == ["tcp:8080:80"] and web.v4 in row["addresses"]


@pytest.mark.parametrize("mode", ["zone", "bridge", "private"])
def test_other_kinds(host, mode):
    """Of a bridge that is somebody else's it is said that nobody gave an address; the others are in order."""
    host.sh("ip link add br-own type bridge; ip link set br-own up")
    options = {"zone": ["--network-zone=z", "-p", "8080:80"], "bridge": ["--network-bridge=br-own"],
               "private": ["--private-network"]}[mode]
    w = Web(host, lab.tree("bookworm"), options)
    try:
        assert w.show("Network") == mode
        if mode == "bridge":
            w.assert_bad("address", "nobody on vb-", remedy=f"networkctl status {w.link}")
        else:
            filtered = host.run("sysctl", "-n", "net.bridge.bridge-nf-call-ip6tables", check=False).stdout == "1\n"
            if mode == "zone" and filtered:  # the module is loaded, and the namespace began with that
                report = w.assert_bad("port", "by way of [::1], since br_netfilter filters bridges",
                                      remedy="sysctl -w net.bridge.bridge-nf-call-ip6tables=0")
                host.sh(report["remedy"])
            assert (report := w.check())["ok"], (report["problem"], report)
    finally:
        w.close()
        host.sh("ip link del br-own")


def test_link_down(host, web):
    host.sh(f"ip link set {web.link} down")
    web.assert_bad("link", f"link {web.link} is down", remedy=f"ip link set {web.link} up")


def test_link_down_inside(host, web):
    web.inside("ip link set host0 down")
    web.assert_bad("link", "host0 is down inside", remedy=f"stead exec {web.name} -- ip link set host0 up")


def test_link_gone(host, web):
    host.sh(f"ip link del {web.link}")
    web.assert_bad("link", f"link {web.link} is not there", remedy=f"stead restart {web.name}")


def test_hostile_names_are_not_repeated(host, web):
    """What a machine calls its links must not get into a command that root is told to type."""
    host.sh(f"ip link del {web.link}")
    web.inside("ip link add 'a;id' type veth peer name 'b`id`'")
    report = web.assert_bad("link", f"link {web.link} is not there", remedy=f"stead restart {web.name}")
    assert "id" not in report["remedy"].replace(web.name, "")


def test_address_flushed_inside(host, web):
    web.inside("ip -4 addr flush dev host0")
    web.assert_bad("address", f"host0 has no address {web.v4} inside",
                   remedy=f"stead exec {web.name} -- ip addr add {web.v4}/32 dev host0")


def test_gateway_gone(host, web):
    web.launcher.send_signal(signal.SIGSTOP)  # who would put it back
    try:
        host.sh(f"ip addr flush dev {web.link} scope global; ip route replace {web.v4} dev {web.link}")
        web.assert_bad("route", "the host's end has not the machine's gateway 100.64.0.1",
                       remedy=f"ip addr add 100.64.0.1/32 dev {web.link}")
    finally:
        web.launcher.send_signal(signal.SIGCONT)


def test_route_deleted(host, web):
    host.sh(f"ip route del {web.v4}")
    web.assert_bad("route", f"the host's route to {web.v4} leads to ext, not to {web.link}",
                   remedy=f"ip route replace {web.v4} dev {web.link}")


def test_default_route_inside_deleted(host, web):
    web.inside("ip route del default")
    web.assert_bad("route", "no default route for IPv4", remedy=f"stead restart {web.name}")


def test_foreign_rule_catches_address(host, web):
    host.sh("ip route add 100.64.0.0/10 dev ext table 52; ip rule add to 100.64.0.0/10 lookup 52 priority 5270")
    try:
        web.assert_bad("route", "a rule of the host sends", "by table 52 to ext", "see `ip rule`",
                       remedy=f"ip rule add to {web.v4} lookup main priority 1")
    finally:
        host.sh("ip rule del priority 5270; ip route flush table 52")


def test_forwarding_off(host, web):
    host.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.ip_forward=0")  # resets every link
    web.assert_bad("forwarding", f"ipv4/conf/{web.link}/forwarding is 0",
                   remedy=f"sysctl -w net/ipv4/conf/{web.link}/forwarding=1")
    host.sh("mkdir -p /run/sysctl.d; echo '-net.ipv4.ip_forward = 0' > /run/sysctl.d/zz-hard.conf")
    web.assert_bad("forwarding", "forwarding is 0, as /run/sysctl.d/zz-hard.conf has it",
                   remedy=f"sysctl -w net/ipv4/conf/{web.link}/forwarding=1")
    host.sh(f"rm /run/sysctl.d/zz-hard.conf; sysctl -qw net/ipv4/conf/{web.link}/forwarding=1")
    web.assert_bad("forwarding", "ipv4/conf/ext/forwarding is 0", remedy="sysctl -w net/ipv4/conf/ext/forwarding=1")


def test_table_deleted(host, web):
    """The launcher puts it back unless it is stopped."""
    launcher = int(web.show("Launcher"))
    os.kill(launcher, signal.SIGSTOP)
    time.sleep(0.05)
    host.run("nft", "delete", "table", "inet", "stead")
    web.assert_bad("nat", "table 'inet stead' is gone", "stopped", remedy=f"kill -CONT {launcher}")
    os.kill(launcher, signal.SIGCONT)
    lab.wait_for(lambda: web.check()["ok"], what="the table")


def test_foreign_policy(host, web):
    host.run("nft", "add table inet fw; add chain inet fw forward "
             "{ type filter hook forward priority 0; policy drop; }")
    report = web.assert_bad("firewall", "chain 'forward' of table 'inet fw' drops", "by its policy",
                            remedy=f"nft 'add rule inet fw forward iifname \"{web.link}\" accept")
    assert report["basis"] == "read"
    host.sh(report["remedy"])
    assert web.check()["ok"]


def test_foreign_rule(host, web):
    host.run("nft", "add table inet fw; add chain inet fw guests; add chain inet fw forward "
             "{ type filter hook forward priority 0; policy accept; }; "
             "add rule inet fw forward ct state established accept; add rule inet fw forward jump guests; "
             "add rule inet fw guests iifname \"ve-*\" counter drop")
    report = web.assert_bad("firewall", "chain 'guests' of table 'inet fw' drops packets of the machine to the outside",
                            'iifname "ve-*" counter packets', "drop # handle",
                            remedy=f"nft 'insert rule inet fw guests iifname \"{web.link}\" accept")
    host.sh(report["remedy"])
    assert web.check()["ok"]


def test_docker(host, web):
    """What dockerd makes of iptables-nft."""
    host.run("nft", "-f", "-", input="""
table ip filter {
    chain DOCKER-USER { counter return; }
    chain DOCKER { iifname != "docker0" oifname "docker0" counter drop; }
    chain FORWARD {
        type filter hook forward priority filter; policy drop;
        counter jump DOCKER-USER
        oifname "docker0" ct state related,established counter accept
        oifname "docker0" counter jump DOCKER
        iifname "docker0" oifname != "docker0" counter accept
    }
}
""".replace("{ counter return; }", "{\n counter return\n}").replace(
        '{ iifname != "docker0" oifname "docker0" counter drop; }',
        '{\n iifname != "docker0" oifname "docker0" counter drop\n}'))
    web.assert_bad("firewall", "chain 'FORWARD' of table 'ip filter' drops", "by its policy",
                   remedy=f"iptables -I FORWARD -i {web.link} -j ACCEPT; iptables -I FORWARD -o {web.link} -j ACCEPT")


def test_name_server_filtered(host, web):
    host.run("nft", "add table inet fw; add chain inet fw input { type filter hook input priority 0; }; "
             "add rule inet fw input udp dport 53 reject")
    web.assert_bad("firewall", "chain 'input' of table 'inet fw' rejects questions of the machine to its name server",
                   remedy="nft 'insert rule inet fw input")


def test_may_drop_is_a_note(host, web):
    host.run("nft", "add table inet fw; add chain inet fw forward { type filter hook forward priority 0; }; "
             "add rule inet fw forward meta mark 7 drop")
    report = web.check()
    assert report["ok"] and any("chain 'forward' of table 'inet fw' may drop" in n for n in report["notes"])


def test_host_does_not_know_names(host, web):
    host.sh("echo 'hosts: files dns # stead' > /run/nsswitch.conf")
    try:
        assert any("'stead' is missing from 'hosts:'" in note for note in web.check()["notes"])
    finally:
        host.sh("echo 'hosts: files mymachines dns' > /run/nsswitch.conf")
    assert web.check()["notes"] == []


def test_name_servers_dead(host, web):
    host.name_server.kill()
    host.name_server.wait()
    try:
        web.assert_bad("dns", "no name server of the host (/etc/resolv.conf) answers", remedy="cat /etc/resolv.conf")
    finally:
        host.start_name_server()


def test_nobody_listens(host, web):
    web.end_servers()
    web.assert_bad("port", "port 8080/tcp: nothing listens inside on port 80", remedy=f"stead exec {web.name} -- ss -ltn")


def test_rule_inside_drops(host, web):
    web.inside("nft 'add table inet in; add chain inet in input { type filter hook input priority 0; }; "
               "add rule inet in input tcp dport 80 drop'")
    web.assert_bad("port", "port 8080/tcp: no answer by way of 127.0.0.1", "a rule drops it, maybe inside",
                   remedy=f"stead exec {web.name} -- nft list ruleset")


def test_start_tells(host):
    """What a start finds without sending anything, in one line."""
    name = lab.new_name("n")
    tree = lab.copy_tree("busybox")
    host.sh(f"mkdir -p /run/stead; printf '%s\n' [Exec] Boot=no 'Parameters=/bin/sh -c \"exec sleep 1000\"' "
            f"[Network] VirtualEthernet=yes [Image] Directory={tree} > /run/stead/{name}.machine")
    try:
        first = host.stead("start", name)
        assert first.returncode == 0 and "no network" not in first.stderr, first.stderr
        address = host.stead("show", "--value", "-p", "Addresses", name).stdout.split()[0]
        assert host.stead("stop", name).returncode == 0
        host.sh("ip route add default dev ext table 52; ip rule add to 100.64.0.0/10 lookup 52 priority 5270")
        second = host.stead("start", name)
        assert second.returncode == 0
        assert re.fullmatch(rf"{name}: no network: a rule of the host sends {address} by table 52 to ext, not to \S+ "
                            rf"\(see `ip rule`\) \(stead net check {name}\)\n", second.stderr), second.stderr
    finally:
        host.run("sh", "-c", "ip rule del priority 5270; ip route flush table 52", check=False)
        host.stead("stop", "--force", name)
        lab.remove_tree(tree)


@pytest.mark.parametrize("broken", [True, False])
def test_boot_tells(host, broken):
    """As a start does, though the launcher has taken the place of the verb by then."""
    name = lab.new_name("n")
    tree = lab.copy_tree("busybox")
    host.sh(f"mkdir -p /run/stead; printf '%s\n' [Network] VirtualEthernet=yes [Image] Directory={tree} > /run/stead/{name}.machine")
    if broken:
        host.sh("ip route add default dev ext table 52; ip rule add to 100.64.0.0/10 lookup 52 priority 5270")
    boot = subprocess.Popen([*host.enter, str(lab.STEAD), "boot", name], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=lab.clean_environment())
    try:
        lab.wait_for(lambda: host.stead("show", "--value", "-p", "State", name).stdout == "running\n", what="the machine")
        # nobody is left beside the launcher
        lab.wait_for(lambda: subprocess.run(["pgrep", "-f", f"stead boot {name}$"], stdout=subprocess.DEVNULL).returncode == 1,
                     5, "the look at the network")
        host.stead("stop", name)
        said = boot.communicate(timeout=lab.PATIENCE)[1]
        line = (rf"(?m)^{name}: no network: a rule of the host sends \S+ by table 52 to ext, not to \S+ \(see `ip rule`\) "
                rf"\(stead net check {name}\)$")
        assert bool(re.search(line, said)) == broken, said
        assert ("no network" in said) == broken, said
    finally:
        host.run("sh", "-c", "ip rule del priority 5270; ip route flush table 52", check=False)
        host.stead("stop", "--force", name)
        boot.kill()
        boot.wait()
        lab.remove_tree(tree)
