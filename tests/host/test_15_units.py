# SPDX-License-Identifier: LGPL-2.1-or-later
"""The template unit, and what stead-generator makes of definitions: as systemd itself sees it."""
import re
import shlex

import pytest

import lab

PRIVATE = "[Network]\nPrivate=yes\n"
# keys of systemd.resource-control that machines cannot have; the manual says why
REFUSED = {"Delegate", "DelegateSubgroup", "CPUShares", "StartupCPUShares", "MemoryLimit", "BlockIOAccounting",
           "BlockIOWeight", "StartupBlockIOWeight", "BlockIODeviceWeight", "BlockIOReadBandwidth", "BlockIOWriteBandwidth"}


def reload(host):
    host.ok("systemctl daemon-reload")


@pytest.fixture
def define(host):
    """A function that writes a definition, without a tree, and reloads; all are removed after the test."""
    names = []

    def call(name, text):
        host.write(f"/etc/stead/{name}.machine", text)
        names.append(name)
        reload(host)
        return f"stead@{name}.service"
    yield call
    for name in names:
        host.run("systemctl", "reset-failed", f"stead@{name}.service")
        host.path(f"/etc/stead/{name}.machine").unlink()
    reload(host)


def show(host, unit, key):
    return host.ok(f"systemctl show -P {key} {shlex.quote(unit)}")


def links(host, name):
    """What enabling has left in /etc."""
    return host.sh(f"find /etc/systemd/system -name '*{name}*'").split()


# --- the template --------------------------------------------------------------------------------

def test_a_plain_tree_is_enabled_and_started(host, make):
    guest = make("plain-tree", definition=None)
    host.ok("systemctl enable --now stead@plain-tree")
    assert host.ok("systemctl is-active stead@plain-tree") == "active"
    assert guest.show("State") == "running"
    # by the name that others know, too
    assert show(host, "systemd-nspawn@plain-tree.service", "Id") == guest.unit
    assert show(host, "machines.target", "Wants").split().count(guest.unit) == 1

    host.ok("systemctl disable --now stead@plain-tree")
    guest.wait_gone()
    assert links(host, "plain-tree") == []
    assert show(host, "systemd-nspawn@plain-tree.service", "Id") == "systemd-nspawn@plain-tree.service"


def test_a_tree_that_is_missing(host):
    assert host.status("systemctl start stead@nowhere") != 0
    host.ok("journalctl --sync")
    assert "/var/lib/machines/nowhere" in host.sh("systemctl status --no-pager -n 30 stead@nowhere")
    host.ok("systemctl reset-failed stead@nowhere")


def test_machinectl_start_and_enable(host, make):
    guest = make("by-machinectl")
    reload(host)
    host.ok("machinectl start by-machinectl")
    assert host.ok(f"systemctl is-active {guest.q}") == "active"
    assert "stead-launch" in host.ok(f"ps -o comm= -p $(systemctl show -P MainPID {guest.q})")
    guest.stop()
    guest.wait_gone()

    host.ok("machinectl enable by-machinectl")
    assert links(host, "by-machinectl") == ["/etc/systemd/system/machines.target.wants/stead@by-machinectl.service"]
    host.ok("machinectl disable by-machinectl")
    assert links(host, "by-machinectl") == []


def test_an_admins_own_unit_goes_first(host, define):
    define("mine", PRIVATE)
    assert show(host, "systemd-nspawn@mine.service", "Id") == "stead@mine.service"
    host.write("/etc/systemd/system/systemd-nspawn@mine.service", "[Service]\nExecStart=/bin/true\n")
    try:
        reload(host)
        assert show(host, "systemd-nspawn@mine.service", "Id") == "systemd-nspawn@mine.service"
        assert "/bin/true" in show(host, "systemd-nspawn@mine.service", "ExecStart")
    finally:
        host.path("/etc/systemd/system/systemd-nspawn@mine.service").unlink()


def test_machines_of_nspawn_stay_its_own(host):
    host.write("/etc/systemd/nspawn/theirs.nspawn", "[Exec]\nBoot=yes\n")
    try:
        reload(host)
        assert show(host, "systemd-nspawn@theirs.service", "Id") == "systemd-nspawn@theirs.service"
        # but who starts it as ours gets what the file needs
        assert "/etc/systemd/nspawn/theirs.nspawn" in show(host, "stead@theirs.service", "SourcePath")
    finally:
        host.path("/etc/systemd/nspawn/theirs.nspawn").unlink()


