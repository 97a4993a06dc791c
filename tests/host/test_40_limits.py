# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits on hosts with systemd: [Resources] on the unit and on the scope, and stead set. These hosts have hardly any
controller, so what systemd knows is looked at; that limits hold is tested in virtual machines."""
import pytest

import lab

# key, value, property and value as systemctl shows it (None: its raw bytes), first version of systemd
KEYS = [
    ("CPUAccounting", "yes", "CPUAccounting", "yes", 0),
    ("CPUWeight", "300", "CPUWeight", "300", 0),
    ("CPUWeight", "idle", "CPUWeight", "idle", 0),
    ("StartupCPUWeight", "200", "StartupCPUWeight", "200", 0),
    ("CPUQuota", "150%", "CPUQuotaPerSecUSec", "1.500000s", 0),
    ("CPUQuotaPeriodSec", "10ms", "CPUQuotaPeriodUSec", "10ms", 0),
    ("AllowedCPUs", "0", "AllowedCPUs", "0", 0),
    ("StartupAllowedCPUs", "0-1", "StartupAllowedCPUs", None, 0),
    ("AllowedMemoryNodes", "0", "AllowedMemoryNodes", "0", 0),
    ("StartupAllowedMemoryNodes", "0", "StartupAllowedMemoryNodes", None, 0),
    ("MemoryAccounting", "yes", "MemoryAccounting", "yes", 0),
    ("MemoryMin", "10M", "MemoryMin", "10485760", 0),
    ("MemoryLow", "20M", "MemoryLow", "20971520", 0),
    ("DefaultMemoryLow", "20M", "DefaultMemoryLow", "20971520", 0),
    ("StartupMemoryLow", "20M", "StartupMemoryLow", "20971520", 253),
    ("MemoryHigh", "1G", "MemoryHigh", "1073741824", 0),
    ("MemoryMax", "2G", "MemoryMax", "2147483648", 0),
    ("MemorySwapMax", "0", "MemorySwapMax", "0", 0),
    ("MemoryZSwapMax", "1M", "MemoryZSwapMax", "1048576", 253),
    ("MemoryZSwapWriteback", "no", "MemoryZSwapWriteback", "no", 256),
    ("TasksAccounting", "yes", "TasksAccounting", "yes", 0),
    ("TasksMax", "1000", "TasksMax", "1000", 0),
    ("IOAccounting", "yes", "IOAccounting", "yes", 0),
    ("IOWeight", "300", "IOWeight", "300", 0),
    ("StartupIOWeight", "300", "StartupIOWeight", "300", 0),
    ("IODeviceWeight", "/dev/null 200", "IODeviceWeight", "/dev/null 200", 0),
    ("IOReadBandwidthMax", "/dev/null 5M", "IOReadBandwidthMax", "/dev/null 5000000", 0),
    ("IOWriteBandwidthMax", "/dev/null 6M", "IOWriteBandwidthMax", "/dev/null 6000000", 0),
    ("IOReadIOPSMax", "/dev/null 100", "IOReadIOPSMax", "/dev/null 100", 0),
    ("IOWriteIOPSMax", "/dev/null 200", "IOWriteIOPSMax", "/dev/null 200", 0),
    ("IODeviceLatencyTargetSec", "/dev/null 25ms", "IODeviceLatencyTargetUSec", "/dev/null 25ms", 0),
    ("IPAccounting", "yes", "IPAccounting", "yes", 0),
    ("IPAddressDeny", "any", "IPAddressDeny", {"0.0.0.0/0", "::/0"}, 0),
    ("IPAddressAllow", "10.0.0.0/8 ::1", "IPAddressAllow", {"10.0.0.0/8", "::1/128"}, 0),
    ("SocketBindDeny", "ipv4:tcp:80-81", "SocketBindDeny", "ipv4:tcp80-81", 0),
    ("SocketBindAllow", "udp:53", "SocketBindAllow", "udp53", 0),
    ("RestrictNetworkInterfaces", "~eth7", "RestrictNetworkInterfaces", "~eth7", 0),
    ("DeviceAllow", "/dev/full r", "DeviceAllow", {"/dev/full r"}, 0),
    ("DevicePolicy", "strict", "DevicePolicy", "strict", 0),
    ("ManagedOOMSwap", "kill", "ManagedOOMSwap", "kill", 0),
    ("ManagedOOMMemoryPressure", "kill", "ManagedOOMMemoryPressure", "kill", 0),
    ("ManagedOOMMemoryPressureDurationSec", "10s", "ManagedOOMMemoryPressureDurationUSec", "10s", 257),
    ("ManagedOOMPreference", "avoid", "ManagedOOMPreference", "avoid", 0),
]


def stead(host, *words, status=0, **more):
    done = host.run("stead", *words, **more)
    assert done.returncode == status, f"stead {' '.join(words)}: {done.returncode}\n{done.stdout}"
    return done.stdout


def shown(host, unit, name):
    return host.ok(f"systemctl show -P {name} {unit!r}")


def is_shown(value, expected):
    if isinstance(expected, set):
        return expected <= set(value.splitlines()) | set(value.split())
    return value == expected


@pytest.fixture(scope="module", params=lab.KINDS)
def target(request, host):
    """A machine of its own for this file, of either kind."""
    name = "limit" + request.param
    host.add_guest(name)
    guest = lab.Guest(host, name, request.param).start()
    yield guest
    guest.remove()
    host.run("rm", "-rf", f"/etc/stead/{name}.machine", f"/etc/stead/{name}.machine.d")
    host.run("systemctl", "daemon-reload")


@pytest.mark.parametrize("key, value, name, expected, since", KEYS, ids=[f"{k[0]}-{i}" for i, k in enumerate(KEYS)])
def test_every_key_reaches_the_unit(host, target, key, value, name, expected, since):
    if since > int(host.version):
        said = stead(host, "set", target.name, f"{key}={value}", status=1)
        assert f"{key}= needs systemd {since}, this host has {host.version}" in said
        return
    said = stead(host, "set", target.name, f"{key}={value}")
    assert f"{key}=" in said
    if expected is None:
        assert f"{key}={value}" in said
        return
    now = shown(host, target.unit, name)
    assert is_shown(now, expected), f"{name} is {now!r}, not {expected!r}"


def test_percentages_are_of_this_host(host, target):
    said = stead(host, "set", target.name, "MemoryMax=50%", "TasksMax=10%")
    total = 1024 * int(host.ok("awk '/MemTotal/ {print $2}' /proc/meminfo"))
    assert abs(int(shown(host, target.unit, "MemoryMax")) - total / 2) < 1 << 20
    assert f"TasksMax={shown(host, target.unit, 'TasksMax')}" in said


def test_empty_values_take_back(host, target):
    stead(host, "set", target.name, "MemoryMax=1G", "CPUQuota=10%", "IPAddressDeny=any", "TasksMax=7", "CPUWeight=7")
    said = stead(host, "set", target.name, "MemoryMax=", "CPUQuota=", "IPAddressDeny=", "TasksMax=", "CPUWeight=")
    assert "MemoryMax=infinity (was 1G)" in said and "CPUQuota=infinity (was 10%)" in said
    assert shown(host, target.unit, "MemoryMax") == shown(host, target.unit, "CPUQuotaPerSecUSec") == "infinity"
    assert shown(host, target.unit, "IPAddressDeny") == ""
    assert shown(host, target.unit, "TasksMax") == "16384"
    assert shown(host, target.unit, "CPUWeight") == "[not set]"


def test_a_list_is_emptied_and_filled_in_one_call(host, target):
    stead(host, "set", target.name, "IPAddressDeny=192.0.2.1", "DeviceAllow=/dev/fuse rw")
    stead(host, "set", target.name, "IPAddressDeny=", "IPAddressDeny=192.0.2.2", "IPAddressDeny=192.0.2.3")
    assert set(shown(host, target.unit, "IPAddressDeny").split()) == {"192.0.2.2/32", "192.0.2.3/32"}
    stead(host, "set", target.name, "IPAddressDeny=192.0.2.4")
    assert len(shown(host, target.unit, "IPAddressDeny").split()) == 3
    stead(host, "set", target.name, "IPAddressDeny=", "DeviceAllow=")


def test_all_or_nothing(host, target):
    before = shown(host, target.unit, "MemoryMax"), shown(host, target.unit, "TasksMax")
    for wrong in ("CPUQuota=lots", "NoSuchKey=1", "Slice=a.slice"):
        stead(host, "set", target.name, "MemoryMax=77M", wrong, "TasksMax=77", status=1)
    assert (shown(host, target.unit, "MemoryMax"), shown(host, target.unit, "TasksMax")) == before


def test_missing_controllers_are_told(host, target):
    has = "memory" in host.ok("cat /sys/fs/cgroup/cgroup.controllers").split()
    said = stead(host, "set", target.name, "MemoryMax=1G")
    assert ("MemoryMax= has no effect: this host has no cgroup controller 'memory'" in said) != has


def test_persist_survives_a_restart_and_a_later_change(host, make):
    guest = make("limitkept").start()
    host.write("/etc/stead/limitkept.machine", "[Resources]\nMemoryMax=3G\n")
    stead(host, "set", "limitkept", "MemoryMax=1G")
    said = stead(host, "set", "--persist", "limitkept", "MemoryMax=2G", "Slice=machine-limits.slice")
    assert "MemoryMax=2G (was 1G)" in said and "Slice=machine-limits.slice (from the next start on)" in said
    assert shown(host, guest.unit, "MemoryMax") == str(2 << 30)
    assert host.ok("cat /etc/stead/limitkept.machine.d/50-set.conf").splitlines()[1:] == [
        "[Resources]", "MemoryMax=2G", "Slice=machine-limits.slice"]
    stead(host, "restart", "limitkept")
    assert shown(host, guest.unit, "MemoryMax") == str(2 << 30)
    assert "machine-limits.slice" in guest.cgroup()
    # what was set before must not hide what the definition says from now on
    host.write("/etc/stead/limitkept.machine.d/50-set.conf", "[Resources]\nMemoryMax=4G\n")
    stead(host, "restart", "limitkept")
    assert shown(host, guest.unit, "MemoryMax") == str(4 << 30)
    stead(host, "stop", "limitkept")
    said = stead(host, "set", "--persist", "limitkept", "MemoryMax=5G")
    assert "MemoryMax=5G (from the next start on)" in said
    assert shown(host, guest.unit, "MemoryMax") == str(5 << 30)
    host.ok("rm -r /etc/stead/limitkept.machine /etc/stead/limitkept.machine.d; systemctl daemon-reload")


@pytest.mark.parametrize("kind", lab.KINDS)
def test_the_definition_reaches_the_unit(host, make, kind):
    guest = make("limitdef" + kind, kind)
    file = f"/etc/stead/limitdef{kind}.machine"
    host.write(file, "[Resources]\nMemoryMax=1G\nCPUQuota=50%\nTasksMax=500\nAllowedCPUs=0\nAllowedCPUs=1\n"
                     "IOReadBandwidthMax=/dev/null 5M\nIPAddressDeny=any\nIPAddressAllow=localhost\nSlice=machine-d.slice\n")
    host.ok("systemctl daemon-reload")
    guest.start()
    try:
        for name, expected in [("MemoryMax", str(1 << 30)), ("CPUQuotaPerSecUSec", "500ms"), ("TasksMax", "500"),
                               ("AllowedCPUs", "0-1"), ("IOReadBandwidthMax", "/dev/null 5000000"),
                               ("IPAddressDeny", {"0.0.0.0/0", "::/0"}), ("IPAddressAllow", {"127.0.0.0/8", "::1/128"}),
                               ("Slice", "machine-d.slice")]:
            assert is_shown(shown(host, guest.unit, name), expected), name
        assert "/machine-d.slice/" in guest.cgroup()
        guest.stop()
    finally:
        host.ok(f"rm {file}; systemctl daemon-reload")