@pytest.mark.parametrize("text", ["Boot=no\nParameters=/bin/sleep 1000\n", "ProcessTwo=yes\nParameters=/bin/sleep 1000\n"])
def test_a_definition_decides_what_is_started(host, make, text):
    guest = make("command", definition=f"[Exec]\n{text}{PRIVATE}")
    reload(host)
    guest.start()
    assert "/bin/sleep" in host.ok(f"cat /sys/fs/cgroup/machine.slice/{guest.q}/payload/cgroup.procs | "
                                   "xargs -I % cat /proc/%/cmdline")
    guest.stop()
    guest.wait_gone()


def test_verify(host, define):
    unit = define("verified", """[Unit]
After=network-online.target
[Exec]
StopTimeoutSec=5
[Files]
Bind=/srv:/srv
[Resources]
MemoryMax=1G
[Install]
WantedBy=machines.target
""")
    done = host.run("systemd-analyze", "verify", "--man=no", unit)
    said = [line for line in done.stdout.splitlines() if line and not (
        # what 252 does not know yet and reads past
        host.version == "252" and re.search("'(DelegateSubgroup|CoredumpReceive)'.*ignoring", line))]
    assert (done.returncode, said) == (0, [])


def test_directories(host):
    host.ok("rm -rf /run/stead/empty; systemd-tmpfiles --create stead.conf")
    assert host.ok("stat -c '%a %U %n' /run/stead /var/lib/stead /var/lib/machines").splitlines() == [
        "755 root /run/stead", "755 root /var/lib/stead", "700 root /var/lib/machines"]
    # the line that we share with systemd's own file is the same
    assert "machines" not in host.sh("systemd-tmpfiles --create 2>&1")


def test_a_host_without_machines_target(host):
    own = "/usr/lib/systemd/system/machines.target"
    assert show(host, "machines.target", "FragmentPath").endswith("/lib/systemd/system/machines.target")
    host.ok(f"mv {own} {own}.away")
    try:
        reload(host)
        assert show(host, "machines.target", "FragmentPath") == "/run/systemd/generator/machines.target"
        assert "multi-user.target" in show(host, "machines.target", "WantedBy")
    finally:
        host.ok(f"mv {own}.away {own}")
        reload(host)


# --- definitions ---------------------------------------------------------------------------------

# line of [Resources], property, what systemd shows; a version is that from which on systemd knows the key
RESOURCES = [
    ("CPUAccounting=yes", "CPUAccounting", "yes"),
    ("CPUWeight=250", "CPUWeight", "250"),
    ("StartupCPUWeight=idle", "StartupCPUWeight", "idle"),
    ("CPUQuota=150.5%", "CPUQuotaPerSecUSec", "1.505000s"),
    ("CPUQuotaPeriodSec=20ms", "CPUQuotaPeriodUSec", "20ms"),
    ("AllowedCPUs=0-2 5\nAllowedCPUs=7", "AllowedCPUs", "0-2 5 7"),
    # shown as a bitmap by both versions
    ("StartupAllowedCPUs=0,1", "StartupAllowedCPUs", "0300000000000000"),
    ("AllowedMemoryNodes=0", "AllowedMemoryNodes", "0"),
    ("StartupAllowedMemoryNodes=0", "StartupAllowedMemoryNodes", "0100000000000000"),
    ("MemoryAccounting=on", "MemoryAccounting", "yes"),
    ("MemoryMin=1M", "MemoryMin", "1048576"),
    ("MemoryLow=1.5M", "MemoryLow", "1572864"),
    ("StartupMemoryLow=3M", "StartupMemoryLow", "3145728", 253),
    ("DefaultMemoryMin=1K", "DefaultMemoryMin", "1024"),
    ("DefaultMemoryLow=2K", "DefaultMemoryLow", "2048"),
    ("DefaultStartupMemoryLow=4K", "DefaultStartupMemoryLow", "4096", 253),
    ("MemoryHigh=infinity", "MemoryHigh", "infinity"),
    ("StartupMemoryHigh=1G", "StartupMemoryHigh", "1073741824", 253),
    ("MemoryMax=2G\nMemoryMax=1G 512M", "MemoryMax", "1610612736"),
    ("StartupMemoryMax=infinity", "StartupMemoryMax", "infinity", 253),
    ("MemorySwapMax=0", "MemorySwapMax", "0"),
    ("StartupMemorySwapMax=1M", "StartupMemorySwapMax", "1048576", 253),
    ("MemoryZSwapMax=10M", "MemoryZSwapMax", "10485760", 253),
    ("StartupMemoryZSwapMax=11M", "StartupMemoryZSwapMax", "11534336", 253),
    ("MemoryZSwapWriteback=no", "MemoryZSwapWriteback", "no", 256),
    ("MemoryPressureWatch=skip", "MemoryPressureWatch", "skip", 254),
    ("MemoryPressureThresholdSec=150ms", "MemoryPressureThresholdUSec", "150ms", 254),
    ("TasksAccounting=yes", "TasksAccounting", "yes"),
    ("TasksMax=4000", "TasksMax", "4000"),
    ("IOAccounting=yes", "IOAccounting", "yes"),
    ("IOWeight=50", "IOWeight", "50"),
    ("StartupIOWeight=60", "StartupIOWeight", "60"),
    ("IODeviceWeight=/dev/null 200", "IODeviceWeight", "/dev/null 200"),
    ("IOReadBandwidthMax=/dev/null 5M\nIOReadBandwidthMax=/srv/100% 1.5K", "IOReadBandwidthMax",
     "/dev/null 5000000\n/srv/100% 1500"),
    ("IOWriteBandwidthMax=/dev/null 1G", "IOWriteBandwidthMax", "/dev/null 1000000000"),
    ("IOReadIOPSMax=/dev/null 100", "IOReadIOPSMax", "/dev/null 100"),
    ("IOWriteIOPSMax=/dev/null 200", "IOWriteIOPSMax", "/dev/null 200"),
    ("IODeviceLatencyTargetSec=/dev/null 25ms", "IODeviceLatencyTargetUSec", "/dev/null 25ms"),
    ("IPAccounting=yes", "IPAccounting", "yes"),
    ("IPAddressAllow=192.0.2.1/24", "IPAddressAllow", "192.0.2.0/24"),
    ("IPAddressDeny=2001:db8::1/32", "IPAddressDeny", "2001:db8::/32"),
    ("SocketBindAllow=ipv6:tcp:8000-8999", "SocketBindAllow", "ipv6:tcp8000-8999"),
    ("SocketBindDeny=any", "SocketBindDeny", "any"),
    ("RestrictNetworkInterfaces=~eth0 eth1\nRestrictNetworkInterfaces=eth1", "RestrictNetworkInterfaces", "~eth0"),
    ("NFTSet=cgroup:inet:filter:machines", None, None, 255),
    ("IPIngressFilterPath=/sys/fs/bpf/in", "IPIngressFilterPath", "/sys/fs/bpf/in"),
    ("IPEgressFilterPath=/sys/fs/bpf/out", "IPEgressFilterPath", "/sys/fs/bpf/out"),
    ("BPFProgram=bind6:/sys/fs/bpf/bind", "BPFProgram", "bind6:/sys/fs/bpf/bind"),
    ("DeviceAllow=/dev/kvm rw\nDeviceAllow=char-alsa", "DeviceAllow",
     "/dev/fuse rwm\n/dev/kvm rw\n/dev/net/tun rwm\nchar-alsa rwm\nchar-pts rw"),
    ("DevicePolicy=strict", "DevicePolicy", "strict"),
    ("Slice=machine-site.slice", "Slice", "machine-site.slice"),
    ("DisableControllers=io", "DisableControllers", "io"),
    ("ManagedOOMSwap=kill", "ManagedOOMSwap", "kill"),
    ("ManagedOOMMemoryPressure=kill", "ManagedOOMMemoryPressure", "kill"),
    ("ManagedOOMMemoryPressureLimit=60%", "ManagedOOMMemoryPressureLimit", "2576980377"),
    ("ManagedOOMMemoryPressureDurationSec=7s", "ManagedOOMMemoryPressureDurationUSec", "7s", 257),
    ("ManagedOOMPreference=avoid", "ManagedOOMPreference", "avoid"),
    ("CoredumpReceive=no", "CoredumpReceive", "no", 255),
]


def since(row):
    return row[3] if len(row) > 3 else 0


def test_every_resource_reaches_the_unit(host, define):
    since_here = host.cursor()
    unit = define("limited", "[Resources]\n" + "\n".join(row[0] for row in RESOURCES) + "\n")
    assert host.ok("stead check limited 2>&1") == "1 definition checked: 0 errors, 0 warnings."
    shown = {}
    for line in host.ok(f"systemctl show {unit}").splitlines():
        key, _, value = line.partition("=")
        shown.setdefault(key, []).append(value)
    known = [row for row in RESOURCES if since(row) <= int(host.version)]
    wrong = {row[1]: sorted(shown.get(row[1], [])) for row in known
             if row[1] and sorted(shown.get(row[1], [])) != sorted(row[2].split("\n"))}
    assert not wrong

    # systemd has read all that it can know; it tells what it reads past
    ignored = set(re.findall(r"'(\w+)' in section", "\n".join(
        line for line in host.journal(since=since_here).splitlines() if "10-stead.conf" in line)))
    assert ignored == {row[0].split("=")[0] for row in RESOURCES if row not in known}


def test_a_percentage_is_of_the_whole(host, define):
    unit = define("half", "[Resources]\nMemoryMax=50%\nTasksMax=10%\n")
    total = int(re.search(r"MemTotal: +(\d+) kB", host.ok("cat /proc/meminfo"))[1]) * 1024
    assert total * 0.4 < int(show(host, unit, "MemoryMax")) < total * 0.6
    assert 0 < int(show(host, unit, "TasksMax")) <= int(host.ok("cat /proc/sys/kernel/pid_max")) / 10


def test_the_table_is_complete(host):
    """No key of this systemd is missing from ours, and each that is in the table above is one."""
    items = host.ok("/lib/systemd/systemd --user --dump-configuration-items 2>/dev/null")
    theirs = set(re.findall(r"(?m)^(\w+)=", items.split("\n[Slice]\n")[1].split("\n\n")[0]))
    assert len(theirs) > 50
    ours = {row[0].split("=")[0] for row in RESOURCES if since(row) <= int(host.version)}
    assert theirs - ours == REFUSED & theirs
    assert ours <= theirs


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_refused_keys_say_why(host, define, key):
    define("refused", f"[Resources]\n{key}=1\n")
    said = host.sh("stead check refused")
    assert f"refused.machine:2: {key}= is not for machines: " in said


def test_dependencies(host, define):
    define("db", "[Exec]\nStopTimeoutSec=5\n[Image]\nDirectory=/srv/trees/db\n")
    unit = define("app", "[Unit]\nRequires=stead@db.service\nAfter=network-online.target\n[Files]\n"
                         "Bind=/srv/trees/db/run/socket\nBindReadOnly=/srv/data\n[Service]\nRestart=on-failure\n")
    after = show(host, unit, "After").split()
    assert {"stead@db.service", "network-online.target", "network.target"} <= set(after)
    assert show(host, unit, "Requires").split().count("stead@db.service") == 1
    assert set(show(host, unit, "RequiresMountsFor").split()) == {
        "/var/lib/machines/app", "/srv/trees/db/run/socket", "/srv/data"}
    assert show(host, unit, "Restart") == "on-failure"
    assert show(host, "stead@db.service", "TimeoutStopUSec") == "15s"
    assert show(host, unit, "TimeoutStopUSec") == "1min 40s"
    assert show(host, unit, "SourcePath") == "/etc/stead/app.machine"


def test_alias_and_targets(host, define):
    unit = define("site", "[Install]\nWantedBy=machines.target\nRequiredBy=rescue.target\nAlias=container@site.service\n")
    assert show(host, "container@site.service", "Id") == unit
    assert show(host, unit, "WantedBy").split() == ["machines.target"]
    assert host.ok(f"systemctl is-enabled {unit}") == "enabled-runtime"
    assert unit in show(host, "rescue.target", "Requires").split()


def test_drop_ins_of_a_definition(host, define):
    unit = define("dropped", "[Resources]\nMemoryMax=1G\n")
    host.write("/etc/stead/dropped.machine.d/10-more.conf", "[Resources]\nMemoryMax=2G\nCPUWeight=20\n")
    try:
        reload(host)
        assert (show(host, unit, "MemoryMax"), show(host, unit, "CPUWeight")) == ("2147483648", "20")
    finally:
        host.ok("rm -r /etc/stead/dropped.machine.d")
    reload(host)
    assert (show(host, unit, "MemoryMax"), show(host, unit, "CPUWeight")) == ("1073741824", "[not set]")


# --- mistakes ------------------------------------------------------------------------------------

MISTAKES = [
    ("[Exec]\nBoot=maybe\n", 2, "Boot=maybe: not a boolean"),
    ("[Resources]\nMemoryMax=12q\n", 2, "MemoryMax=12q: not a size"),
    ("[Resources]\nMemroyMax=1G\n", 2, "there is no resource key MemroyMax="),
    ("[Unit]\nDescription=x\nAfter=db.machine\n", 3, "After=db.machine: 'db.machine' is a definition, not a unit"),
    ("[Service]\nKillMode=none\n", 2, "KillMode= cannot be set in [Service]"),
    ("[Install]\nWantedBy=machines\n", 2, "WantedBy=machines: 'machines' is not the name of a unit"),
    ("[Resources]\nDiskMax=4Q\n", 2, "DiskMax=4Q: not a size"),
]


@pytest.mark.parametrize("text, line, words", MISTAKES, ids=[re.search(r"(\w+)=", m[2])[1] for m in MISTAKES])
def test_a_mistake_is_seen_in_the_status(host, make, text, line, words):
    guest = make("mistaken", definition=text)
    reload(host)
    place = f"/etc/stead/mistaken.machine:{line}: "
    # before the start, in the description; after it, from the launcher
    assert place + words[:40] in show(host, guest.unit, "Description")
    assert place + words in host.sh("stead check mistaken")
    assert host.status(f"systemctl start {guest.q}") != 0
    host.ok("journalctl --sync")
    status = host.sh(f"systemctl status --no-pager -l {guest.q}")
    assert place + words in re.sub(r"\n", " ", status)
    assert re.search(r"stead-launch\[\d+\]: .*" + re.escape(place + words), status)
    assert guest.unit in host.sh("systemctl --failed --no-legend --plain")


def test_a_mistake_is_mended(host, make):
    guest = make("mended", definition="[Resources]\nMemoryMax=1Q\n" + PRIVATE)
    good = make("beside-it", definition="[Resources]\nMemoryMax=1G\n" + PRIVATE)
    reload(host)
    assert host.status(f"systemctl start {guest.q}") != 0
    assert show(host, good.unit, "MemoryMax") == "1073741824"
    host.write("/etc/stead/mended.machine", "[Resources]\nMemoryMax=1G\n" + PRIVATE)
    reload(host)
    guest.start()
    assert (show(host, guest.unit, "MemoryMax"), show(host, guest.unit, "Description")) == ("1073741824", "Machine mended")
    guest.stop()


# --- a boot of the host --------------------------------------------------------------------------

def test_what_a_booting_host_starts(version):
    wanted = PRIVATE + "[Install]\nWantedBy=machines.target\n"
    host = lab.Host(version).make()
    host.add_guest("first", definition=wanted)
    host.add_guest("second", definition=wanted + "[Unit]\nAfter=stead@first.service\n")
    host.add_guest("broken", definition=wanted + "[Exec]\nBoot=maybe\n")
    host.add_guest("unwanted", definition=PRIVATE)
    host.add_guest("enabled", definition=None)
    links_of_target = host.path("/etc/systemd/system/machines.target.wants")
    links_of_target.mkdir(exist_ok=True)
    (links_of_target / "stead@enabled.service").symlink_to("/usr/lib/systemd/system/stead@.service")
    with host:
        host.wait("systemctl is-active machines.target", 120)
        state = {n: host.sh(f"systemctl is-active stead@{n}") for n in ("first", "second", "broken", "unwanted", "enabled")}
        assert state == {"first": "active", "second": "active", "broken": "failed", "unwanted": "inactive",
                         "enabled": "active"}
        ready = int(show(host, "stead@first.service", "ActiveEnterTimestampMonotonic"))
        assert ready <= int(show(host, "stead@second.service", "InactiveExitTimestampMonotonic"))
        assert "broken.machine:6: Boot=maybe" in show(host, "stead@broken.service", "Description")
        # an orderly stop of the host stops them all in an orderly way: see Host.stop()
        host.ok("systemctl stop machines.target")
        host.wait("test -z \"$(machinectl --no-legend)\"")
        assert show(host, "stead@first.service", "Result") == "success"


def test_the_store_is_checked_by_a_timer(host):
    host.ok("stead layer gc -q; mkdir -p /var/tmp/small; echo 1 >/var/tmp/small/file; stead layer import -q test/small /var/tmp/small")
    host.ok("systemctl daemon-reload; systemctl enable --now stead-layer-fsck.timer")
    assert "stead-layer-fsck.service" in host.ok("systemctl list-timers stead-layer-fsck.timer")
    host.ok("systemctl disable --now stead-layer-fsck.timer; systemctl start stead-layer-fsck.service")
    host.ok("find /var/lib/stead/store/objects -type f -exec sh -c 'echo 2 >\"$1\"' - {} \\;")
    assert host.run("systemctl", "start", "stead-layer-fsck.service").returncode != 0
    assert "damaged" in host.ok("journalctl --sync; journalctl -u stead-layer-fsck -o cat")
    host.ok("systemctl reset-failed stead-layer-fsck.service; stead layer remove -q --yes test/small || stead layer remove test/small; "
            "stead layer fsck --repair -q; rm -rf /var/lib/stead/store /var/tmp/small")
